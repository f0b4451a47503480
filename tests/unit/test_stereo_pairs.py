"""Which pair serves a target: neighbours in a ring, refusals with a reason, weights without a jump."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from inference.camera import Camera
from inference.errors import CameraError, TargetError
from inference.stereo.pairs import choose_pair, neighbouring_pairs, pair_fault, pair_weights, subject_centre
from tests.unit.stereo_rigs import looking_at, named, on_ring

CENTRE = np.array([0.3, -0.2, 1.0])


def ring(count: int, **values: Any) -> list[Camera]:
    return [on_ring(360.0 / count * index, centre=CENTRE, **values) for index in range(count)]


@pytest.mark.parametrize("height", [0.0, 0.4, -0.8])
@pytest.mark.parametrize("count", [6, 8, 16])
def test_a_target_in_a_ring_gets_the_two_neighbours_that_enclose_it(count: int, height: float) -> None:
    views = named(ring(count, lift=height))
    spacing = 360.0 / count
    for azimuth in np.arange(1.0, 360.0, 7.3):
        pair = choose_pair(views, on_ring(azimuth, centre=CENTRE, lift=height), CENTRE)
        # Seen from outside, a greater azimuth lies further to the right.
        before = int(azimuth // spacing)
        assert (pair.left, pair.right) == (before, (before + 1) % count)
        assert pair.ratio == pytest.approx(azimuth / spacing - before, abs=0.02)
        assert [choice.used for choice in pair.choices] == [True, True] + [False] * (count - 2)
        assert sorted(choice.index for choice in pair.choices) == list(range(count))
        assert "two views enclose" in pair.choices[-1].reason


def test_uneven_rings_and_distances_are_decided_by_the_angle() -> None:
    azimuths = [0.0, 15.0, 70.0, 100.0]
    views = named([on_ring(a, radius=2.0 + 0.5 * i, lift=0.0, centre=CENTRE) for i, a in enumerate(azimuths)])
    pair = choose_pair(views, on_ring(20.0, radius=4.0, lift=0.0, centre=CENTRE), CENTRE)
    assert (pair.left, pair.right) == (1, 2)
    assert pair.ratio == pytest.approx(5.0 / 55.0)
    first = next(choice for choice in pair.choices if choice.index == 0)
    assert "same side of the target as 'cam1'" in first.reason


def test_the_order_of_the_views_changes_nothing_but_the_indices() -> None:
    cameras = ring(8)
    target = on_ring(100.0, centre=CENTRE)
    pair = choose_pair(named(cameras), target, CENTRE)
    backward = choose_pair(named(cameras[::-1]), target, CENTRE)
    assert (7 - backward.left, 7 - backward.right, backward.ratio) == (pair.left, pair.right, pytest.approx(pair.ratio))


def test_neighbouring_pairs_go_around_the_rig_and_over_its_rings() -> None:
    pairs = {frozenset((pair.left, pair.right)) for pair in neighbouring_pairs(named(ring(8)), CENTRE)}
    assert pairs == {frozenset((i, (i + 1) % 8)) for i in range(8)}
    grid = [on_ring(a, lift=h, centre=CENTRE) for h in (-0.6, 0.6) for a in (0.0, 30.0, 60.0)]
    pairs = {frozenset((pair.left, pair.right)) for pair in neighbouring_pairs(named(grid), CENTRE)}
    assert pairs == {frozenset(p) for p in [(0, 1), (1, 2), (3, 4), (4, 5), (0, 3), (1, 4), (2, 5)]}


def test_a_view_that_looks_away_is_left_out_and_told_so() -> None:
    cameras = ring(8)
    cameras[1] = looking_at(cameras[1].centre, 2.0 * cameras[1].centre - CENTRE)
    pair = choose_pair(named([c for i, c in enumerate(cameras) if i != 2]), on_ring(350.0, centre=CENTRE), CENTRE)
    assert (pair.left, pair.right) == (6, 0)
    assert next(c for c in pair.choices if c.index == 1).reason == "does not look at the subject"


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        (on_ring(0, centre=CENTRE), on_ring(0, centre=CENTRE), "same place"),
        (on_ring(0, lift=0, centre=CENTRE), on_ring(0, radius=2, lift=0, centre=CENTRE), "one behind the other"),
        (on_ring(0, radius=4, centre=CENTRE), on_ring(9, radius=2, centre=CENTRE), "one behind the other"),
        (
            on_ring(0, lift=0, centre=CENTRE),
            on_ring(80, lift=0, centre=CENTRE),
            "80° apart as seen from the subject, more than 70°",
        ),
        (on_ring(0, centre=CENTRE), on_ring(0.1, centre=CENTRE), "less than 0.5°"),
        (on_ring(0, centre=CENTRE), looking_at([3.0, 1.0, 1.0], [9.0, 1.0, 1.0]), "do not both look"),
        (on_ring(0, centre=CENTRE), looking_at([3.0, 1.0, 1.0], [0.0, 3.0, 1.0]), "in common"),
        (looking_at(CENTRE, [0, 0, 0]), on_ring(30, centre=CENTRE), "one stands in the subject's centre"),
    ],
)
def test_what_cannot_be_rectified_is_refused_with_the_reason(a: Camera, b: Camera, words: str) -> None:
    assert words in (pair_fault(a, b, CENTRE) or "")
    assert words in (pair_fault(b, a, CENTRE) or "")
    with pytest.raises(TargetError, match=r"No two cameras can be rectified: .*'cam0' and 'cam1'") as raised:
        choose_pair(named([a, b]), on_ring(15, centre=CENTRE), CENTRE)
    assert words in str(raised.value)


def test_a_close_up_and_a_long_shot_make_a_pair() -> None:
    long_shot, close_up = on_ring(0, fx=60.0, fy=60.0, centre=CENTRE), on_ring(30, fx=400.0, fy=400.0, centre=CENTRE)
    assert pair_fault(long_shot, close_up, CENTRE) is None


def test_targets_without_a_pair_are_refused() -> None:
    views = named(ring(8))
    with pytest.raises(TargetError, match="needs two views"):
        choose_pair(views[:1], on_ring(10, centre=CENTRE), CENTRE)
    with pytest.raises(TargetError, match="in the subject's centre"):
        choose_pair(views, looking_at(CENTRE, [5, 5, 1]), CENTRE)
    with pytest.raises(TargetError, match="sees nothing of the subject"):
        choose_pair(views, looking_at([4.0, 0.0, 1.0], [9.0, 0.0, 1.0]), CENTRE)


def test_weights_sum_to_one_and_do_not_jump() -> None:
    views = named(ring(8))
    pairs = neighbouring_pairs(views, CENTRE)
    angles = np.linspace(0.0, 720.0, 1441)
    # Once around in the ring and once in a path that rises and falls.
    heights = np.where(angles < 360, 0.4, 0.4 + 1.5 * np.sin(np.radians(angles)))
    path = [on_ring(a, lift=h, centre=CENTRE) for a, h in zip(angles, heights, strict=True)]
    weights = np.array([pair_weights(target, pairs, views, CENTRE) for target in path])
    assert np.allclose(weights.sum(axis=1), 1.0)
    assert weights.min() >= 0
    assert np.abs(np.diff(weights, axis=0)).max() < 0.12
    # At a camera both its pairs have one half; in the middle of two cameras their pair is alone.
    assert np.allclose(np.sort(weights[0])[-2:], 0.5)
    middle = weights[45]
    chosen = pairs[int(middle.argmax())]
    assert middle.max() == 1.0 and {chosen.left, chosen.right} == {0, 1}


def test_the_centre_is_where_the_rays_to_the_masks_meet() -> None:
    cameras = ring(5)
    moved = CENTRE + np.array([0.1, 0.2, -0.15])
    assert subject_centre(cameras) == pytest.approx(CENTRE)
    masks = []
    for camera in cameras:
        (x, y), _ = camera.project(moved)
        # One soft dot, bilinear around the projected point.
        mask = np.zeros((camera.height, camera.width), np.float32)
        j, i = int(x - 0.5), int(y - 0.5)
        u, v = x - 0.5 - j, y - 0.5 - i
        mask[i : i + 2, j : j + 2] = np.outer([1 - v, v], [1 - u, u])
        masks.append(mask)
    assert subject_centre(cameras, masks) == pytest.approx(moved, abs=1e-5)
    empty = [np.zeros_like(mask) for mask in masks]
    assert subject_centre(cameras, [masks[0], *empty[1:]]) == pytest.approx(CENTRE)


def test_a_rig_without_a_centre_is_refused() -> None:
    side_by_side = [looking_at([0, -3, 0], [0, 0, 0]), looking_at([1, -3, 0], [1, 0, 0])]
    with pytest.raises(CameraError, match="parallel"):
        subject_centre(side_by_side)
    outward = [looking_at(c.centre, 2 * c.centre - CENTRE) for c in ring(4)]
    with pytest.raises(CameraError, match="behind"):
        subject_centre(outward)
    with pytest.raises(CameraError, match="at least two"):
        subject_centre(side_by_side[:1])
