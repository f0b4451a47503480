"""The visual hull of a ball against the cones that its silhouettes are, and against a dense march in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from inference.camera import Camera
from inference.stereo.hull import Silhouettes, enclosing_radius, hull_inverse_depth, inside_hull
from tests.unit.ball_rigs import camera_at, scaled
from tests.unit.people_examples import CENTRE, RADIUS, ball
from tests.unit.stereo_rigs import looking_at

Array = np.ndarray[Any, np.dtype[np.float64]]
# How wide a silhouette's pixel is at the ball.
PIXEL = 20.0 / 340.0
ASKING = camera_at(11.0)


def silhouettes_of(cameras: list[Camera]) -> Silhouettes:
    masks = [ball(camera).mask for camera in cameras]
    return Silhouettes(cameras, masks, CENTRE, enclosing_radius(cameras, masks, CENTRE))


def ring_of(count: int, **changes: Any) -> list[Camera]:
    return [camera_at(index * 360 / count, **changes) for index in range(count)]


def asked(camera: Camera) -> tuple[Array, tuple[Any, Any]]:
    """Return the centres (N, 2) of the pixels that show the ball, and their rows and columns."""
    rows, columns = np.nonzero(ball(camera).mask > 0.5)
    return np.stack([columns + 0.5, rows + 0.5], axis=1), (rows, columns)


def cone_entries(camera: Camera, pixels: Array, cameras: list[Camera]) -> Array:
    """Return the depth (N,) at which rays enter the cones in which cameras see the ball; NaN where they enter none.

    The cones are convex, so that a ray is inside all of them from the last entry to the first exit.
    """
    origin = camera.centre
    rays = camera.unproject(pixels, np.ones(len(pixels))) - origin
    entry, leaving = np.full(len(pixels), -np.inf), np.full(len(pixels), np.inf)
    for other in cameras:
        axis = CENTRE - other.centre
        cosine = 1 - RADIUS**2 / (axis @ axis)  # squared, between the axis and the rays that touch the ball
        axis = axis / np.linalg.norm(axis)
        start = origin - other.centre
        a = (rays @ axis) ** 2 - cosine * (rays * rays).sum(axis=1)
        b = (rays @ axis) * (start @ axis) - cosine * (rays @ start)
        c = (start @ axis) ** 2 - cosine * (start @ start)
        root = np.sqrt(np.maximum(b * b - a * c, 0))
        first, last = np.sort(np.stack([(-b - root) / a, (-b + root) / a]), axis=0)
        across, along = a < 0, rays @ axis > 0
        # Across a cone, a ray is inside between the roots; along it from the last one on, against it up to the first.
        entry = np.maximum(entry, np.where(across, first, np.where(along, last, -np.inf)))
        leaving = np.minimum(leaving, np.where(across, last, np.where(along, np.inf, first)))
        leaving = np.where(across & (b * b <= a * c), -np.inf, leaving)
    depths: Array = np.where(entry < leaving, entry, np.nan)
    return depths


@pytest.mark.parametrize(("count", "typical"), [(8, 0.03), (16, 0.02)])
def test_the_hull_of_a_ball_is_where_the_cones_meet(count: int, typical: float) -> None:
    cameras = ring_of(count)
    pixels, place = asked(ASKING)
    found = hull_inverse_depth(ASKING, ball(ASKING).mask, silhouettes_of(cameras))[place]
    truth = cone_entries(ASKING, pixels, cameras)
    known = np.isfinite(truth)
    assert known.mean() > 0.99 and (found > 0).mean() > 0.995
    off = np.abs(1 / found[known & (found > 0)] - truth[known & (found > 0)])
    # Masks of whole pixels are half a pixel off; rays that graze a cone make more of it.
    assert np.median(off) < typical and np.quantile(off, 0.95) < 5 * PIXEL


def test_the_hull_closes_in_on_the_ball_and_never_cuts_into_it() -> None:
    pixels, place = asked(ASKING)
    before = []
    for count in (4, 8, 16):
        found = hull_inverse_depth(ASKING, ball(ASKING).mask, silhouettes_of(ring_of(count)))[place]
        depth = 1 / np.maximum(found, 1e-9)
        points = ASKING.unproject(pixels, depth)[found > 0]
        distances = np.linalg.norm(points - CENTRE, axis=1)
        assert distances.min() > RADIUS - PIXEL
        before.append(float(np.median(ball(ASKING).depth[place] - depth)))
    assert before[0] > 2 * before[1] > 4 * before[2] > -PIXEL / 2


def test_the_march_finds_what_a_dense_one_in_float64_does() -> None:
    silhouettes = silhouettes_of(ring_of(8))
    pixels, place = asked(ASKING)
    chosen = np.random.default_rng(0).choice(len(pixels), 150, replace=False)
    found = hull_inverse_depth(ASKING, ball(ASKING).mask, silhouettes)[place][chosen]
    depths = np.linspace(14.0, 26.0, 6001)
    first = np.array([first_inside(ASKING, pixel, depths, silhouettes) for pixel in pixels[chosen]])
    assert np.isfinite(first).all() and (found > 0).all()
    off = np.abs(1 / found - first)
    assert np.quantile(off, 0.98) < 0.006 and off.max() < 4 * PIXEL


def first_inside(camera: Camera, pixel: Array, depths: Array, silhouettes: Silhouettes) -> float:
    """Return the first of the depths at which a pixel's ray lies inside every silhouette, interpolated linearly."""
    points = camera.unproject(np.repeat(pixel[None], len(depths), axis=0), depths)
    inside = np.linalg.norm(points - silhouettes.centre, axis=1) <= silhouettes.radius
    for other, mask in zip(silhouettes.cameras, silhouettes.masks, strict=True):
        places, _ = other.project(points)
        a, b = (np.clip(places[:, axis] - 0.5, 0, mask.shape[1 - axis] - 1.001) for axis in (0, 1))
        x, y = a.astype(int), b.astype(int)
        a, b = a - x, b - y
        upper = mask[y, x] * (1 - a) + mask[y, x + 1] * a
        lower = mask[y + 1, x] * (1 - a) + mask[y + 1, x + 1] * a
        inside &= upper * (1 - b) + lower * b >= 0.5
    return float(depths[inside.argmax()]) if inside.any() else np.nan


