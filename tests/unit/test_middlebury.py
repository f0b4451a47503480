from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inference.capture import read_capture
from inference.capture.formats import middlebury
from inference.errors import CameraError, CaptureError, PictureError
from tests.unit.capture_fuzz import check_damage
from tests.unit.capture_samples import HEIGHT, POINTS, WIDTH, found_by, pose, save_picture, seen

K = np.array([[60.0, 0.0, 30.5], [0.0, 61.0, 24.25], [0.0, 0.0, 1.0]])


def content() -> str:
    lines = ["3"]
    for index in range(3):
        numbers = np.concatenate([K.ravel(), pose(index)[0].ravel(), pose(index)[1]])
        lines.append(" ".join([f"temple000{index}.png", *(repr(float(number)) for number in numbers)]))
    return "\n".join(lines) + "\n"


def write(folder: Path, text: str) -> Path:
    for index in range(3):
        save_picture(folder / f"temple000{index}.png")
    path = folder / "temple_par.txt"
    path.write_text(text)
    return path


def test_cameras_see_as_middlebury_says(tmp_path: Path) -> None:
    capture = read_capture(write(tmp_path, content()))
    assert capture.format == "Middlebury"
    assert [view.name for view in capture] == ["temple0000", "temple0001", "temple0002"]
    for index, view in enumerate(capture):
        rotation, translation = pose(index)
        assert np.abs(view.camera.world_to_camera[:3] - np.column_stack([rotation, translation])).max() < 1e-9
        projection = K @ np.column_stack([rotation, translation])
        homogeneous = np.column_stack([POINTS, np.ones(len(POINTS))]) @ projection.T
        # The centre of the first pixel is taken for the origin.
        assert np.abs(seen(view.camera) - 0.5 - homogeneous[:, :2] / homogeneous[:, 2:]).max() < 1e-9
        assert (view.camera.width, view.camera.height) == (WIDTH, HEIGHT) and view.camera.distortion is None


def test_it_is_found_by_its_content(tmp_path: Path) -> None:
    path = write(tmp_path, content())
    (tmp_path / "a_par.txt").write_text("2\n0 1\n")
    assert found_by(path) == found_by(tmp_path) == ["Middlebury"]
    assert read_capture(tmp_path).path == path and middlebury.find(tmp_path / "a_par.txt") is None
    path.unlink()
    assert middlebury.find(tmp_path) is None


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("60.0", "-60.0", "positive"),
        ("60.0 0.0", "60.0 2.0", "skew"),
        ("60.0", "nan", "finite"),
        (" -0.05 0.2", " inf 0.2", "finite"),
    ],
)
def test_cameras_that_make_no_sense_are_named(tmp_path: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(CameraError, match=f"camera of 'temple0000' in .*{words}"):
        read_capture(write(tmp_path, content().replace(old, new)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (content().replace("60.0", "x"), "no number"),
        (content().rsplit("\n", 2)[0], "number of the lines that follow"),
        (content().replace("3\n", "4\n", 1), "number of the lines that follow"),
        (content().replace("temple0001.png ", ""), "each of these a name and 21 numbers"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(CaptureError, match=rf"temple_par\.txt is damaged.*{words}"):
        read_capture(write(tmp_path, text))


def test_missing_pictures_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, content())
    (tmp_path / "temple0001.png").unlink()
    capture = read_capture(path)
    assert [view.name for view in capture] == ["temple0000", "temple0002"] and "missing" in capture.skipped[
        "temple0001"
    ]
    for picture in tmp_path.glob("*.png"):
        picture.unlink()
    with pytest.raises(PictureError, match=r"The 3 pictures .* are missing"):
        read_capture(path)


def test_damage_of_any_kind_is_said(tmp_path: Path) -> None:
    check_damage(tmp_path, write(tmp_path, content()).read_bytes(), "temple_par.txt", 100)
