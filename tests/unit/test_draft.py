"""The classical draft: averages over planes and views."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from inference.planesweep import draft as drafts
from inference.planesweep.draft import MISMATCH, Draft, attend, colour_variance, filled, nearness
from inference.planesweep.kernels import MASKED, OUTSIDE, SEEN
from inference.planesweep.pipeline import render_draft
from inference.planesweep.sweep import Sweep
from inference.planesweep.volume import Volume
from inference.progress import silent
from tests.unit.sweep_scenes import FAR, NEAR, look_at, source_cameras, source_images, target_camera
from tests.unit.test_matching import random_volume


def attend_torch(volume: Volume, attention: Tensor, view_weights: Tensor) -> Draft:
    """The implementation that training and other devices use."""
    return attend(volume, attention.clone().requires_grad_(), view_weights)


ATTENDS = pytest.mark.parametrize("attended", [attend, attend_torch], ids=["numba", "torch"])
Attend = Callable[[Volume, Tensor, Tensor], Draft]


def one_hot(volume: Volume, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Attention on one plane a pixel, and which."""
    planes, height, width = volume.disparities.shape
    chosen = torch.from_numpy(np.random.default_rng(seed).integers(0, planes, (height, width)))
    return torch.nn.functional.one_hot(chosen, planes).permute(2, 0, 1).float().contiguous(), chosen


@ATTENDS
def test_attention_on_one_plane_gives_its_very_colours(attended: Attend) -> None:
    volume = random_volume(1)
    volume.state[:] = SEEN
    attention, chosen = one_hot(volume)
    draft = attended(volume, attention, torch.ones(4))
    expected = volume.colours.gather(0, chosen.expand(1, 4, 3, -1, -1))[0]
    assert torch.allclose(draft.views, expected, atol=1e-6)
    assert torch.allclose(draft.disparity, volume.disparities.gather(0, chosen[None])[0])
    assert torch.allclose(draft.confidence, torch.ones(()))
    assert torch.allclose(draft.seen, torch.ones(()), atol=1e-5)
    # All views the same: no weighing can change what they show.
    same = Volume(volume.colours[:, :1].expand(-1, 4, -1, -1, -1).contiguous(), volume.state, volume.disparities)
    assert torch.allclose(attended(same, attention, torch.ones(4)).rgb, expected[0], atol=1e-6)


@ATTENDS
def test_weights_sum_to_one_where_anything_is_seen(attended: Attend) -> None:
    volume = random_volume(2)
    volume.state[..., 2:4, :] = OUTSIDE
    attention = torch.softmax(torch.rand(volume.disparities.shape, generator=torch.Generator().manual_seed(1)) * 8, 0)
    draft = attended(volume, attention, torch.tensor([1.0, 0.5, 0.2, 0.0]))
    total = draft.weights.sum(dim=0)
    inside = (volume.state[:, :3] != OUTSIDE).any(dim=0).any(dim=0)
    assert torch.allclose(total[inside], torch.ones(()), atol=1e-5)
    assert not total[~inside].any() and not draft.rgb[:, ~inside].any() and (~inside).sum() >= 26
    assert not draft.weights[3].any()
    assert (draft.weights >= 0).all() and torch.isfinite(draft.rgb).all()


@ATTENDS
def test_a_view_that_disagrees_loses_its_weight(attended: Attend) -> None:
    colours = torch.full((1, 4, 3, 5, 5), 0.3)
    colours[:, 2] = 0.8
    volume = Volume(colours, torch.full((1, 4, 5, 5), SEEN, dtype=torch.uint8), torch.full((1, 5, 5), 0.3))
    draft = attended(volume, torch.ones(1, 5, 5), torch.ones(4))
    assert draft.weights[2].max() < 1e-4
    assert (draft.rgb - 0.3).abs().max() < 1e-3
    alone = Volume(colours[:, 2:3], volume.state[:, 2:3], volume.disparities)
    assert torch.allclose(attended(alone, torch.ones(1, 5, 5), torch.ones(1)).rgb, torch.tensor(0.8))


@ATTENDS
def test_masked_out_means_no_alpha_but_the_colour_stays(attended: Attend) -> None:
    volume = random_volume(3)
    volume.state[:] = SEEN
    volume.state[..., :6] = MASKED
    attention, _ = one_hot(volume)
    draft = attended(volume, attention, torch.ones(4))
    assert not draft.seen[:, :6].any() and torch.allclose(draft.seen[:, 6:], torch.ones(()), atol=1e-5)
    assert torch.allclose(draft.weights.sum(dim=0), torch.ones(()), atol=1e-5)
    volume.state[:] = SEEN
    assert torch.allclose(draft.rgb, attended(volume, attention, torch.ones(4)).rgb, atol=1e-2)


@ATTENDS
def test_what_one_view_masks_out_is_taken_from_the_others(attended: Attend) -> None:
    """A passer-by masked out of one of four: opaque, and nothing of that view's colour."""
    colours = torch.full((1, 4, 3, 5, 5), 0.4)
    colours[:, 1] = 0.45
    volume = Volume(colours, torch.full((1, 4, 5, 5), SEEN, dtype=torch.uint8), torch.full((1, 5, 5), 0.3))
    volume.state[:, 1] = MASKED
    draft = attended(volume, torch.ones(1, 5, 5), torch.ones(4))
    assert draft.weights[1].max() < 2e-3 and draft.seen.min() > 0.998
    assert (draft.rgb - 0.4).abs().max() < 1e-3


