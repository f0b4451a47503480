"""Classical disparity against surfaces in closed form and against real pairs with measured disparity."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from inference.camera import Camera
from inference.stereo.completion import Flow
from inference.stereo.matching import search_range, semi_global_disparity
from inference.stereo.rectification import RectifiedPair, ball_outline, rectify
from inference.stereo.smoothing import smooth_inside
from tests.shared_data import SHARED
from tests.unit.stereo_rigs import on_ring

STEREO = SHARED / "stereo"
CENTRE = np.array([0.1, 0.0, 1.0])
RADIUS = 0.5
SIZE = (240, 200)
Array = np.ndarray[Any, Any]


def texture(points: Array) -> Array:
    """A colour for every scene point: waves of many directions and lengths, in [0, 1]."""
    rng = np.random.default_rng(7)
    directions = rng.normal(size=(3, 24, 3))
    directions /= np.linalg.norm(directions, axis=2, keepdims=True)
    waves = np.geomspace(12.0, 160.0, 24)
    phases = rng.uniform(0, 6.28, size=(3, 24))
    return np.stack(
        [0.5 + 0.05 * np.sin(points @ (directions[c] * waves[:, None]).T + phases[c]).sum(axis=-1) for c in range(3)],
        axis=-1,
    ).clip(0, 1)


def rays(camera: Camera) -> Array:
    x, y = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
    return camera.unproject(np.stack([x, y], -1), np.ones(x.shape)) - camera.centre


def ball_depth(camera: Camera) -> Array:
    """Depth of the sphere along the optical axis, infinite beside it."""
    ray = rays(camera)
    to_centre = camera.centre - CENTRE
    a, b, c = (ray * ray).sum(-1), ray @ to_centre, to_centre @ to_centre - RADIUS**2
    inside = b * b - a * c
    return np.where(inside > 0, (-b - np.sqrt(np.maximum(inside, 0))) / a, np.inf)


def plane_depth(camera: Camera) -> Array:
    normal = np.array([1.0, 0.15, 0.25])
    return (normal @ (CENTRE - camera.centre)) / (rays(camera) @ normal)


def shaded(camera: Camera, depth: Array) -> Array:
    points = camera.centre + rays(camera) * np.where(np.isfinite(depth), depth, 1.0)[..., None]
    picture = np.where(np.isfinite(depth)[..., None], texture(points), 0.5)
    return (picture + np.random.default_rng(1).normal(0, 0.004, picture.shape)).clip(0, 1).astype(np.float32)


def ring_pair() -> RectifiedPair:
    cameras = [on_ring(angle, centre=CENTRE, width=400, height=400, fx=700.0, fy=700.0, cx=200.0, cy=200.0)
               for angle in (0.0, 20.0)]  # fmt: skip
    a, b = (ball_outline(camera, CENTRE, RADIUS) for camera in cameras)
    return rectify(cameras[0], cameras[1], SIZE, (a, b))


def errors(found: Flow, truth: Array, where: Array) -> Array:
    return np.abs(found.flow - truth)[where]


def test_a_sphere_is_matched_in_both_directions() -> None:
    pair = ring_pair()
    depths = [ball_depth(view.camera) for view in (pair.left, pair.right)]
    pictures = [shaded(view.camera, depth) for view, depth in zip((pair.left, pair.right), depths, strict=True)]
    masks = [np.isfinite(depth).astype(np.float32) for depth in depths]
    search = search_range(pair, masks[0], masks[1])
    flows = semi_global_disparity(pictures[0], pictures[1], search, masks[0], masks[1])
    for of_right, (found, depth, mask) in enumerate(zip(flows, depths, masks, strict=True)):
        truth = pair.flow(1.0 / np.where(mask > 0, depth, 1.0), of_right=bool(of_right))
        low, high = search if not of_right else (-search[1], -search[0])
        assert low <= truth[mask > 0].min() and truth[mask > 0].max() <= high
        assert (found.valid == (mask > 0)).all()
        assert (found.flow[mask == 0] == 0).all() and (found.confidence[mask == 0] == 0).all()
        confident = found.confidence > 0
        assert confident.sum() > 0.8 * mask.sum()
        assert np.median(errors(found, truth, confident)) < 0.1
        assert np.percentile(errors(found, truth, confident), 95) < 0.6
        # What the other view does not see is filled in from beside it.
        assert np.median(errors(found, truth, (mask > 0) & ~confident)) < 5.0


def test_a_slanted_plane_is_matched_everywhere() -> None:
    pair = ring_pair()
    depth = plane_depth(pair.left.camera)
    pictures = [shaded(view.camera, plane_depth(view.camera)) for view in (pair.left, pair.right)]
    near, far = depth.min(), depth.max()
    found, _ = semi_global_disparity(pictures[0], pictures[1], search_range(pair, depths=(near, far)))
    truth = pair.flow(1.0 / depth)
    seen = (np.arange(SIZE[0]) + truth > 2) & (np.arange(SIZE[0]) + truth < SIZE[0] - 2)
    assert seen.mean() > 0.5
    assert np.median(errors(found, truth, seen)) < 0.05
    assert np.percentile(errors(found, truth, seen), 95) < 0.3


def test_a_wide_search_is_made_in_smaller_pictures() -> None:
    pair = ring_pair()
    depth = plane_depth(pair.left.camera)
    pictures = [shaded(view.camera, plane_depth(view.camera)) for view in (pair.left, pair.right)]
    found, _ = semi_global_disparity(pictures[0], pictures[1], (-200.0, 200.0))
    confident = found.confidence > 0.5
    assert confident.mean() > 0.3
    assert np.median(errors(found, pair.flow(1.0 / depth), confident)) < 0.1


def test_the_search_range_obeys_depths() -> None:
    pair = ring_pair()
    low, high = search_range(pair, depths=(2.5, 3.5))
    assert sorted(pair.flow(1.0 / np.array([2.5, 3.5]))) == pytest.approx([low, high])
    masks = [np.isfinite(ball_depth(view.camera)).astype(np.float32) for view in (pair.left, pair.right)]
    both = search_range(pair, *masks, depths=(2.5, 3.5))
    assert low <= both[0] < both[1] <= high
    with pytest.raises(ValueError, match="two masks or depths"):
        search_range(pair)
    with pytest.raises(ValueError, match="near"):
        search_range(pair, depths=(3.0, 2.0))


def test_blank_pictures_and_empty_masks_give_a_flow_without_confidence() -> None:
    grey = np.full((60, 80, 3), 0.4, np.float32)
    found, _ = semi_global_disparity(grey, grey, (-10.0, 20.0))
    assert np.isfinite(found.flow).all() and found.valid.all()
    assert found.flow.min() >= -11 and found.flow.max() <= 21
    nothing = np.zeros((60, 80), np.float32)
    for found in semi_global_disparity(grey, grey, (-10.0, 20.0), nothing, nothing):
        assert not found.valid.any() and not found.flow.any() and not found.confidence.any()


def test_smoothing_solves_the_least_squares_along_a_line() -> None:
    rng = np.random.default_rng(0)
    values, guide = rng.random((1, 30)).astype(np.float32), rng.random((1, 30, 1)).astype(np.float32)
    inside = np.ones((1, 30), np.bool_)
    inside[0, 17] = False
    confidence = np.ones((1, 30), np.float32)
    found = smooth_inside(values, confidence, guide, inside, reach=5.0, contrast=0.5)
    expected = np.where(inside, values, 0).astype(np.float64)[0]
    total = inside[0].astype(np.float64)
    for weight in (1.5 * 16 / 63 * 5, 1.5 * 4 / 63 * 5, 1.5 / 63 * 5):
        matrix = np.eye(30)
        for i in range(29):
            link = weight * np.exp(-abs(float(guide[0, i, 0]) - float(guide[0, i + 1, 0])) / 0.5)
            link *= inside[0, i] and inside[0, i + 1]
            matrix[i, i] += link
            matrix[i + 1, i + 1] += link
            matrix[i, i + 1] -= link
            matrix[i + 1, i] -= link
        expected, total = np.linalg.solve(matrix, expected), np.linalg.solve(matrix, total)
    truth = np.where(inside[0], expected / np.where(inside[0], total, 1), 0)
    assert found[0] == pytest.approx(truth, abs=1e-6)
    # Beyond the gap nothing is known.
    found = smooth_inside(values, np.where(np.arange(30) < 17, confidence, 0), guide, inside, 5.0, 0.5)
    assert np.isnan(found[0, 18:]).all() and np.isfinite(found[0, :18]).all() and found[0, 17] == 0


@pytest.mark.skipif(not STEREO.is_dir(), reason="needs the shared stereo pairs")
@pytest.mark.parametrize(
    ("name", "suffix", "search", "limit", "wrong"),
    [("motorcycle", "png", (-64.0, -4.0), 0.2, 0.1), ("aloe", "jpg", (-108.0, -20.0), 0.3, 0.1)],
)
def test_real_pairs(name: str, suffix: str, search: tuple[float, float], limit: float, wrong: float) -> None:
    pictures = [cv2.imread(str(STEREO / name / f"{side}.{suffix}")) for side in ("left", "right")]
    truth = -np.load(STEREO / name / "disparity_left.npy")
    if name == "aloe":  # at half its size, for the time it takes
        pictures = [cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for picture in pictures]
        truth = 0.5 * truth[::2, ::2]
    left, right = (picture[..., ::-1].astype(np.float32) / 255 for picture in pictures)
    found, _ = semi_global_disparity(left, right, search)
    known = np.isfinite(truth)
    assert np.median(errors(found, truth, known)) < limit
    assert (errors(found, truth, known) > 2).mean() < wrong
