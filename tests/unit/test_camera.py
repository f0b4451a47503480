from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from inference.camera import Camera, Distortion
from inference.errors import CameraError


def rotation(rng: np.random.Generator) -> np.ndarray[Any, Any]:
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    q *= np.sign(np.diag(r))
    return q if np.linalg.det(q) > 0 else q[:, [1, 0, 2]]


def some_camera(seed: int = 0, **changes: Any) -> Camera:
    rng = np.random.default_rng(seed)
    pose = np.eye(4)
    pose[:3, :3] = rotation(rng)
    pose[:3, 3] = rng.normal(size=3)
    values: dict[str, Any] = {
        "width": 640, "height": 480, "fx": 500.0, "fy": 510.0, "cx": 321.5, "cy": 236.25, "world_to_camera": pose,
    }  # fmt: skip
    return Camera(**{**values, **changes})


def test_projection_is_the_textbook_one() -> None:
    pose = np.eye(4)
    pose[:3, 3] = (0.0, 0.0, 2.0)
    camera = Camera(100, 80, 50.0, 40.0, 50.0, 40.0, pose)
    pixels, depth = camera.project([[1.0, 0.5, 2.0], [0.0, 0.0, 0.0]])
    assert np.allclose(pixels, [[50 + 50 / 4, 40 + 40 * 0.5 / 4], [50.0, 40.0]])
    assert np.allclose(depth, [4.0, 2.0])


@pytest.mark.parametrize("seed", range(5))
def test_unproject_undoes_project(seed: int) -> None:
    camera = some_camera(seed)
    rng = np.random.default_rng(seed)
    pixels = rng.uniform(0, 480, size=(50, 2))
    depth = rng.uniform(0.5, 9.0, size=50)
    back, back_depth = camera.project(camera.unproject(pixels, depth))
    assert np.abs(back - pixels).max() < 1e-9
    assert np.abs(back_depth - depth).max() < 1e-12


def test_pose_properties_agree() -> None:
    camera = some_camera(3)
    assert np.allclose(camera.camera_to_world @ camera.world_to_camera, np.eye(4))
    assert np.allclose(camera.camera_to_world[:3, 3], camera.centre)
    ahead, depth = camera.project(camera.centre + 2 * camera.forward)
    assert np.allclose(ahead, [camera.cx, camera.cy]) and np.isclose(depth, 2.0)


def test_crop_and_resize_move_pixels_with_the_picture() -> None:
    camera = some_camera(4)
    points = camera.unproject(np.array([[10.0, 20.0], [300.0, 400.0]]), np.array([1.0, 2.0]))
    pixels, _ = camera.project(points)
    cropped, _ = camera.crop(7, 11, 100, 90).project(points)
    assert np.allclose(cropped, pixels - [7, 11])
    halved, _ = camera.resized(320, 160).project(points)
    assert np.allclose(halved, pixels * [0.5, 1 / 3])


@pytest.mark.parametrize(("longer", "size"), [(320, (320, 240)), (1000, (640, 480)), (1, (1, 1))])
def test_fitted_never_enlarges(longer: int, size: tuple[int, int]) -> None:
    fitted = some_camera().fitted(longer)
    assert (fitted.width, fitted.height) == size


def test_json_keeps_every_bit() -> None:
    camera = some_camera(5, distortion=Distortion("opencv", (0.1, -0.02, 1e-4)))
    back = Camera.from_json(json.loads(json.dumps(camera.to_json())))
    assert back.world_to_camera.tolist() == camera.world_to_camera.tolist()
    assert (back.fx, back.fy, back.cx, back.cy, back.distortion) == (500.0, 510.0, 321.5, 236.25, camera.distortion)


def test_a_lens_without_distortion_is_ideal_but_a_fisheye_never() -> None:
    assert some_camera(distortion=Distortion("opencv", (0.0, 0.0))).distortion is None
    assert some_camera(distortion=Distortion("fisheye", (0.0,) * 4)).distortion is not None


def broken(pose: Any) -> Any:
    return {"world_to_camera": pose}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"fx": float("nan")}, "fx is nan"),
        ({"fy": -3.0}, "must be positive"),
        ({"width": 0}, "width is 0"),
        ({"height": 10.5}, "whole number"),
        (broken(np.diag([1.0, 1.0, -1.0, 1.0])), "mirrored"),
        (broken(np.diag([2.0, 2.0, 2.0, 1.0])), "scaled or sheared"),
        (broken(np.diag([1e200, 1e200, 1e200, 1.0])), "scaled or sheared"),
        (broken(np.full((4, 4), np.nan)), "not finite"),
        (broken(np.eye(3)), "shape (3, 3)"),
        (broken([["a"] * 4] * 4), "not a matrix of numbers"),
        (broken(np.ones((4, 4))), "last row"),
    ],
)
def test_what_is_no_camera_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(CameraError) as caught:
        some_camera(**changes)
    assert words in str(caught.value)


@pytest.mark.parametrize(("model", "values"), [("brown", (0.1,)), ("fisheye", (0.0,) * 5), ("opencv", (np.inf,))])
def test_what_is_no_lens_is_refused(model: str, values: tuple[float, ...]) -> None:
    with pytest.raises(CameraError):
        Distortion(model, values)


def test_records_with_missing_entries_are_refused() -> None:
    record = some_camera().to_json()
    del record["fx"]
    with pytest.raises(CameraError, match="'fx'"):
        Camera.from_json(record)


def test_a_pose_of_few_digits_becomes_a_rotation() -> None:
    camera = some_camera(6)
    rounded = some_camera(world_to_camera=np.round(camera.world_to_camera, 4))
    assert np.allclose(rounded.rotation @ rounded.rotation.T, np.eye(3), atol=1e-14)
    assert not rounded.world_to_camera.flags.writeable
