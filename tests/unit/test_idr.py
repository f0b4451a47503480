from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference.capture import read_capture
from inference.capture.formats import idr
from inference.errors import CameraError, CaptureError, PictureError
from tests.unit.capture_fuzz import check_damage
from tests.unit.capture_samples import HEIGHT, POINTS, WIDTH, found_by, pose, save_picture, seen

K = np.array([[60.0, 0.0, 30.5], [0.0, 61.0, 24.25], [0.0, 0.0, 1.0]])
# Where the points are a unit sphere or so: at 5.5 along z, of radius 2.
SCALE = np.array([[2.0, 0, 0, 0], [0, 2.0, 0, 0], [0, 0, 2.0, 5.5], [0, 0, 0, 1]])


def matrices(scaled: bool = True) -> dict[str, np.ndarray]:
    """Return the projections of three cameras, the second with another factor and the third with a negative one."""
    arrays: dict[str, np.ndarray] = {}
    for index, factor in enumerate((1.0, 0.01, -3.0)):
        arrays[f"camera_mat_{index}"] = K
        arrays[f"world_mat_{index}"] = np.vstack([factor * K @ np.column_stack(pose(index)), [0, 0, 0, 1]])
        if scaled:
            arrays[f"scale_mat_{index}"] = SCALE
    return arrays


def write(folder: Path, arrays: dict[str, Any], name: str = "cameras.npz", place: str = "image") -> Path:
    for index in range(3):
        save_picture(folder / place / f"{index:06d}.png")
        save_picture(folder / "mask" / f"{index:03d}.png")
    path = folder / name
    np.savez(path, **arrays)
    return path


def test_cameras_see_as_the_projections_say(tmp_path: Path) -> None:
    capture = read_capture(write(tmp_path, matrices(scaled=False)))
    assert capture.format == "IDR" and [view.name for view in capture] == ["000000", "000001", "000002"]
    assert capture.depth_near is None
    for index, view in enumerate(capture):
        rotation, translation = pose(index)
        assert np.abs(view.camera.world_to_camera[:3] - np.column_stack([rotation, translation])).max() < 1e-9
        homogeneous = np.column_stack([POINTS, np.ones(len(POINTS))]) @ matrices()[f"world_mat_{index}"][:3].T
        # Pixels have their centres at whole numbers.
        assert np.abs(seen(view.camera) - 0.5 - homogeneous[:, :2] / homogeneous[:, 2:]).max() < 1e-9
        assert (view.camera.width, view.camera.height) == (WIDTH, HEIGHT)
        assert view.mask == tmp_path / "mask" / f"{index:03d}.png"


def test_the_scene_is_the_one_of_the_unit_sphere(tmp_path: Path) -> None:
    capture = read_capture(write(tmp_path, matrices(), "cameras_sphere.npz", "rgb"))
    inside = (POINTS - SCALE[:3, 3]) / 2.0
    depths = []
    for index, view in enumerate(capture):
        homogeneous = np.column_stack([inside, np.ones(len(inside))]) @ (matrices()[f"world_mat_{index}"] @ SCALE)[:3].T
        pixels, _ = view.camera.project(inside)
        assert np.abs(pixels - 0.5 - homogeneous[:, :2] / homogeneous[:, 2:]).max() < 1e-9
        rotation, translation = pose(index)
        assert np.abs(view.camera.rotation - rotation).max() < 1e-12
        depths.append((rotation @ SCALE[:3, 3] + translation)[2] / 2.0)
    assert capture.depth_near == pytest.approx(min(depths) - 1) and capture.depth_far == pytest.approx(max(depths) + 1)


def test_single_precision_is_no_skew(tmp_path: Path) -> None:
    arrays = {name: array.astype(np.float32) for name, array in matrices().items()}
    camera = read_capture(write(tmp_path, arrays)).views[1].camera
    assert camera.fx == pytest.approx(60.0, abs=1e-3) and camera.cx == pytest.approx(31.0, abs=1e-3)


def test_it_is_found_by_its_content(tmp_path: Path) -> None:
    path = write(tmp_path, matrices())
    assert found_by(path) == found_by(tmp_path) == ["IDR"]
    assert read_capture(tmp_path).path == path
    np.savez(path, something=K)
    assert idr.find(path) is None and idr.find(tmp_path) is None
    path.write_bytes(b"PK\x03\x04 no archive")
    assert idr.find(path) is None


def test_missing_pictures_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, matrices())
    (tmp_path / "image" / "000001.png").unlink()
    capture = read_capture(path)
    assert [view.name for view in capture] == ["000000", "000002"] and "is missing" in capture.skipped["000001"]
    assert capture["000002"].mask == tmp_path / "mask" / "002.png"
    (tmp_path / "image" / "000000.png").unlink()
    # Pictures counted from 1 would look the same.
    with pytest.raises(CaptureError, match=r"image has 1 pictures, but .* has 3 cameras"):
        read_capture(path)
    (tmp_path / "image" / "000002.png").unlink()
    with pytest.raises(PictureError, match="no pictures in a folder 'image'"):
        read_capture(path)


@pytest.mark.parametrize(
    ("world", "words"),
    [
        (np.zeros((4, 4)), "no centre"),
        (np.full((4, 4), np.nan), "finite"),
        (np.zeros((2, 4)), "3 x 4"),
        (np.array([[60.0, 3.0, 30, 0], [0, 60, 20, 0], [0, 0, 1, 0]]), "skew of 3 pixels"),
    ],
)
def test_cameras_that_make_no_sense_are_named(tmp_path: Path, world: np.ndarray, words: str) -> None:
    with pytest.raises(CameraError, match=f"camera of '000001' in .*{words}"):
        read_capture(write(tmp_path, {**matrices(), "world_mat_1": world}))


@pytest.mark.parametrize(
    ("name", "array", "words"),
    [
        ("scale_mat_1", SCALE * 2, "different scale_mat"),
        ("scale_mat_0", np.eye(3), "4 x 4"),
        ("world_mat_1", np.zeros((100, 100)), "too large"),
        ("world_mat_1", np.array([[None] * 4] * 4), "plain numbers"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, name: str, array: np.ndarray, words: str) -> None:
    with pytest.raises(CaptureError, match=rf"cameras\.npz.*{words}"):
        read_capture(write(tmp_path, {**matrices(), name: array}))


def test_bombs_and_broken_archives(tmp_path: Path) -> None:
    path = write(tmp_path, matrices())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("world_mat_0.npy", bytes(10_000_000))
    with pytest.raises(CaptureError, match="too large"):
        read_capture(path)
    path = write(tmp_path, matrices())
    data = bytearray(path.read_bytes())
    place = data.index(b"world_mat_0.npy") + 200
    data[place : place + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    with pytest.raises(CaptureError, match=r"cameras\.npz.*(damaged|cut short)"):
        read_capture(path)


def test_damage_ends_in_a_sentence(tmp_path: Path) -> None:
    path = write(tmp_path, matrices())
    check_damage(tmp_path, path.read_bytes(), path.name)
