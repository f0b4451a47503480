"""The network: its shapes, what is shared in it, and how it starts."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from inference.convglr.encodings import _angles, _angles_torch
from inference.convglr.network import ConvGLR, Level, NetworkConfig, Output, slots
from inference.planesweep.draft import attend
from inference.planesweep.geometry import sweep_geometry
from tests.unit.networks import SMALL, inputs_for, network_of
from tests.unit.sweep_scenes import curved_interval, source_cameras, target_camera

CONFIGS = [
    NetworkConfig(2, 8, 4, 4),
    NetworkConfig(3, 16, 4, 4),
    NetworkConfig(4, 8, 8, 2),
    NetworkConfig(3, 8, 1, 4, guided=False),
    NetworkConfig(4, 12, 3, 4, guided=False),
]


def apply(network: ConvGLR, sources: int | None = None) -> Output:
    sweep, slab, encodings = inputs_for(network.config, sources)
    output: Output = network(slab.volume, encodings, slab.energy, sweep.view_weights)
    return output


@torch.no_grad()
@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: f"V{config.views}-D{config.planes}-G{config.group}")
def test_shapes(config: NetworkConfig) -> None:
    network = network_of(config)
    output = apply(network)
    assert output.rgb.shape == (3, 40, 48) and torch.isfinite(output.rgb).all()
    assert 2 ** len(network.tree) == config.planes // config.group
    if not config.guided:
        assert output.draft is None and output.attention is None
        return
    assert output.attention is not None and output.attention.shape == (config.planes, 40, 48)
    assert torch.allclose(output.attention.sum(dim=0), torch.ones(()), atol=1e-5)
    assert output.draft is not None and output.draft.views.shape == (config.views, 3, 40, 48)


@pytest.mark.parametrize("sources", [3, 2])
def test_untrained_guided_network_gives_the_classical_draft(sources: int) -> None:
    sweep, slab, encodings = inputs_for(SMALL, sources)
    with torch.no_grad():
        output = network_of(SMALL)(slab.volume, encodings, slab.energy, sweep.view_weights)
    draft = attend(slab.volume, torch.softmax(-slab.energy, dim=0), sweep.view_weights)
    assert torch.allclose(output.rgb, draft.rgb, atol=1e-6)
    assert output.draft is not None and torch.allclose(output.draft.disparity, draft.disparity, atol=1e-6)


@torch.no_grad()
def test_guided_network_that_learned_something_differs_from_the_draft() -> None:
    output = apply(network_of(SMALL, awake=True))
    assert output.draft is not None and (output.rgb - output.draft.rgb).abs().mean() > 1e-3


@torch.no_grad()
def test_pure_network_needs_no_classical_energy() -> None:
    config = NetworkConfig(3, 8, 4, 4, guided=False)
    sweep, slab, encodings = inputs_for(config)
    network = network_of(config)
    with_energy = network(slab.volume, encodings, slab.energy, sweep.view_weights).rgb
    without = network(slab.volume, encodings, torch.zeros_like(slab.energy), sweep.view_weights).rgb
    assert torch.equal(with_energy, without)
    # It does look at the volume.
    slab.volume.colours.mul_(0.5)
    assert not torch.allclose(network(slab.volume, encodings, slab.energy, sweep.view_weights).rgb, without, atol=1e-4)


@pytest.mark.parametrize(
    "wrong",
    [
        {"planes": 24, "group": 4},  # six slices
        {"planes": 30, "group": 4},
        {"planes": 4, "group": 8},
        {"planes": 0},
        {"group": 0},
        {"views": 1},
        {"width": 0},
        {"width": -4},
        {"planes": 32.0},
        {"views": "4"},
    ],
    ids=str,
)
def test_configurations_that_make_no_network_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"power of two|must be a whole number"):
        NetworkConfig(**wrong)


def test_configuration_survives_json() -> None:
    config = NetworkConfig(3, 64, 8, 12, guided=False)
    assert NetworkConfig.from_json(json.loads(json.dumps(config.to_json()))) == config
    with pytest.raises(KeyError):
        NetworkConfig.from_json({"views": 4})


@pytest.mark.parametrize("guided", [True, False])
def test_gradient_reaches_every_parameter(guided: bool) -> None:
    network = network_of(NetworkConfig(3, 16, 4, 4, guided), awake=True).train()
    output = apply(network)
    torch.autograd.backward(output.rgb.square().sum())
    untouched = [
        name for name, value in network.named_parameters() if value.grad is None or not value.grad.abs().sum() > 0
    ]
    # The coarse pass's cost works before the volume is made, and is learned on its own.
    assert [name for name in untouched if not name.startswith("cost.")] == []


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_weights_are_shared_inside_a_level_and_differ_between_levels() -> None:
    small, large = (ConvGLR(NetworkConfig(3, planes, 4, 4)) for planes in (16, 32))
    # Twice the slices cost one more level and nothing else: neither matching nor levels know how many there are.
    assert count(large) - count(small) == count(large.tree[-1]) == count(small.tree[0])
    assert count(large.matching) == count(small.matching)
    first, second = small.tree[0], small.tree[1]
    assert isinstance(first, Level) and isinstance(second, Level)
    assert not torch.equal(first.join.weight, second.join.weight)
    slices = torch.rand(2, 16, 6, 6).repeat(2, 1, 1, 1)
    with torch.no_grad():
        joined = first(slices)
        assert joined.shape == (2, 16, 6, 6)
        assert torch.allclose(joined[0], joined[1], atol=1e-6)
        # Neighbours are joined, in order.
        alone = first(slices[:2])
        assert torch.allclose(joined[:1], alone, atol=1e-6)
        assert not torch.allclose(first(slices[:2].flip(0)), alone, atol=1e-4)


@torch.no_grad()
def test_matching_treats_every_slice_alike() -> None:
    network = network_of(NetworkConfig(3, 16, 4, 4))
    first = network.matching[0]
    assert isinstance(first, torch.nn.Conv2d)
    grouped = torch.rand(1, first.in_channels, 16, 16).expand(4, -1, -1, -1)
    slices = network.matching(grouped)
    assert slices.shape == (4, 16, 4, 4)
    assert torch.allclose(slices[0], slices[3], atol=1e-6)


@torch.no_grad()
def test_attention_of_a_slice_knows_of_all_others() -> None:
    """The latent is global: the near planes are weighed by what the far ones show."""
    sweep, slab, encodings = inputs_for(SMALL)
    network = network_of(SMALL, awake=True)

    def weighed() -> Tensor:
        attention = network(slab.volume, encodings, slab.energy, sweep.view_weights).attention
        logarithms: Tensor = attention[4:].clamp_min(1e-30).log()
        return logarithms - logarithms[:1]  # whatever the far planes take away from all of them

    before = weighed()
    slab.volume.colours[:4] = 0.5
    assert (weighed() - before).abs().mean() > 1e-5


@torch.no_grad()
def test_grouped_volume_is_plane_major_then_view_then_colour() -> None:
    _, slab, encodings = inputs_for(SMALL)
    grouped = network_of(SMALL)._grouped(slab.volume, encodings)
    assert grouped.shape == (2, 4 * 3 * 3 + 3 + 13, 40, 48)
    for group, plane, view, colour in ((0, 0, 0, 0), (0, 3, 2, 1), (1, 2, 1, 2)):
        channel = (plane * 3 + view) * 3 + colour
        assert torch.equal(grouped[group, channel], slab.volume.colours[group * 4 + plane, view, colour])


def test_sources_share_the_places_of_the_network() -> None:
    assert slots(torch.ones(4), 4) is None
    # The fourth and the fifth share a place.
    shared = slots(torch.tensor([1.0, 1.0, 1.0, 0.75, 0.25]), 4)
    assert shared is not None and torch.equal(shared[:3], torch.eye(5)[:3])
    assert torch.allclose(shared[3], torch.tensor([0.0, 0.0, 0.0, 0.75, 0.25]))
    # Five that are all there: none is left out.
    many = slots(torch.ones(5), 4)
    assert many is not None and torch.allclose(many.sum(dim=0), torch.full((5,), 0.8))
    # Too few: the first again.
    few = slots(torch.tensor([1.0, 1.0, 0.5]), 3)
    assert few is not None and torch.allclose(few[2], torch.tensor([0.5, 0.0, 0.5]))
    for mixture in (shared, many, few):
        assert torch.allclose(mixture.sum(dim=1), torch.ones(()))


@pytest.mark.parametrize("angles", [_angles, _angles_torch], ids=["numba", "torch"])
def test_angles_are_those_between_rays(angles: Callable[..., Tensor]) -> None:
    target, sources = target_camera(12, 9, 10.0), source_cameras(3)
    interval = curved_interval(9, 12)
    geometry = sweep_geometry(target, sources)
    inverse = geometry.ray_matrix
    x = ((torch.arange(12) + 0.5) * inverse[0, 0] + inverse[0, 2]).float()
    y = ((torch.arange(9) + 0.5) * inverse[1, 1] + inverse[1, 2]).float()
    result = angles(geometry, interval, 4, x, y).numpy()
    assert result.shape == (4, 3, 9, 12)
    low, high = interval.low.double().numpy(), interval.high.double().numpy()
    pixels = np.stack(np.meshgrid(np.arange(12) + 0.5, np.arange(9) + 0.5), axis=-1)
    for group in range(4):
        points = target.unproject(pixels, 1 / (low + (group + 0.5) / 4 * (high - low)))
        for view, source in enumerate(sources):
            ours, theirs = points - target.centre, points - source.centre
            cosine = (ours * theirs).sum(-1) / np.linalg.norm(ours, axis=-1) / np.linalg.norm(theirs, axis=-1)
            assert np.abs(result[group, view] - np.arccos(np.clip(cosine, -1, 1))).max() < 1e-4
    assert result.max() > 0.1
