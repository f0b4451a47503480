from __future__ import annotations

import numpy as np
import pytest

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


def presences(target: Camera, sources: list[Camera], count: int, **options: float) -> list[float]:
    """How much each source takes part; 0 where it is not used."""
    choices = select_sources(target, sources, count, 2.0, 8.0, **options)
    return [choice.presence if choice.used else 0.0 for choice in sorted(choices, key=lambda choice: choice.index)]


def test_what_is_clearly_nearest_counts_fully() -> None:
    sources = [camera(0.1), camera(-0.2), camera(0.6), camera(-0.8)]
    assert presences(camera(0.0), sources, 2) == pytest.approx([1.0, 1.0, 0.0, 0.0])


def test_equally_far_sources_share_the_last_place() -> None:
    sources = [camera(0.01), camera(0.3), camera(-0.3), camera(0.9)]
    assert presences(camera(0.0), sources, 2) == pytest.approx([1.0, 0.5, 0.5, 0.0])
    # All the same: none is preferred.
    assert presences(camera(0.0), [camera(0.3), camera(-0.3), camera(0.3)], 2) == pytest.approx([1.0] * 3)
    assert presences(camera(0.0), [camera(0.0)] * 3, 2) == pytest.approx([1.0] * 3)
    # Never more than twice as many.
    assert sum(presence > 0 for presence in presences(camera(0.0), [camera(0.3)] * 9, 2)) == 4


def test_without_fading_the_nearest_count_fully() -> None:
    sources = [camera(0.01), camera(0.3), camera(-0.3), camera(0.9)]
    assert presences(camera(0.0), sources, 2, fading=0.0) == [1.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize("count", [2, 4])
def test_presence_is_continuous(count: int) -> None:
    random = np.random.default_rng(3)
    sources = [
        camera(x, turned) for x, turned in zip(random.uniform(-1, 1, 9), random.uniform(-25, 25, 9), strict=True)
    ]
    path = [camera(x, 30 * x) for x in np.linspace(-0.8, 0.8, 801)]
    steps = np.abs(np.diff([presences(target, sources, count) for target in path], axis=0))
    hard = np.abs(np.diff([presences(target, sources, count, fading=0.0) for target in path], axis=0))
    assert hard.max() == 1.0
    assert steps.max() < 0.2
    assert (np.array([presences(target, sources, count) for target in path[::50]]).max(axis=1) == 1.0).all()


def test_a_source_that_loses_sight_fades_out_and_the_next_takes_its_place() -> None:
    sources = [camera(0.1, 0.0), camera(-0.3, 40.0)]
    found = np.array([presences(camera(0.0, turned), sources, 1) for turned in np.linspace(30, 60, 301)])
    assert found[0].tolist() == [1.0, 0.0] and found[-1].tolist() == [0.0, 1.0]
    assert np.abs(np.diff(found, axis=0)).max() < 0.15
    assert (found > 0).all(axis=1).sum() >= 4


@pytest.mark.parametrize("count", [1, 2, 4])
def test_the_relevant_sources_choose_the_same(count: int) -> None:
    random = np.random.default_rng(4)
    sources = [
        camera(x, turned) for x, turned in zip(random.uniform(-1, 1, 12), random.uniform(-40, 40, 12), strict=True)
    ]
    for x in np.linspace(-0.8, 0.8, 41):
        target = camera(x, 30 * x)
        relevant = relevant_sources(target, sources, count, 2.0, 8.0)
        assert relevant == sorted(relevant) and len(relevant) < 12
        alone = presences(target, [sources[index] for index in relevant], count)
        whole = presences(target, sources, count)
        assert np.allclose(alone, [whole[index] for index in relevant], rtol=0, atol=1e-12)
        assert sum(presence > 0 for presence in whole) == len(relevant)
