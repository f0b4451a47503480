"""The difference of successive frames, warped by depth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from inference.camera import Camera
from inference.frame import Frame
from inference.steadiness import steadiness, warped_difference
from tests.unit.sweep_scenes import BOX_HIGH, BOX_LOW, MIDDLE, cast, look_at, photograph


def frame_of(camera: Camera) -> Frame:
    """The true picture and depth."""
    depth = cast(camera).astype(np.float32)
    ones = np.ones(depth.shape, np.float32)
    return Frame(camera, photograph(camera), ones, depth, ones, {})


@pytest.fixture(scope="module")
def frames() -> tuple[Frame, Frame]:
    first, second = (frame_of(look_at((x, 0.0, 0.0), MIDDLE, 144, 128, 150.0)) for x in (-0.15, 0.15))
    return first, second


def test_true_frames_hardly_differ_once_warped(frames: tuple[Frame, Frame]) -> None:
    first, second = frames
    unwarped = 255 * float(np.abs(first.rgb - second.rgb).mean())
    assert warped_difference(first, second) < 0.1 * unwarped
    assert warped_difference(first, first) < 1e-4


def test_a_change_of_brightness_is_found(frames: tuple[Frame, Frame]) -> None:
    first, second = frames
    dimmed = replace(second, rgb=0.9 * second.rgb)
    expected = 255 * 0.1 * float(second.rgb.mean())
    assert warped_difference(first, dimmed) == pytest.approx(expected, rel=0.1)


def test_what_only_one_of_them_shows_does_not_count(frames: tuple[Frame, Frame]) -> None:
    first, second = frames
    expected = warped_difference(first, second)
    x, y = np.meshgrid(np.arange(144) + 0.5, np.arange(128) + 0.5)
    points = second.camera.unproject(np.stack([x, y], axis=-1), second.depth.astype(np.float64))
    # What of the wall the box hides from the first camera: the rays to it pass through the box's middle.
    ways = points - first.camera.centre
    middle = 0.5 * (BOX_LOW + BOX_HIGH)[2] - first.camera.centre[2]
    there = first.camera.centre + ways * (middle / ways[..., 2])[..., None]
    inside = (there > BOX_LOW + 0.02) & (there < BOX_HIGH - 0.02)
    hidden = (second.depth > 4) & inside[..., :2].all(axis=-1)
    assert hidden.sum() > 50
    spoiled = second.rgb.copy()
    spoiled[hidden] = 1.0
    assert warped_difference(first, replace(second, rgb=spoiled)) == pytest.approx(expected, abs=1e-6)
    # Nor what is transparent.
    clear = second.alpha.copy()
    clear[:40], spoiled[:40] = 0.0, 1.0
    assert warped_difference(first, replace(second, rgb=spoiled, alpha=clear)) < 1.3 * expected


def test_frames_without_a_common_pixel_are_refused(frames: tuple[Frame, Frame]) -> None:
    first, second = frames
    away = frame_of(look_at((0.0, 0.0, 0.0), (0.0, 0.0, -4.0), 144, 128, 150.0))
    nothing = replace(second, alpha=np.zeros_like(second.alpha))
    for other in (nothing, away):
        with pytest.raises(ValueError, match="in common"):
            warped_difference(first, other)


def test_a_jump_shows_in_the_worst_step() -> None:
    steady = steadiness([1.0, 1.0, 3.0, 1.0, 0.5])
    assert (steady.mean, steady.median, steady.worst, steady.jump) == (1.3, 1.0, 3.0, 3.0)
    assert steadiness([0.0, 0.0]).jump == 1.0 and steadiness([0.0, 0.0, 1.0]).jump == float("inf")
    with pytest.raises(ValueError, match="no steps"):
        steadiness([])
