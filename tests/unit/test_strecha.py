from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inference.capture import read_capture
from inference.capture.formats import strecha
from inference.errors import CameraError, CaptureError, PictureError
from tests.unit.capture_fuzz import check_damage
from tests.unit.capture_samples import HEIGHT, POINTS, WIDTH, found_by, pose, save_picture, seen

K = np.array([[60.0, 0.0, 30.5], [0.0, 61.0, 24.25], [0.0, 0.0, 1.0]])


def content(index: int) -> str:
    rotation, translation = pose(index)
    to_world, centre = rotation.T, -rotation.T @ translation
    rows = [*K.tolist(), [0.0, 0.0, 0.0], *to_world.tolist(), centre.tolist()]
    lines = [" ".join(map(repr, row)) + " " for row in rows]
    return "\n".join([*lines, f"{WIDTH} {HEIGHT}"]) + "\n"


def write(folder: Path, cameras: str = "gt_dense_cameras", pictures: str = "images") -> Path:
    (folder / cameras).mkdir(parents=True, exist_ok=True)
    for index in range(3):
        save_picture(folder / pictures / f"000{index}.jpg")
        (folder / cameras / f"000{index}.jpg.camera").write_text(content(index))
    return folder / cameras


def test_cameras_see_as_the_description_says(tmp_path: Path) -> None:
    capture = read_capture(write(tmp_path))
    assert capture.format == "Strecha" and [view.name for view in capture] == ["0000", "0001", "0002"]
    for index, view in enumerate(capture):
        rotation, translation = pose(index)
        assert np.abs(view.camera.world_to_camera[:3] - np.column_stack([rotation, translation])).max() < 1e-9
        # x = K [R^T | -R^T t] X, with what the file has.
        values = np.array(content(index).split(), dtype=float)
        stored, centre = values[12:21].reshape(3, 3), values[21:24]
        projection = K @ np.column_stack([stored.T, -stored.T @ centre])
        homogeneous = np.column_stack([POINTS, np.ones(len(POINTS))]) @ projection.T
        # The centre of the first pixel is taken for the origin.
        assert np.abs(seen(view.camera) - 0.5 - homogeneous[:, :2] / homogeneous[:, 2:]).max() < 1e-9
        assert (view.camera.width, view.camera.height) == (WIDTH, HEIGHT)


@pytest.mark.parametrize(
    ("cameras", "pictures"), [("gt_dense_cameras", "images"), ("", ""), ("cameras", ""), ("images", "images")]
)
def test_they_are_found_by_their_content(tmp_path: Path, cameras: str, pictures: str) -> None:
    folder = write(tmp_path, cameras, pictures)
    for path in (tmp_path, folder, folder / "0001.jpg.camera"):
        assert read_capture(path).path == folder and found_by(path) == ["Strecha"]
    for file in folder.glob("*.camera"):
        file.write_text("a movie")
    assert strecha.find(tmp_path) is None and strecha.find(file) is None


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("60.0", "-60.0", "positive"),
        ("60.0 0.0", "60.0 2.0", "skew"),
        ("60.0", "nan", "finite"),
        ("0.0 0.0 0.0 \n", "0.1 0.0 0.0 \n", "radial distortion"),
        (f"\n{WIDTH} ", "\n64.5 ", "whole number"),
        (f"\n{WIDTH} ", "\nnan ", "whole number"),
    ],
)
def test_cameras_that_make_no_sense_are_named(tmp_path: Path, old: str, new: str, words: str) -> None:
    file = write(tmp_path) / "0001.jpg.camera"
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(CameraError, match=f"camera of '0001' in .*{words}"):
        read_capture(tmp_path)


@pytest.mark.parametrize(
    ("text", "words"), [(content(1)[:-10], "has 24 numbers where it must have 26"), (content(1) + "x", "no number")]
)
def test_damaged_files_are_named(tmp_path: Path, text: str, words: str) -> None:
    (write(tmp_path) / "0001.jpg.camera").write_text(text)
    with pytest.raises(CaptureError, match=rf"0001\.jpg\.camera is damaged.*{words}"):
        read_capture(tmp_path)


def test_missing_pictures_are_named(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "images" / "0001.jpg").unlink()
    capture = read_capture(tmp_path)
    assert [view.name for view in capture] == ["0000", "0002"] and "is missing" in capture.skipped["0001"]
    for picture in (tmp_path / "images").iterdir():
        picture.unlink()
    with pytest.raises(PictureError, match=r"The 3 pictures .* are missing"):
        read_capture(tmp_path)


def test_damage_of_any_kind_is_said(tmp_path: Path) -> None:
    cameras = write(tmp_path)
    check_damage(cameras, (cameras / "0000.jpg.camera").read_bytes(), "0000.jpg.camera", 100)
