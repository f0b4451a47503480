"""The network on whole targets: weights files to networks, tiles without seams."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from inference.convglr.network import ConvGLR, NetworkConfig
from inference.convglr.pipeline import load_network, render
from inference.errors import Cancelled, WeightsError
from inference.planesweep.pipeline import render_draft
from inference.planesweep.sweep import tiles
from inference.progress import silent
from inference.weights import save_weights
from tests.unit.networks import SMALL, network_of, save_network, sweep_for
from tests.unit.sweep_scenes import CPU

PURE = NetworkConfig(3, 8, 4, 4, guided=False)


@torch.inference_mode()
@pytest.mark.parametrize("config", [SMALL, PURE], ids=["guided", "pure"])
@pytest.mark.parametrize("size", [(141, 102), (129, 40), (40, 97), (97, 1)])
def test_tiles_leave_no_seam(config: NetworkConfig, size: tuple[int, int]) -> None:
    network, sweep = network_of(config, awake=True), sweep_for(config, *size)
    whole = render(network, sweep, 640, silent)
    cut = render(network, sweep, 96, silent)
    assert whole.shape == cut.shape == (7, size[1], size[0]) and torch.isfinite(whole).all()
    assert len(tiles(*sweep.size, 96)) > 1
    difference = (cut - whole)[:3]
    # A seam would be a step beside a tile's border; here nothing reaches even a quarter of a level in 255.
    assert difference.abs().max() < 0.25 / 255


@torch.inference_mode()
def test_guided_tiles_give_depth_and_confidence() -> None:
    network, sweep = network_of(SMALL), sweep_for(SMALL)
    layers, draft = render(network, sweep, 640, silent), render_draft(sweep, 640, silent)
    assert torch.allclose(layers, draft, atol=1e-5)


@torch.inference_mode()
def test_pure_network_has_the_drafts_depth_but_its_own_picture() -> None:
    network, sweep = network_of(PURE), sweep_for(PURE)
    layers, draft = render(network, sweep, 640, silent), render_draft(sweep, 640, silent)
    assert torch.allclose(layers[3:], draft[3:], atol=1e-5)
    assert (layers[:3] - draft[:3]).abs().mean() > 0.05


@torch.inference_mode()
def test_saved_network_renders_the_same(tmp_path: Path) -> None:
    network, sweep = network_of(SMALL, awake=True), sweep_for(SMALL)
    loaded, info = load_network(save_network(tmp_path, network), CPU)
    assert loaded.config == SMALL and info.network == "convglr" and not loaded.training
    error = (render(loaded, sweep, 640, silent) - render(network, sweep, 640, silent)).abs().max()
    assert error < 5e-3  # stored in half precision


@torch.inference_mode()
def test_a_cancel_is_heeded_inside_a_tile() -> None:
    network, sweep = network_of(SMALL), sweep_for(SMALL)
    fractions: list[float] = []
    render(network, sweep, 640, lambda fraction, stage: fractions.append(fraction))
    layers = sum(isinstance(module, torch.nn.Conv2d) for module in network.modules()) - 4  # without the coarse cost's
    assert len(tiles(*sweep.size, 640)) == 1 and len(fractions) > layers
    assert fractions == sorted(fractions) and fractions[-1] < 1
    convolved: list[torch.nn.Module] = []
    watch = torch.nn.modules.module.register_module_forward_hook(lambda module, *_: convolved.append(module))

    def stop(fraction: float, stage: str) -> None:
        if fraction > 0.6:
            raise Cancelled

    try:
        with pytest.raises(Cancelled):
            render(network, sweep, 640, stop)
    finally:
        watch.remove()
    assert 0 < len(convolved) < len(fractions) / 2
    assert not any(module._forward_pre_hooks for module in network.modules())


def changed(network: ConvGLR, **changes: object) -> dict[str, object]:
    return {**network.config.to_json(), **changes}


@pytest.mark.parametrize(
    "changes",
    [{"width": 8}, {"views": 4}, {"planes": 16}, {"guided": False}, {"group": 0}, {"planes": "many"}, {"width": None}],
    ids=str,
)
def test_weights_that_do_not_fit_their_header_are_refused_by_name(tmp_path: Path, changes: dict[str, object]) -> None:
    network, path = network_of(SMALL), tmp_path / "odd.safetensors"
    save_weights(path, network.state_dict(), "convglr", changed(network, **changes), {})
    with pytest.raises(WeightsError, match=r"odd\.safetensors' do not fit"):
        load_network(path, CPU)


def test_header_without_a_configuration_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "odd.safetensors"
    save_weights(path, network_of(SMALL).state_dict(), "convglr", {}, {})
    with pytest.raises(WeightsError, match=r"odd\.safetensors' do not fit"):
        load_network(path, CPU)


def test_missing_and_extra_tensors_are_refused(tmp_path: Path) -> None:
    network, path = network_of(SMALL), tmp_path / "odd.safetensors"
    tensors = dict(network.state_dict())
    dropped = tensors.pop("matching.0.bias")
    save_weights(path, tensors, "convglr", network.config.to_json(), {})
    with pytest.raises(WeightsError, match="do not fit"):
        load_network(path, CPU)
    save_weights(path, {**tensors, "matching.0.bias": dropped, "more": dropped}, "convglr", SMALL.to_json(), {})
    with pytest.raises(WeightsError, match="do not fit"):
        load_network(path, CPU)
