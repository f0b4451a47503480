"""Rectification against projections of scene points in float64 and against pictures in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from inference.camera import Camera, Distortion
from inference.errors import CameraError
from inference.stereo.exposure import apply_gain, exposure_gain
from inference.stereo.rectification import (
    FILLED,
    RectifiedPair,
    ball_outline,
    mask_outline,
    rectify,
    working_scale,
)
from tests.unit.stereo_rigs import looking_at, on_ring

CENTRE = np.array([0.2, 0.1, 1.0])
RADIUS = 0.8
Array = np.ndarray[Any, Any]


def cameras() -> tuple[Camera, Camera]:
    """Left and right: different sizes, focal lengths, heights and rolls."""
    left = on_ring(0, centre=CENTRE, roll=6.0, width=400, height=300, fx=410.0, fy=405.0, cx=190.0, cy=160.0)
    right = on_ring(
        28, radius=3.6, lift=0.1, centre=CENTRE, roll=-4.0,
        width=640, height=500, fx=720.0, fy=730.0, cx=330.0, cy=240.0,
    )  # fmt: skip
    return left, right


def ball_pair(size: tuple[int, int] = (256, 256)) -> RectifiedPair:
    left, right = cameras()
    return rectify(left, right, size, (ball_outline(left, CENTRE, RADIUS), ball_outline(right, CENTRE, RADIUS)))


def points_in_ball(count: int = 2000) -> Array:
    directions = np.random.default_rng(1).normal(size=(count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return CENTRE + RADIUS * directions * np.random.default_rng(2).random((count, 1)) ** (1 / 3)


def mapped(homography: Array, pixels: Array) -> Array:
    homogeneous = np.concatenate([pixels, np.ones((len(pixels), 1))], axis=1) @ homography.T
    return homogeneous[:, :2] / homogeneous[:, 2:]


def test_rows_agree_and_homographies_do_what_the_cameras_say() -> None:
    left, right = cameras()
    pair = ball_pair()
    assert not pair.swapped
    points = points_in_ball()
    seen = []
    for view, source in ((pair.left, left), (pair.right, right)):
        pixels, depth = view.camera.project(points)
        assert depth.min() > 0
        assert view.camera.centre == pytest.approx(source.centre)
        assert mapped(view.homography, source.project(points)[0]) == pytest.approx(pixels, abs=1e-8)
        seen.append(pixels)
    assert seen[0][:, 1] == pytest.approx(seen[1][:, 1], abs=1e-8)
    assert pair.left.camera.fx == pair.right.camera.fx == pair.left.camera.fy == pair.right.camera.fy


def test_flow_is_that_of_the_specification() -> None:
    pair = ball_pair()
    points = points_in_ball()
    (left, left_depth), (right, right_depth) = pair.left.camera.project(points), pair.right.camera.project(points)
    tf = -pair.left.camera.fx * np.linalg.norm(pair.left.source.centre - pair.right.source.centre)
    assert pair.transform == pytest.approx(tf)
    offset = pair.right.camera.cx - pair.left.camera.cx
    forward, backward = right[:, 0] - left[:, 0], left[:, 0] - right[:, 0]
    assert forward == pytest.approx(offset + tf / left_depth, abs=1e-8)
    assert backward == pytest.approx(-offset - tf / right_depth, abs=1e-8)
    assert pair.flow(1 / left_depth) == pytest.approx(forward, abs=1e-8)
    assert pair.flow(1 / right_depth, of_right=True) == pytest.approx(backward, abs=1e-8)
    assert 1 / pair.inverse_depth(forward) == pytest.approx(left_depth)
    assert 1 / pair.inverse_depth(backward, of_right=True) == pytest.approx(right_depth)


@pytest.mark.parametrize("size", [(256, 256), (200, 320), (320, 200)])
def test_the_subject_fills_the_pictures_and_lies_in_their_middle(size: tuple[int, int]) -> None:
    pair = ball_pair(size)
    shown = np.concatenate([points_in_ball(), CENTRE + RADIUS * np.eye(3), CENTRE - RADIUS * np.eye(3)])
    fill = []
    for view in (pair.left, pair.right):
        outline = ball_outline(view.camera, CENTRE, RADIUS)
        low, high = outline.min(axis=0), outline.max(axis=0)
        assert (low[0] + high[0]) / 2 == pytest.approx(size[0] / 2, abs=0.5)
        assert (low[1] + high[1]) / 2 == pytest.approx(size[1] / 2, abs=3.0)
        pixels, _ = view.camera.project(shown)
        assert (pixels > 0).all() and (pixels < size).all()
        fill.append((high - low) / size)
    assert np.max(fill) == pytest.approx(FILLED, abs=0.02)
    # So the subject's centre has hardly any disparity.
    assert abs(float(pair.flow(np.array(1 / pair.left.camera.project(CENTRE)[1])))) < 0.06 * size[0]


def test_swapped_input_gives_the_same_pair_and_says_so() -> None:
    left, right = cameras()
    outlines = [ball_outline(camera, CENTRE, RADIUS) for camera in (left, right)]
    pair = ball_pair()
    other = rectify(right, left, (256, 256), (outlines[1], outlines[0]))
    assert other.swapped
    for a, b in ((pair.left, other.left), (pair.right, other.right)):
        assert a.camera.to_json() == b.camera.to_json()
        assert (a.homography == b.homography).all()


def test_whole_pictures_are_kept_where_nothing_else_is_asked_for() -> None:
    left, right = cameras()
    pair = rectify(left, right, (300, 240))
    for view in (pair.left, pair.right):
        corners = np.array([[x, y] for x in (0, view.source.width) for y in (0, view.source.height)], float)
        inside = mapped(view.homography, corners)
        assert inside.min() >= -1e-6 and (inside <= np.array([300, 240]) + 1e-6).all()


def waves(x: Array, y: Array) -> Array:
    return np.stack(
        [0.5 + 0.4 * np.sin(0.13 * x + 0.05 * y), 0.5 + 0.4 * np.cos(0.09 * y), 0.1 + 0.7 * (x + y) / 1140.0], axis=-1
    )


def test_the_warp_is_exact_to_a_hundredth_of_a_pixel() -> None:
    pair = ball_pair((320, 320))
    for view in (pair.left, pair.right):
        x, y = np.meshgrid(np.arange(view.source.width) + 0.5, np.arange(view.source.height) + 0.5)
        warped = view.warp(waves(x, y).astype(np.float32))
        columns, rows = np.meshgrid(np.arange(320) + 0.5, np.arange(320) + 0.5)
        source = mapped(np.linalg.inv(view.homography), np.stack([columns, rows], -1).reshape(-1, 2))
        size = np.array([view.source.width, view.source.height])
        inner = ((source > 3) & (source < size - 3)).all(axis=1)
        assert inner.mean() > 0.5
        truth = waves(source[:, 0], source[:, 1])[inner]
        error = np.abs(warped.reshape(-1, 3)[inner] - truth)
        # The ramp tells every shift; the waves' slopes are at most 0.056 and 0.036 a pixel.
        shift = error / [0.4 * 0.13, 0.4 * 0.09, 0.7 / 1140.0]
        assert shift.max() < 0.01


def test_the_warp_averages_where_it_shrinks_and_is_blank_outside() -> None:
    left, right = cameras()
    pair = rectify(left, right, (60, 50))
    stripes = np.zeros((300, 400, 3), np.float32)
    stripes[:, ::2] = 1.0
    warped, mask = pair.left.warp(stripes), pair.left.warp_mask(None)
    assert set(np.unique(np.round(mask, 5))) == {0.0, 1.0}
    assert (warped[mask == 0] == 0).all()
    inner = mask > 0.99
    inner[1:-1, 1:-1] &= (mask[:-2, 1:-1] * mask[2:, 1:-1] * mask[1:-1, :-2] * mask[1:-1, 2:]) > 0.99
    assert np.abs(warped[inner] - 0.5).max() < 0.25


def test_pictures_of_another_size_are_refused() -> None:
    with pytest.raises(CameraError, match="resize the camera with its picture"):
        ball_pair().left.warp(np.zeros((30, 40, 3), np.float32))


def test_outlines_of_masks_and_balls() -> None:
    mask = np.zeros((20, 30), np.float32)
    mask[4:9, 7:12] = 1.0
    outline = mask_outline(mask)
    assert (outline.min(axis=0) == [7, 4]).all() and (outline.max(axis=0) == [12, 9]).all()
    with pytest.raises(CameraError, match="empty"):
        mask_outline(np.zeros_like(mask))
    camera = cameras()[0]
    pixels = ball_outline(camera, CENTRE, RADIUS)
    rays = camera.unproject(pixels, np.ones(len(pixels))) - camera.centre
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    to_centre = CENTRE - camera.centre
    distance = np.linalg.norm(to_centre - (rays @ to_centre)[:, None] * rays, axis=1)
    assert distance == pytest.approx(np.full(len(rays), RADIUS))
    with pytest.raises(CameraError, match="inside the subject"):
        ball_outline(camera, CENTRE, 99.0)
    with pytest.raises(CameraError, match="does not see"):
        ball_outline(camera, 2 * camera.centre - CENTRE, RADIUS)


def test_the_working_scale_brings_the_subject_to_two_metres_and_back() -> None:
    for unit in (0.01, 1.0, 1000.0):
        left = on_ring(0, radius=3.0 * unit, lift=0.0, centre=CENTRE * unit)
        right = on_ring(22.5, radius=3.0 * unit, lift=0.0, centre=CENTRE * unit)
        pair = rectify(left, right, (64, 64))
        scale = working_scale(pair, CENTRE * unit)
        assert scale == pytest.approx(2.0 / (3.0 * unit))
        working = pair.scaled(scale)
        for view, small in ((pair.left, working.left), (pair.right, working.right)):
            assert np.linalg.norm(small.camera.centre - CENTRE * unit * scale) == pytest.approx(2.0)
            points = points_in_ball(50) * unit
            pixels, depth = view.camera.project(points)
            scaled, scaled_depth = small.camera.project(points * scale)
            assert scaled == pytest.approx(pixels, abs=1e-6)
            assert scaled_depth / scale == pytest.approx(depth)
        assert working.transform == pytest.approx(pair.transform * scale)


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        (on_ring(0, centre=CENTRE), on_ring(0, centre=CENTRE), "same place"),
        (on_ring(0, lift=0, centre=CENTRE), on_ring(0, radius=2, lift=0, centre=CENTRE), "one behind the other"),
        (looking_at([0, -3, 0], [0, 0, 0]), looking_at([1, -3, 0], [1, -9, 0]), "one behind the other"),
        (looking_at([0, -3, 0], [-3, -2.5, 0]), looking_at([1, -3, 0], [4, -2.5, 0]), "look too far away|one behind"),
        (on_ring(0, distortion=Distortion("opencv", (0.1,))), on_ring(30), "undistort"),
    ],
)  # fmt: skip
def test_what_cannot_be_rectified_is_refused(a: Camera, b: Camera, words: str) -> None:
    for first, second in ((a, b), (b, a)):
        with pytest.raises(CameraError, match=words):
            rectify(first, second, (64, 64))


def test_exposure_is_matched_inside_the_masks() -> None:
    rng = np.random.default_rng(3)
    picture = rng.uniform(0.2, 0.7, (40, 50, 3)).astype(np.float32)
    gain = np.array([1.3, 1.1, 0.8])
    brighter = apply_gain(picture, gain)
    mask = np.ones((40, 50), np.float32)
    mask[:, :10] = 0
    brighter[:, :10] = 1.0
    found = exposure_gain(brighter, picture, mask, mask)
    assert found == pytest.approx(gain, rel=0.02)
    assert np.abs(apply_gain(picture, found) - brighter)[:, 10:].max() < 0.01
    assert (exposure_gain(brighter, picture, 0 * mask, mask) == 1).all()
