"""Training samples and rings of people: repeatable, consistent from view to view, readable."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from inference.capture import read_capture
from inference.errors import CaptureError
from tests.shared_data import SHARED
from training.people import PersonPicture, draw_sample
from training.people.glb import read_avatar
from training.people.persons import training_avatars
from training.people.recolour import find_wardrobes, random_clothes
from training.people.ring import write_ring

PEOPLE = SHARED / "people"
needs_people = pytest.mark.skipif(not PEOPLE.is_dir(), reason="the avatars are not here")


def seen_again(first: PersonPicture, second: PersonPicture) -> tuple[float, float]:
    """Move the points of one picture into another: how many are where its depth says, how many stand before it."""
    y, x = np.nonzero(first.depth)
    points = first.camera.unproject(np.stack([x, y], axis=1) + 0.5, first.depth[y, x])
    pixels, z = second.camera.project(points)
    column, row = np.floor(pixels).astype(int).T
    inside = (column >= 0) & (row >= 0) & (column < second.camera.width) & (row < second.camera.height)
    there = second.depth[row[inside], column[inside]]
    gap = z[inside] - there
    tolerance = 0.04
    return float((np.abs(gap) < tolerance).mean()), float(((gap < -tolerance) & (there > 0)).mean())


def test_views_of_a_sample_show_the_same_solid() -> None:
    for seed in range(3):
        sample = draw_sample(seed, 96, None, targets=2)
        assert len(sample.targets) == 2
        for view in (*sample.sources, *sample.targets):
            assert view.rgb.shape == (96, 96, 3)
            assert view.rgb.dtype == view.mask.dtype == view.depth.dtype == np.float32
            assert view.rgb.min() >= 0 and view.rgb.max() <= 1
            assert 0.02 < view.mask.mean() < 0.9
            # A pixel has a depth where its middle is covered.
            assert (view.mask[view.depth > 0] > 0).all()
            assert (view.depth[view.mask == 1] > 0).all()
            pixel, depth = view.camera.project(sample.centre)
            assert (np.abs(pixel - 48) < 48).all()
            # The middle of the box is inside the body or near it: nothing is farther off than its own size.
            assert np.abs(view.depth[view.depth > 0] - depth).max() < 1.6
        for target in sample.targets:
            again, before = seen_again(target, sample.sources[0])
            assert again > 0.4
            # A point before another's depth would have hidden it there.
            assert before < 0.05


def test_the_rig_s_other_cameras_stand_apart_and_bound_the_same_solid() -> None:
    numbers = set()
    for seed in range(6):
        sample = draw_sample(seed, 64, None)
        numbers.add(len(sample.others))
        points = [view.camera.centre - sample.centre for view in (*sample.sources, *sample.others)]
        ways = np.array([point / np.linalg.norm(point) for point in points])
        between = np.degrees(np.arccos(np.clip(ways @ ways.T, -1, 1)))
        assert between[~np.eye(len(ways), dtype=bool)].min() > 10
        for view in sample.others:
            assert view.mask.shape == (32, 32)
            y, x = np.nonzero(sample.sources[0].depth)
            points_seen = sample.sources[0].camera.unproject(
                np.stack([x, y], axis=1) + 0.5, sample.sources[0].depth[y, x]
            )
            pixels, _ = view.camera.project(points_seen)
            column, row = np.floor(pixels).astype(int).T
            inside = (column >= 0) & (row >= 0) & (column < 32) & (row < 32)
            grown = cv2.dilate(view.mask, np.ones((3, 3)))
            assert (grown[row[inside], column[inside]] > 0).mean() > 0.99
    assert len(numbers) > 2


def test_a_seed_repeats_itself_and_others_differ() -> None:
    first, same, other = (draw_sample(seed, 48, None) for seed in (7, 7, 8))
    for a, b in zip((*first.sources, *first.targets), (*same.sources, *same.targets), strict=True):
        np.testing.assert_array_equal(a.rgb, b.rgb)
        np.testing.assert_array_equal(a.depth, b.depth)
        np.testing.assert_array_equal(a.camera.world_to_camera, b.camera.world_to_camera)
    assert np.abs(first.sources[0].rgb - other.sources[0].rgb).max() > 0.1


def test_sources_are_neighbours_with_the_target_between() -> None:
    for seed in range(4):
        sample = draw_sample(seed, 16, None)

        def azimuth(view: PersonPicture, centre: np.ndarray = sample.centre) -> float:
            x, y, _ = view.camera.centre - centre
            return float(np.degrees(np.arctan2(y, x)))

        def turn(a: float, b: float) -> float:
            return (b - a + 180) % 360 - 180

        left, right = (azimuth(view) for view in sample.sources)
        assert 13 < abs(turn(left, right)) < 63
        assert -0.1 < turn(left, azimuth(sample.targets[0])) / turn(left, right) < 1.1


@needs_people
def test_avatars_are_used_and_repeat_themselves() -> None:
    first, again = draw_sample(1, 64, PEOPLE), draw_sample(1, 64, PEOPLE)
    np.testing.assert_array_equal(first.targets[0].rgb, again.targets[0].rgb)
    bodies = draw_sample(1, 64, None)
    assert not np.array_equal(first.targets[0].rgb, bodies.targets[0].rgb)


@needs_people
def test_other_clothes_leave_the_face_alone() -> None:
    path = next(file for file in training_avatars(PEOPLE) if file.stem == "Asian_F_1_Medi")
    avatar = read_avatar(path)
    wardrobes = find_wardrobes(avatar)
    own = random_clothes(np.random.default_rng(0), avatar, wardrobes)[0]
    other = random_clothes(np.random.default_rng(1), avatar, wardrobes)[0]
    body = avatar.parts[0]
    for name, low, high in (("Head", 0.0, 0.01), ("Spine1", 0.05, 1.0)):
        vertices = (body.joints[:, 0] == avatar.skeleton.names.index(name)) & (body.weights[:, 0] > 0.9)
        texels = np.clip((body.texcoords[vertices] * 1024).astype(int), 0, 1023)
        change = np.abs(own - other)[texels[:, 1], texels[:, 0]].mean()
        assert low <= change <= high, name


@needs_people
def test_a_ring_is_a_capture(tmp_path: Path) -> None:
    person = next(PEOPLE.glob("Asian_F_2_Casual.glb"))
    write_ring(person, 4, 64, tmp_path / "ring", seed=3)
    capture = read_capture(tmp_path / "ring")
    assert [view.name for view in capture] == [f"{kind}_{n:02d}" for kind in ("cam", "mid") for n in range(4)]
    forwards = np.stack([capture[f"cam_{n:02d}"].camera.forward for n in range(4)])
    assert abs(np.dot(forwards[0][:2], forwards[1][:2])) < 1e-6
    middle = capture["mid_00"].camera.forward
    np.testing.assert_allclose(middle @ forwards[0], middle @ forwards[1])
    assert capture.depth_near is not None and capture.depth_far is not None
    for view in capture:
        assert isinstance(view.image, Path)
        stored = cv2.imread(str(view.image), cv2.IMREAD_UNCHANGED)
        assert stored.shape == (64, 64, 4) and stored.dtype == np.uint8
        depth = np.load(tmp_path / "ring" / "depth" / f"{view.name}.npy")
        assert depth.shape == (64, 64) and depth.dtype == np.float32
        assert ((depth > 0) <= (stored[..., 3] > 0)).all()
        assert depth[depth > 0].min() > capture.depth_near and depth.max() < capture.depth_far
        # Whole: nothing touches the border.
        assert not stored[[0, -1], :, 3].any() and not stored[:, [0, -1], 3].any()


def test_a_missing_avatar_is_named(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"nobody\.glb cannot be read"):
        write_ring(tmp_path / "nobody.glb", 4, 32, tmp_path / "ring")
