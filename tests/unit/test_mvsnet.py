from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inference.capture import read_capture
from inference.capture.formats import mvsnet
from inference.errors import CameraError, CaptureError, PictureError
from tests.unit.capture_fuzz import check_damage
from tests.unit.capture_samples import HEIGHT, WIDTH, found_by, local, pose, save_picture, seen

K = np.array([[60.0, 0.0, 30.5], [0.0, 61.0, 24.25], [0.0, 0.0, 1.0]])
DEPTHS = ("1.5 0.1 33 5.0", "2.0 0.1 33", "")


def camera_text(index: int, depths: str) -> str:
    extrinsic = np.vstack([np.column_stack(pose(index)), [0, 0, 0, 1]])
    lines = ["extrinsic", *(" ".join(map(repr, row)) for row in extrinsic.tolist()), "", "intrinsic"]
    return "\n".join([*lines, *(" ".join(map(repr, row)) for row in K.tolist()), "", depths]) + "\n"


def write(folder: Path, pictures: str = "{:08d}.jpg", place: str = "images") -> Path:
    (folder / "cams").mkdir(parents=True, exist_ok=True)
    for index, depths in enumerate(DEPTHS):
        (folder / "cams" / f"{index:08d}_cam.txt").write_text(camera_text(index, depths))
        save_picture(folder / place / pictures.format(index))
    (folder / "pair.txt").write_text("3\n0\n2 1 1.0 2 0.5\n1\n2 0 1.0 2 0.5\n2\n2 1 1.0 0 0.5\n")
    return folder / "cams"


def test_cameras_see_as_mvsnet_says(tmp_path: Path) -> None:
    capture = read_capture(write(tmp_path))
    assert capture.format == "MVSNet" and [view.name for view in capture] == ["00000000", "00000001", "00000002"]
    for index, view in enumerate(capture):
        rotation, translation = pose(index)
        assert np.abs(view.camera.world_to_camera[:3] - np.column_stack([rotation, translation])).max() < 1e-9
        homogeneous = local(index) @ K.T
        assert np.abs(seen(view.camera) - homogeneous[:, :2] / homogeneous[:, 2:]).max() < 1e-9
        assert (view.camera.width, view.camera.height) == (WIDTH, HEIGHT)
    assert capture.depth_near == 1.5 and capture.depth_far == pytest.approx(2.0 + 32 * 0.1)


@pytest.mark.parametrize(
    ("pictures", "place"),
    [("{:08d}.png", "blended_images"), ("frame_{:d}.png", "images"), ("{:08d}.jpg", "cams/images"), ("{}.jpg", "")],
)
def test_pictures_belong_by_name_or_number(tmp_path: Path, pictures: str, place: str) -> None:
    write(tmp_path, pictures, place)
    save_picture(tmp_path / place / "00000000_masked.jpg")
    assert [view.image for view in read_capture(tmp_path)] == [
        tmp_path / place / pictures.format(index) for index in range(3)
    ]


@pytest.mark.parametrize("depths", ["425 2.5", "0 0 0 0", "5 1 2 3", "1 1 3 inf"])
def test_no_depth_range_is_guessed(tmp_path: Path, depths: str) -> None:
    cameras = write(tmp_path)
    for index in range(3):
        (cameras / f"{index:08d}_cam.txt").write_text(camera_text(index, depths))
    assert read_capture(tmp_path).depth_near is None


def test_it_is_found_by_its_content(tmp_path: Path) -> None:
    cameras = write(tmp_path)
    for path in (tmp_path, cameras, cameras / "00000001_cam.txt", tmp_path / "pair.txt"):
        assert read_capture(path).path == cameras and found_by(path) == ["MVSNet"]
    for file in cameras.iterdir():
        file.write_text("something else")
    assert mvsnet.find(tmp_path) is None and mvsnet.find(tmp_path / "pair.txt") is None


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [("60.0", "-60.0", "positive"), ("60.0 0.0", "60.0 2.0", "skew"), ("60.0", "nan", "finite"), (" 1\n", " 2\n", "")],
)
def test_cameras_that_make_no_sense_are_named(tmp_path: Path, old: str, new: str, words: str) -> None:
    file = write(tmp_path) / "00000001_cam.txt"
    text = file.read_text()
    if not words:
        new, words = "0.0 0.0 0.0 2.0\n", "0 0 0 1"
        old = "0.0 0.0 0.0 1.0\n"
    assert old in text
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(CameraError, match=rf"00000001_cam\.txt cannot be used: .*{words}"):
        read_capture(tmp_path)


@pytest.mark.parametrize(
    "text", ["extrinsic 1 2 3", "extrinsic\n" + "1 " * 16 + "intrinsic x", "extrinsic" + " 1" * 30]
)
def test_damaged_files_are_named(tmp_path: Path, text: str) -> None:
    (write(tmp_path) / "00000001_cam.txt").write_text(text)
    with pytest.raises(CaptureError, match=r"00000001_cam\.txt is damaged"):
        read_capture(tmp_path)


def test_missing_pictures_are_named(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "images" / "00000001.jpg").unlink()
    capture = read_capture(tmp_path)
    assert len(capture) == 2 and "is missing" in capture.skipped["00000001"]
    for picture in (tmp_path / "images").iterdir():
        picture.unlink()
    with pytest.raises(PictureError, match=r"The 3 pictures .* are missing"):
        read_capture(tmp_path)


def test_damage_ends_in_a_sentence(tmp_path: Path) -> None:
    path = write(tmp_path) / "00000001_cam.txt"
    check_damage(tmp_path, path.read_bytes(), "cams/00000001_cam.txt")
