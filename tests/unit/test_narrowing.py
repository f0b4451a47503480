"""The coarse pass on a scene whose depth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from inference.errors import Cancelled
from inference.planesweep import narrowing
from inference.planesweep.kernels import OUTSIDE
from inference.planesweep.narrowing import MARGIN, Coarse, Window, coarse_pass
from inference.planesweep.sweep import Sweep
from inference.planesweep.volume import Interval
from tests.unit.sweep_scenes import (
    MIDDLE,
    WIDE_PLACES,
    Floats,
    cast,
    curved_interval,
    look_at,
    source_images,
    target_camera,
)

WIDTH, HEIGHT, FOCAL = 144, 112, 150.0
NEAR, FAR = 1.2, 8.0  # a range as captures have it: wider than what is there


@pytest.fixture(scope="module")
def found() -> tuple[Coarse, Floats]:
    """The coarse pass, and the true disparity of every pixel of the target."""
    target = target_camera(WIDTH, HEIGHT, FOCAL)
    sources = source_images([look_at(place, MIDDLE, WIDTH, HEIGHT, FOCAL) for place in WIDE_PLACES])
    return coarse_pass(target, sources.cameras, sources.images, NEAR, FAR), 1 / cast(target)


def test_interval_holds_the_truth_and_is_narrow(found: tuple[Coarse, Floats]) -> None:
    coarse, disparity = found
    interval = coarse.interval(HEIGHT, WIDTH)
    low, high = interval.low.numpy(), interval.high.numpy()
    inside = (disparity >= low) & (disparity <= high)
    assert inside.mean() >= 0.98
    full = 1 / NEAR - 1 / FAR
    assert np.median(high - low) < full / 4
    # Never outside of the range, never empty: the margin stays.
    assert low.min() >= 1 / FAR - 1e-6 and high.max() <= 1 / NEAR + 1e-6
    step = full / (len(coarse.costs) - 1)
    assert (high - low).min() > 2 * MARGIN * step - 1e-6
    # Smooth: neighbours' ends differ by little more than a coarse plane.
    for end in (low, high):
        assert max(np.abs(np.diff(end, axis=0)).max(), np.abs(np.diff(end, axis=1)).max()) < 3 * step


def test_coarse_planes_are_counted_in_pixels(found: tuple[Coarse, Floats]) -> None:
    coarse, _ = found
    # Focal length times baseline times range of disparity, of the widest source (it is also turned a little).
    span = FOCAL * 0.93 * (1 / NEAR - 1 / FAR)
    assert 0.93 * narrowing.SCALE < coarse.step < 1.07 * narrowing.SCALE
    assert coarse.step * (len(coarse.costs) - 1) == pytest.approx(span, rel=0.15)
    assert torch.allclose(coarse.probabilities.sum(dim=0), torch.ones(()), atol=1e-5)


def test_likeliest_plane_is_near_the_truth(found: tuple[Coarse, Floats]) -> None:
    coarse, disparity = found
    planes = len(coarse.costs)
    best = 1 / FAR + coarse.costs.argmin(dim=0).numpy() / (planes - 1) * (1 / NEAR - 1 / FAR)
    # The true disparity at the full-resolution pixel in the middle of every coarse one.
    rows, columns = (
        ((np.arange(small) + 0.5) * whole / small).astype(int)
        for small, whole in zip(best.shape, disparity.shape, strict=True)
    )
    centres = disparity[rows][:, columns]
    assert (np.abs(best - centres) < 2 * (1 / NEAR - 1 / FAR) / (planes - 1)).mean() > 0.9


def test_planes_of_the_fine_sweep_are_near_one_another_where_it_is_narrow() -> None:
    target = target_camera(WIDTH, HEIGHT, FOCAL)
    sources = source_images([look_at(place, MIDDLE, WIDTH, HEIGHT, FOCAL) for place in WIDE_PLACES])
    sweep = Sweep(target, sources, NEAR, FAR, planes=32)
    flat = sweep.coarse.step * (len(sweep.coarse.costs) - 1) / 31
    assert sweep.plane_step <= 1.0
    assert sweep.plane_step < flat / 2


def test_unsure_pixels_keep_a_wide_interval() -> None:
    """Two equally good planes: both must stay inside."""
    costs = torch.ones(41, 12, 12)
    costs[[8, 33]] = 0.3
    interval = Coarse(costs, NEAR, FAR, 4.0).interval(48, 48)
    planes = 1 / FAR + torch.arange(41) / 40 * (1 / NEAR - 1 / FAR)
    assert (interval.low < planes[8]).all() and (interval.high > planes[33]).all()
    costs[33] = 1.0
    narrowed = Coarse(costs, NEAR, FAR, 4.0).interval(48, 48)
    assert (narrowed.high - narrowed.low).max() < 0.3 * (interval.high - interval.low).min()


def slow_prior(coarse: Coarse, interval: Interval, planes: int, window: Window) -> Floats:
    """Trilinear interpolation of the coarse costs at pixel centres, clamped at the ends, in float64."""
    costs = coarse.costs.double().numpy()
    count, height, width = costs.shape
    low, high = interval.low.double().numpy(), interval.high.double().numpy()
    result = np.empty((planes, *low.shape))
    for k, y, x in np.ndindex(*result.shape):
        disparity = low[y, x] + k / (planes - 1) * (high[y, x] - low[y, x])
        places = (
            (disparity - 1 / coarse.far) / (1 / coarse.near - 1 / coarse.far) * (count - 1),
            (window.y + y + 0.5) * height / window.height - 0.5,
            (window.x + x + 0.5) * width / window.width - 0.5,
        )
        total = 0.0
        clamped = [float(np.clip(place, 0, size - 1)) for place, size in zip(places, costs.shape, strict=True)]
        for corner in np.ndindex(2, 2, 2):
            index = [
                min(int(place) + side, size - 1) for place, side, size in zip(clamped, corner, costs.shape, strict=True)
            ]
            shares = [1 - place % 1 if side == 0 else place % 1 for place, side in zip(clamped, corner, strict=True)]
            total += float(np.prod(shares)) * costs[index[0], index[1], index[2]]
        result[k, y, x] = total
    return result


@pytest.mark.parametrize("size", [(7, 9), (1, 1), (2, 1)])
def test_prior_equals_the_slow_one_in_both_implementations(size: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(2)
    coarse = Coarse(torch.rand(6, *size, generator=generator), NEAR, FAR, 4.0)
    window = Window(3, 5, 37, 29)
    interval = curved_interval(11, 14)
    expected = slow_prior(coarse, interval, 4, window)
    assert np.abs(coarse.prior(interval, 4, window).numpy() - expected).max() < 1e-4
    scales = size[1] / window.width, size[0] / window.height
    other = coarse._prior_torch(interval, 4, window.x, window.y, *scales)
    assert np.abs(other.numpy() - expected).max() < 1e-4


def test_prior_of_a_window_is_the_window_of_the_prior(found: tuple[Coarse, Floats]) -> None:
    coarse, _ = found
    interval = coarse.interval(HEIGHT, WIDTH)
    whole = coarse.prior(interval, 8)
    x, y, width, height = 40, 12, 60, 52
    part = coarse.prior(interval.crop(x, y, width, height), 8, Window(x, y, WIDTH, HEIGHT))
    assert torch.allclose(part, whole[:, y : y + height, x : x + width], atol=1e-5)


def test_sources_that_see_nothing_leave_the_whole_range() -> None:
    target = target_camera()
    away = source_images([look_at((x, 0, 0), (x, 0, -4)) for x in (-0.2, 0.2)])
    coarse = coarse_pass(target, away.cameras, away.images, NEAR, FAR)
    interval = coarse.interval(64, 72)
    assert len(coarse.costs) == narrowing.FEWEST_PLANES
    full = 1 / NEAR - 1 / FAR
    assert (interval.high - interval.low).min() > 0.95 * full
    assert OUTSIDE == 0 and torch.isfinite(coarse.costs).all()


def test_a_cancel_is_heeded_between_planes(found: tuple[Coarse, Floats], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(narrowing, "SAMPLES_AT_ONCE", 4 * (WIDTH // narrowing.SCALE) * (HEIGHT // narrowing.SCALE))
    target = target_camera(WIDTH, HEIGHT, FOCAL)
    sources = source_images([look_at(place, MIDDLE, WIDTH, HEIGHT, FOCAL) for place in WIDE_PLACES])
    calls: list[float] = []

    def progress(fraction: float, stage: str) -> None:
        calls.append(fraction)
        if fraction > stop:
            raise Cancelled

    stop = 1.0
    whole = coarse_pass(target, sources.cameras, sources.images, NEAR, FAR, progress=progress)
    assert torch.allclose(whole.costs, found[0].costs, atol=1e-3)  # however many planes are matched at once
    assert len(calls) == 2 * math.ceil(len(whole.costs) / max(4, torch.get_num_threads()))
    assert calls == sorted(calls) and calls[0] == 0 and calls[-1] == 1
    calls.clear()
    stop = 0.0
    with pytest.raises(Cancelled):
        coarse_pass(target, sources.cameras, sources.images, NEAR, FAR, progress=progress)
    assert len(calls) == 2