@ATTENDS
def test_what_most_views_mask_out_is_the_backdrop(attended: Attend) -> None:
    """Transparent but for the one that shows it, and coloured by all, so that no fringe appears."""
    volume = random_volume(3)
    volume.state[:] = MASKED
    volume.state[:, 1] = SEEN
    attention, _ = one_hot(volume)
    draft = attended(volume, attention, torch.ones(4))
    assert torch.allclose(draft.seen, draft.weights[1], atol=1e-4)
    volume.state[:] = SEEN
    assert torch.allclose(draft.weights, attended(volume, attention, torch.ones(4)).weights, atol=1e-4)


def slow_variance(volume: Volume) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    colours, state = volume.colours.double().numpy(), volume.state.numpy()
    planes, _, _, height, width = colours.shape
    point = np.empty((planes, height, width))
    for k, y, x in np.ndindex(planes, height, width):
        weights = volume.present.double().numpy() * (state[k, :, y, x] != OUTSIDE)
        second = min(weights.sum() - weights.max(), 1.0)
        point[k, y, x] = (1 - second) * MISMATCH
        if second > 0:
            samples = colours[k, :, :, y, x]
            mean = np.average(samples, axis=0, weights=weights)
            point[k, y, x] += second * np.average((samples - mean) ** 2, axis=0, weights=weights).mean()
    result = np.empty_like(point)
    for k, y, x in np.ndindex(planes, height, width):
        result[k, y, x] = point[k, max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3].mean()
    return result


@pytest.mark.parametrize("variance", [colour_variance, drafts._colour_variance_torch], ids=["numba", "torch"])
@pytest.mark.parametrize("presence", [None, (1.0, 0.7, 0.2, 0.0)])
def test_variance_equals_the_slow_one(variance: Callable[[Volume], Tensor], presence: tuple[float, ...] | None) -> None:
    volume = replace(random_volume(4), presence=None if presence is None else torch.tensor(presence))
    volume.state[1, 1:] = OUTSIDE
    volume.state[2, 1:] = MASKED
    expected = slow_variance(volume)
    assert np.abs(variance(volume).numpy() - expected).max() < 1e-5
    assert expected[1].max() == pytest.approx(MISMATCH)


def test_nearer_sources_weigh_more() -> None:
    target = look_at((0, 0, 0), (0, 0, 4))
    weights = nearness(target, [look_at((x, 0, 0), (0, 0, 4)) for x in (0.1, 0.2, 0.8)])
    assert weights[0] == 1 and weights[0] > weights[1] > weights[2] > 0
    # A source at the target's very place does not silence the others.
    assert nearness(target, [target, look_at((0.2, 0, 0), (0, 0, 4))])[1] > 0.01
    assert torch.equal(nearness(target, [target, target]), torch.ones(2))


def test_a_source_that_fades_out_weighs_nothing_in_the_end() -> None:
    target = look_at((0, 0, 0), (0, 0, 4))
    sources = [look_at((x, 0, 0), (0, 0, 4)) for x in (0.1, 0.2, 0.8)]
    weights = nearness(target, sources, torch.tensor([1.0, 0.5, 0.0]))
    assert weights[0] == 1 and weights[2] == 0
    whole = nearness(target, sources, torch.tensor([1.0, 1.0, 0.0]))
    assert torch.allclose(whole[:2], nearness(target, sources[:2]))
    assert weights[1] < 0.6 * whole[1]


@ATTENDS
def test_what_fading_views_alone_show_fades_with_them(attended: Attend) -> None:
    volume = random_volume(2)
    volume.state[:] = SEEN
    volume.state[:, :2, :, :6] = OUTSIDE
    attention, _ = one_hot(volume)
    for presence, expected in (((1, 1, 0.25, 0.5), 0.75), ((1, 1, 0.25, 0.0), 0.25), ((1, 1, 1, 0.5), 1.0)):
        present = torch.tensor(presence)
        draft = attended(replace(volume, presence=present), attention, present)
        for layer in (draft.covered, draft.seen):
            assert torch.allclose(layer[:, :6], torch.tensor(expected), atol=1e-4)
            assert torch.allclose(layer[:, 6:], torch.ones(()), atol=1e-4)


def test_filling_up_repeats_without_weight() -> None:
    target, sources = target_camera(), source_images(source_cameras(3))
    cameras, images, weights = filled(target, sources.cameras, sources.images, 5)
    assert [camera is sources.cameras[i] for camera, i in zip(cameras, (0, 1, 2, 0, 1), strict=True)] == [True] * 5
    assert images[3] is sources.images[0] and images[4] is sources.images[1]
    assert (weights[:3] > 0).all() and not weights[3:].any()


def test_repeated_sources_are_no_evidence() -> None:
    target, sources = target_camera(), source_images(source_cameras(2))
    two, four = (Sweep(target, sources, NEAR, FAR, 16, views) for views in (2, 4))
    slabs = [next(sweep.slabs(640)) for sweep in (two, four)]
    assert slabs[1].volume.colours.shape[1] == 4
    assert torch.allclose(slabs[0].energy, slabs[1].energy, atol=1e-4)
    assert torch.allclose(render_draft(two, 640, silent), render_draft(four, 640, silent), atol=1e-4)
