"""Matching cost and its aggregation: both implementations against slow ones in float64."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from inference.planesweep.geometry import sweep_geometry
from inference.planesweep.kernels import MASKED, OUTSIDE, SEEN
from inference.planesweep.matching import (
    CUES,
    LARGE_STEP,
    MIXTURE,
    NOISE,
    RADIUS,
    SMALL_STEP,
    TRUNCATION,
    _aggregate_torch,
    _matching_cost_torch,
    _matching_cues_torch,
    _weighted_pairs,
    aggregate,
    matching_cost,
    matching_cues,
    view_pairs,
)
from inference.planesweep.volume import Interval, Volume, sweep_volume
from tests.unit.sweep_scenes import CPU, FAR, NEAR, Floats, cast, colours_at, source_cameras, target_camera


def matching_cost_torch(volume: Volume) -> Tensor:
    return _matching_cost_torch(volume, *_weighted_pairs(volume))


COSTS = pytest.mark.parametrize("cost_of", [matching_cost, matching_cost_torch], ids=["numba", "torch"])
AGGREGATES = pytest.mark.parametrize("aggregated", [aggregate, _aggregate_torch], ids=["numba", "torch"])


def random_volume(seed: int, planes: int = 3, views: int = 4, height: int = 11, width: int = 13) -> Volume:
    """Views that resemble one another, with samples outside and masked, some of them flat."""
    random = np.random.default_rng(seed)
    base = random.uniform(size=(planes, 1, 3, height, width))
    colours = np.clip(0.7 * base + 0.3 * random.uniform(size=(planes, views, 3, height, width)), 0, 1)
    colours[0, :, :, :5] = 0.4
    state = random.choice([OUTSIDE, MASKED, SEEN], p=[0.15, 0.15, 0.7], size=(planes, views, height, width))
    disparities = np.broadcast_to(np.linspace(0.2, 0.5, planes)[:, None, None], (planes, height, width))
    return Volume(
        torch.from_numpy(colours.astype(np.float32)),
        torch.from_numpy(state.astype(np.uint8)),
        torch.from_numpy(disparities.astype(np.float32)),
    )


def present(volume: Volume, presence: Sequence[float]) -> Volume:
    return replace(volume, presence=torch.tensor(presence, dtype=torch.float32))


def pair_terms(volume: Volume, i: int, j: int, radius: int = RADIUS) -> Floats:
    """(2, D, H, W) 1 - NCC and colour difference of one pair of views, window by window; NaN where one is outside."""
    colours, state = volume.colours.double().numpy(), volume.state.numpy()
    planes, _, _, height, width = colours.shape
    grey = np.einsum("dvchw,c->dvhw", colours, [0.299, 0.587, 0.114])
    result = np.full((2, planes, height, width), np.nan)
    for k, y, x in np.ndindex(planes, height, width):
        if OUTSIDE in (state[k, i, y, x], state[k, j, y, x]):
            continue
        rows = slice(max(y - radius, 0), y + radius + 1)
        columns = slice(max(x - radius, 0), x + radius + 1)
        a, b = grey[k, i, rows, columns], grey[k, j, rows, columns]
        covariance = ((a - a.mean()) * (b - b.mean())).mean()
        result[0, k, y, x] = 1 - covariance / (np.sqrt(a.var() * b.var()) + NOISE)
        difference = np.abs(colours[k, i, :, rows, columns] - colours[k, j, :, rows, columns]).mean()
        result[1, k, y, x] = min(difference / TRUNCATION, 2.0)
    return result


def pair_costs(volume: Volume, i: int, j: int) -> Floats:
    """(D, H, W) cost of one pair of views."""
    decorrelation, difference = pair_terms(volume, i, j)
    return np.asarray(np.nan_to_num((1 - MIXTURE) * decorrelation + MIXTURE * difference, nan=1.0))


def often(volume: Volume) -> list[int]:
    """How often each pair stands among equally counting ones: presences are quarters, and thirds and sixths are cut."""
    present = volume.present.tolist()
    return [round(96 * present[i] * present[j]) for i, j in view_pairs(len(present))]


def slow_cost(volume: Volume) -> Floats:
    costs = np.array([pair_costs(volume, i, j) for i, j in view_pairs(volume.colours.shape[1])])
    costs = np.sort(np.repeat(costs, often(volume), axis=0), axis=0)
    return np.asarray(costs[: len(costs) * 2 // 3].mean(axis=0))


SOME_PRESENT = pytest.mark.parametrize(
    "presence", [(1, 1), (1, 1, 1), (1, 1, 1, 1), (1, 0.25, 0.5), (1, 1, 0.75, 0.5, 0), (1, 0.5, 1, 1, 0.25, 0.5)]
)


@COSTS
@SOME_PRESENT
def test_cost_equals_the_slow_one(cost_of: Callable[[Volume], Tensor], presence: tuple[float, ...]) -> None:
    volume = present(random_volume(len(presence), views=len(presence)), presence)
    expected = slow_cost(volume)
    assert expected.std() > 0.1
    assert np.abs(cost_of(volume).numpy() - expected).max() < 1e-3


def test_pairs_are_all_of_eight_views_and_two_for_each_more() -> None:
    assert view_pairs(2) == [(0, 1)]
    assert len(view_pairs(8)) == 28
    assert set(view_pairs(10)) - set(view_pairs(8)) == {(0, 8), (1, 8), (0, 9), (1, 9)}


@COSTS
def test_a_view_of_no_presence_is_as_if_it_were_not_there(cost_of: Callable[[Volume], Tensor]) -> None:
    with_it = random_volume(8, views=5)
    without = Volume(with_it.colours[:, :4].contiguous(), with_it.state[:, :4].contiguous(), with_it.disparities)
    assert torch.allclose(cost_of(present(with_it, (1, 1, 1, 1, 0))), cost_of(without), atol=1e-5)
    nearly = cost_of(present(with_it, (1, 1, 1, 1, 1e-4)))
    assert (nearly - cost_of(without)).abs().max() < 1e-3
    assert (cost_of(with_it) - cost_of(without)).abs().max() > 0.05


def test_one_view_cannot_be_matched() -> None:
    with pytest.raises(ValueError, match="two views"):
        matching_cost(random_volume(0, views=1))


@COSTS
def test_masks_do_not_matter(cost_of: Callable[[Volume], Tensor]) -> None:
    volume = random_volume(7)
    expected = cost_of(volume)
    assert (volume.state == MASKED).any()
    volume.state[volume.state == MASKED] = SEEN
    assert torch.equal(cost_of(volume), expected)


@pytest.mark.parametrize("cues_of", [matching_cues, _matching_cues_torch], ids=["numba", "torch"])
@SOME_PRESENT
def test_cues_equal_the_slow_ones(cues_of: Callable[[Volume], Tensor], presence: tuple[float, ...]) -> None:
    volume = present(random_volume(len(presence), views=len(presence)), presence)
    pairs = view_pairs(len(presence))
    wide = np.stack([pair_terms(volume, i, j) for i, j in pairs])
    narrow = np.stack([pair_terms(volume, i, j, RADIUS - 1) for i, j in pairs])
    expected = []
    for values, step in ((wide[:, 0], 1), (wide[:, 1], 1), (narrow[:, 0], 2)):
        ordered = np.sort(np.repeat(np.nan_to_num(values, nan=1.0), often(volume), axis=0), axis=0)
        parts = ordered.reshape(6, -1, *ordered.shape[1:])
        expected.append(parts.mean(axis=1)[::step])
    grey = np.einsum("dvchw,c->dvhw", volume.colours.double().numpy(), [0.299, 0.587, 0.114])
    mean, variance = np.empty(grey.shape), np.empty(grey.shape)
    for index in np.ndindex(grey.shape):
        y, x = index[2:]
        window = grey[index[0], index[1], max(y - RADIUS, 0) : y + RADIUS + 1, max(x - RADIUS, 0) : x + RADIUS + 1]
        mean[index], variance[index] = window.mean(), window.var()
    expected.append(0.5 * np.log10(np.average(variance, axis=1, weights=presence) + 1e-5)[None] + 1.5)
    expected.append(np.sqrt(np.average(mean, axis=1, weights=presence))[None])
    expected.append(np.average(~np.isnan(wide[:, 0]), axis=0, weights=often(volume))[None])
    cues = cues_of(volume)
    assert cues.shape[1] == CUES
    assert np.abs(cues.numpy() - np.concatenate(expected).swapaxes(0, 1)).max() < 2e-3


def textured_plane(spoiled: bool = False) -> tuple[Volume, int]:
    """Four views of a plane at the fifth of nine planes; spoiled: the last view shows something else."""
    target, sources = target_camera(), source_cameras(4)
    wall = 1 / torch.linspace(1 / FAR, 1 / NEAR, 9)[4].item()
    plane = (target.unproject([36.0, 32.0], wall), -target.forward)
    # Contrast well above the noise that the correlation allows for.
    pictures = [4 * colours_at(source, cast(source, box=False, wall=plane)) - 1.5 for source in sources]
    images = [torch.from_numpy(picture.astype(np.float32)) for picture in pictures]
    if spoiled:
        images[3] = images[3].flip(0).flip(1).contiguous()
    interval = Interval.constant(64, 72, NEAR, FAR, CPU)
    return sweep_volume(images, sweep_geometry(target, sources), interval, 9), 4


@COSTS
def test_cost_is_nothing_where_views_agree_and_one_where_none_sees(cost_of: Callable[[Volume], Tensor]) -> None:
    volume, plane = textured_plane()
    cost = cost_of(volume)
    middle = (slice(12, -12), slice(12, -12))
    assert cost[plane][middle].mean() < 0.08 and cost[plane][middle].max() < 0.35
    assert (cost.argmin(dim=0)[middle] == plane).float().mean() > 0.98
    volume.state[:] = OUTSIDE
    assert torch.allclose(cost_of(volume), torch.ones(()), atol=1e-6)


@COSTS
def test_a_view_that_shows_something_else_does_not_spoil_the_cost(cost_of: Callable[[Volume], Tensor]) -> None:
    volume, plane = textured_plane(spoiled=True)
    middle = (slice(12, -12), slice(12, -12))
    cost = cost_of(volume)
    there = Volume(*(part[plane : plane + 1, ...] for part in (volume.colours, volume.state, volume.disparities)))
    every_pair = np.mean([pair_costs(there, i, j)[0] for i, j in view_pairs(4)], axis=0)
    # Three of six pairs are spoiled, and four are counted.
    assert cost[plane][middle].mean() < 0.6 * every_pair[middle].mean()
    assert (cost.argmin(dim=0)[middle] == plane).float().mean() > 0.95


def slow_aggregate(cost: Floats) -> Floats:
    """The recurrence of semi-global matching (Hirschmueller 2008, equation 13), pixel by pixel."""
    planes, height, width = cost.shape
    total = np.zeros(cost.shape)
    for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, -1), (1, -1), (-1, 1)):
        paths = np.zeros(cost.shape)
        for y in range(height) if dy >= 0 else range(height - 1, -1, -1):
            for x in range(width) if dx >= 0 else range(width - 1, -1, -1):
                before = (y - dy, x - dx)
                if not (0 <= before[0] < height and 0 <= before[1] < width):
                    paths[:, y, x] = cost[:, y, x]
                    continue
                previous = paths[:, before[0], before[1]]
                for k in range(planes):
                    choices = [previous[k], previous.min() + LARGE_STEP]
                    choices += [previous[n] + SMALL_STEP for n in (k - 1, k + 1) if 0 <= n < planes]
                    paths[k, y, x] = cost[k, y, x] + min(choices) - previous.min()
        total += paths
    return total / 8


def test_aggregation_passes_gradients() -> None:
    cost = torch.rand(6, 5, 7, requires_grad=True)
    slopes = torch.rand(6, 5, 7)
    (aggregate(cost) * slopes).sum().backward()
    step = 1e-3 * torch.randn(6, 5, 7, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        change = ((aggregate(cost + step) - aggregate(cost - step)) * slopes).sum() / 2
    assert cost.grad is not None
    torch.testing.assert_close((cost.grad * step).sum(), change, rtol=0.05, atol=1e-5)


@AGGREGATES
@pytest.mark.parametrize("shape", [(5, 9, 7), (4, 6, 11), (3, 1, 8), (3, 8, 1), (1, 3, 3)])
def test_aggregation_equals_the_slow_one(aggregated: Callable[[Tensor], Tensor], shape: tuple[int, int, int]) -> None:
    cost = np.random.default_rng(shape[1]).uniform(0, 2, shape)
    result = aggregated(torch.from_numpy(cost.astype(np.float32)))
    assert np.abs(result.numpy() - slow_aggregate(cost)).max() < 1e-4


def test_aggregation_mends_single_wrong_pixels() -> None:
    cost = torch.full((6, 15, 15), 0.6)
    cost[2] = 0.2
    cost[:, 7, 7] = 0.6
    cost[5, 7, 7] = 0.1
    assert cost.argmin(dim=0)[7, 7] == 5
    assert (aggregate(cost).argmin(dim=0) == 2).all()
