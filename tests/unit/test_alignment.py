"""Putting a capture right, against captures that were put wrong by known transforms."""

import numpy as np
import pytest

from inference import alignment
from inference.camera import Array, Camera
from inference.errors import CaptureError

RANDOM = np.random.default_rng(3)


def rotation(seed: int) -> Array:
    axes, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return axes * np.sign(np.linalg.det(axes))


def level_camera(angle: float, nod: float, height: float = 1.5) -> Camera:
    """A camera that looks at the middle from a direction, held level: z is up."""
    back = np.array([np.cos(angle) * np.cos(nod), np.sin(angle) * np.cos(nod), np.sin(nod)])
    right = np.cross([0, 0, 1], back)
    right /= np.linalg.norm(right)
    down = -np.cross(back, right)
    pose = np.eye(4)
    pose[:3, :3] = [right, down, -back]
    pose[:3, 3] = -pose[:3, :3] @ (3 * back + [0, 0, height])
    return Camera(64, 48, 50, 50, 32, 24, pose)


def wrong(cameras: list[Camera], transform: Array) -> list[Camera]:
    """The cameras in a scene that was turned and shifted."""
    poses = [camera.world_to_camera @ np.linalg.inv(transform) for camera in cameras]
    return [Camera(64, 48, 50, 50, 32, 24, pose) for pose in poses]


def turned(seed: int, shift: tuple[float, float, float] = (0, 0, 0)) -> Array:
    transform = np.eye(4)
    transform[:3, :3], transform[:3, 3] = rotation(seed), shift
    return transform


@pytest.mark.parametrize("angles", [np.linspace(0, 6, 8), np.linspace(-0.3, 0.3, 5), [0.2]], ids=["ring", "arc", "one"])
@pytest.mark.parametrize("seed", range(4))
def test_level_cameras_stand_upright_again(angles: list[float], seed: int) -> None:
    """All nod downwards, as they do before a table: their mean upward axis is tilted."""
    cameras = [level_camera(angle, 0.35 if len(angles) > 1 else 0.0) for angle in angles]
    whole = alignment.upright(wrong(cameras, turned(seed))) @ turned(seed)
    tilt = np.degrees(np.arccos(np.clip(whole[2, 2], -1, 1)))
    assert tilt < (0.01 if len(angles) > 1 else 1e-5)
    assert np.allclose(whole[:3, :3] @ whole[:3, :3].T, np.eye(3)) and np.linalg.det(whole[:3, :3]) > 0


def test_the_smallest_turn_leaves_an_upright_capture_alone() -> None:
    cameras = [level_camera(angle, 0.2) for angle in np.linspace(0, 2, 5)]
    assert np.allclose(alignment.upright(cameras), np.eye(4), atol=1e-9)
    flipped = alignment.upright(wrong(cameras, np.diag([1.0, -1.0, -1.0, 1.0])))
    assert np.allclose(flipped[:3, :3] @ [0, 0, -1], [0, 0, 1])


def test_cameras_that_disagree_are_refused() -> None:
    ring = [level_camera(0.0, 0.0)]
    ring += wrong(ring, np.diag([1.0, -1.0, -1.0, 1.0]))
    with pytest.raises(CaptureError, match="what is up; align the capture by three points"):
        alignment.upright(ring)


def test_picked_points_of_the_ground_come_to_height_0() -> None:
    flat = np.c_[RANDOM.uniform(-2, 2, (6, 2)), np.zeros(6)]
    tilted = alignment._turned(np.array([0, 0, 1.0]), np.array([0.3, -0.4, 0.8660254]))
    tilted[:3, 3] = 1, 2, 3
    points = flat @ tilted[:3, :3].T + tilted[:3, 3]
    whole = alignment.on_ground(points)
    heights = (points @ whole[:3, :3].T + whole[:3, 3])[:, 2]
    assert np.abs(heights).max() < 1e-12
    assert whole[2, :3] @ [0.3, -0.4, 0.8660254] > 0.999, "what was above is above"
    with pytest.raises(CaptureError, match="on a line"):
        alignment.on_ground(np.outer(np.arange(5), [1, 2, 3]))


@pytest.mark.parametrize("seed", range(4))
def test_the_ground_is_found_among_things_that_stand_on_it(seed: int) -> None:
    random = np.random.default_rng(seed)
    ground = np.c_[random.uniform(-2, 2, (300, 2)), random.normal(0, 0.002, 300)]
    table = np.c_[random.uniform(-0.5, 0.5, (200, 2)), random.normal(0.8, 0.002, 200)]
    wall = np.c_[np.full(250, 2.0), random.uniform(-2, 2, 250), random.uniform(0, 2, 250)]
    things = np.c_[random.uniform(-1, 1, (200, 2)), random.uniform(0, 1.2, 200)]
    stray = random.uniform(-3, 3, (20, 3))
    points = np.concatenate([ground, table, wall, things, stray])
    move = turned(seed + 9, (5, -2, 7))
    cameras = [level_camera(angle, 0.3) for angle in np.linspace(0, 6, 8)]
    whole = alignment.find_ground(points @ move[:3, :3].T + move[:3, 3], wrong(cameras, move)) @ move
    assert np.degrees(np.arccos(whole[2, 2])) < 0.3
    assert abs(whole[2, 3]) < 0.01


def test_no_ground_is_said() -> None:
    cameras = [level_camera(angle, 0.3) for angle in np.linspace(0, 6, 8)]
    with pytest.raises(CaptureError, match="No ground is to be seen"):
        alignment.find_ground(RANDOM.normal(size=(400, 3)), cameras)
    with pytest.raises(CaptureError, match="too few points"):
        alignment.find_ground(np.zeros((3, 3)), cameras)


def test_three_points_make_the_axes() -> None:
    origin, along, other = (RANDOM.normal(size=3) for _ in range(3))
    whole = alignment.by_three_points(origin, along, other)
    places = [whole[:3, :3] @ point + whole[:3, 3] for point in (origin, along, other)]
    assert np.allclose(places[0], 0)
    assert np.allclose(places[1], [np.linalg.norm(along - origin), 0, 0])
    assert abs(places[2][2]) < 1e-12 and places[2][1] > 0
    with pytest.raises(CaptureError, match="on a line"):
        alignment.by_three_points([0, 0, 0], [1, 1, 1], [2, 2, 2])


def test_distances_are_above_0() -> None:
    with pytest.raises(CaptureError, match="two different points"):
        alignment.to_distance([0, 0, 0], [0, 0, 0], 1.0)
    with pytest.raises(CaptureError, match="two different points"):
        alignment.to_distance([0, 0, 0], [1, 0, 0], float("nan"))
    scaled = alignment.to_distance([1, 0, 0], [1, 2, 0], 5.0)
    assert np.allclose(scaled, np.diag([2.5, 2.5, 2.5, 1]))
