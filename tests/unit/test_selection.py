from __future__ import annotations

import numpy as np

from inference.camera import Camera
from inference.selection import frustum_samples, overlap, relevant_sources, select_sources


def camera(x: float, turned: float = 0.0) -> Camera:
    """A camera at (x, 0, 0) that looks along z, or turned about y by these degrees."""
    angle = np.radians(turned)
    pose = np.eye(4)
    pose[:3, :3] = [[np.cos(angle), 0, -np.sin(angle)], [0, 1, 0], [np.sin(angle), 0, np.cos(angle)]]
    pose[:3, 3] = -pose[:3, :3] @ [x, 0.0, 0.0]
    return Camera(100, 100, 100.0, 100.0, 50.0, 50.0, pose)


def test_samples_fill_the_frustum() -> None:
    target = camera(0.3, 20.0)
    pixels, depth = target.project(frustum_samples(target, 2.0, 8.0))
    assert np.isclose(depth.min(), 2.0) and np.isclose(depth.max(), 8.0)
    assert pixels.min() > 0 and pixels.max() < 100


def test_overlap_of_a_shifted_camera_is_known() -> None:
    # At depth 2 the picture is 2 wide: a shift of 0.5 loses a quarter of it.
    target = camera(0.0)
    x = (np.arange(400) + 0.5) / 4
    points = target.unproject(np.stack([x, np.full(400, 50.0)], axis=1), np.full(400, 2.0))
    assert overlap(camera(0.5), points) == 0.75
    assert overlap(camera(0.0, 180.0), points) == 0.0


def test_the_nearest_that_see_the_target_are_used() -> None:
    sources = [camera(0.9), camera(0.1), camera(-0.2), camera(0.05, 180.0), camera(0.3)]
    choices = select_sources(camera(0.0), sources, 2, 2.0, 8.0)
    assert [choice.index for choice in choices if choice.used] == [1, 2]
    assert sorted(choice.index for choice in choices) == [0, 1, 2, 3, 4]
    reasons = {choice.index: choice.reason for choice in choices}
    assert reasons[3].startswith("sees nothing of the target")
    assert reasons[4].startswith("2 sources are nearer") and "0.3 away" in reasons[4]


def test_fewer_sources_than_asked_for_are_all_used() -> None:
    choices = select_sources(camera(0.0), [camera(0.2), camera(0.1)], 4, 2.0, 8.0)
    assert [(choice.index, choice.used) for choice in choices] == [(1, True), (0, True)]


def test_the_relevant_sources_choose_the_same() -> None:
    sources = [camera(0.9), camera(0.1), camera(-0.2), camera(0.05, 180.0), camera(0.3)]
    relevant = relevant_sources(camera(0.0), sources, 2, 2.0, 8.0)
    assert relevant == [1, 2]
    alone = select_sources(camera(0.0), [sources[index] for index in relevant], 2, 2.0, 8.0)
    assert [relevant[choice.index] for choice in alone if choice.used] == [1, 2]