def test_a_silhouette_goes_on_beyond_its_picture() -> None:
    whole = ring_of(8)
    cut = [*whole[:2], camera_at(90.0, width=80, cx=80.0), *whole[3:]]
    assert ball(cut[2]).mask[:, -1].any()
    mask = ball(ASKING).mask
    expected = hull_inverse_depth(ASKING, mask, silhouettes_of(whole))
    found = hull_inverse_depth(ASKING, mask, silhouettes_of(cut))
    # What the picture does not show may be farther out, never farther in; what it shows is decided as before.
    both = (expected > 0) & (found > 0)
    assert both.sum() > 0.99 * mask.sum()
    assert (1 / found[both] <= 1 / expected[both] + PIXEL).mean() > 0.995
    points = on_ball(3000)
    assert inside_hull(points, silhouettes_of(cut)).all()


def test_rays_through_the_plane_of_a_camera_end() -> None:
    """A camera so near that the plane through it cuts the rays: its picture of a ray moves without bounds there."""
    inside = looking_at(CENTRE + np.array([0.6, 0.0, 0.0]), CENTRE + np.array([0.6, 5.0, 0.3]), width=80, cx=40.0)
    cameras = [*ring_of(8), inside]
    masks = [*silhouettes_of(ring_of(8)).masks, np.zeros((inside.height, inside.width), np.float32)]
    masks[-1][:4, :4] = 1.0
    mask = np.ones((ASKING.height, ASKING.width), np.float32)
    found = hull_inverse_depth(ASKING, mask, Silhouettes(cameras, masks, CENTRE, 3.0))
    assert np.isfinite(found).all()


def test_a_camera_that_looks_away_decides_nothing() -> None:
    cameras = ring_of(8)
    outward = looking_at(CENTRE + np.array([30.0, 0.0, 0.0]), CENTRE + np.array([60.0, 0.0, 0.0]))
    with_it = [*cameras, outward]
    known = silhouettes_of(cameras)
    masks = [*known.masks, np.zeros((outward.height, outward.width), np.float32)]
    more = Silhouettes(with_it, masks, CENTRE, known.radius)
    mask = ball(ASKING).mask
    assert np.array_equal(hull_inverse_depth(ASKING, mask, more), hull_inverse_depth(ASKING, mask, known))
    assert np.array_equal(inside_hull(on_ball(500), more), inside_hull(on_ball(500), known))


def test_there_is_no_hull_where_silhouettes_contradict_each_other() -> None:
    known = silhouettes_of(ring_of(4))
    masks = [np.zeros_like(known.masks[0]), *known.masks[1:]]
    mask = ball(ASKING).mask
    assert not hull_inverse_depth(ASKING, mask, Silhouettes(known.cameras, masks, CENTRE, known.radius)).any()
    assert not hull_inverse_depth(ASKING, mask, Silhouettes([], [], CENTRE, known.radius)).any()


def test_the_unit_of_the_scene_changes_nothing() -> None:
    cameras = ring_of(8)
    silhouettes, mask = silhouettes_of(cameras), ball(ASKING).mask
    expected = hull_inverse_depth(ASKING, mask, silhouettes)
    for scale in (1e-3, 1e3):
        larger = Silhouettes(
            [scaled(camera, scale) for camera in cameras], silhouettes.masks, scale * CENTRE, scale * silhouettes.radius
        )
        found = scale * hull_inverse_depth(scaled(ASKING, scale), mask, larger)
        assert (np.abs(found - expected) > 1e-6).mean() < 1e-3


def test_points_inside_are_those_in_every_cone() -> None:
    cameras = ring_of(8)
    points = on_ball(20000, largest=1.15)
    lateral = np.max([beyond_cone(points, camera) for camera in cameras], axis=0)
    inside = inside_hull(points, silhouettes_of(cameras))
    # A margin of two pixels, and masks of whole ones.
    assert inside[lateral < 0.8 * PIXEL].all()
    assert not inside[lateral > 4.0 * PIXEL].any()
    assert (~inside).mean() > 0.1 and inside.mean() > 0.1


def on_ball(count: int, largest: float = 1.0) -> Array:
    """Return points (N, 3) at random from the ball's surface to ``largest`` times its radius."""
    generator = np.random.default_rng(3)
    directions = generator.normal(size=(count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return CENTRE + RADIUS * generator.uniform(1.0, largest, (count, 1)) * directions


def beyond_cone(points: Array, camera: Camera) -> Array:
    """Return how far points (N, 3) lie outside of the cone in which a camera sees the ball, across it."""
    axis = CENTRE - camera.centre
    distance = np.linalg.norm(axis)
    away = points - camera.centre
    length = np.linalg.norm(away, axis=1)
    angle = np.arccos(np.clip(away @ axis / (length * distance), -1, 1)) - np.arcsin(RADIUS / distance)
    return np.asarray(length * np.sin(angle))
