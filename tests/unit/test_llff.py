from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from inference.capture import read_capture
from inference.capture.formats import llff
from inference.errors import CameraError, CaptureError, PictureError
from tests.unit.capture_fuzz import check_damage
from tests.unit.capture_samples import HEIGHT, WIDTH, found_by, local, pose, save_picture, seen

FOCAL = 60.0


def rows() -> np.ndarray:
    """Return three rows: right, down and forward of the camera in the scene become down, right and backward."""
    table = []
    for index in range(3):
        rotation, translation = pose(index)
        right, down, forward = rotation
        columns = [down, right, -forward, -rotation.T @ translation, [HEIGHT, WIDTH, FOCAL]]
        table.append([*np.column_stack(columns).ravel(), 1.5 + index, 8.0 + index])
    return np.array(table)


def write(folder: Path, table: np.ndarray, images: str = "images", factor: int = 1) -> Path:
    for name in ("b", "a", "C"):
        save_picture(folder / images / f"{name}.JPG", WIDTH // factor, HEIGHT // factor)
    path = folder / "poses_bounds.npy"
    np.save(path, table)
    return path


def test_cameras_see_as_llff_says(tmp_path: Path) -> None:
    capture = read_capture(write(tmp_path, rows()))
    # Capitals come first, as everywhere in Python.
    assert capture.format == "LLFF" and [view.name for view in capture] == ["C", "a", "b"]
    for index, view in enumerate(capture):
        rotation, translation = pose(index)
        assert np.abs(view.camera.world_to_camera[:3] - np.column_stack([rotation, translation])).max() < 1e-9
        x, y, z = local(index).T
        expected = np.column_stack([FOCAL * x / z + WIDTH / 2, FOCAL * y / z + HEIGHT / 2])
        assert np.abs(seen(view.camera) - expected).max() < 1e-9
        assert view.mask is None
    assert (capture.depth_near, capture.depth_far) == (1.5, 10.0)


def test_fortran_order_and_single_precision(tmp_path: Path) -> None:
    first = read_capture(write(tmp_path, rows())).views[2].camera
    second = read_capture(write(tmp_path, np.asfortranarray(rows().astype(np.float32)))).views[2].camera
    assert np.abs(first.world_to_camera - second.world_to_camera).max() < 1e-6


def test_small_pictures_do_where_the_large_are_missing(tmp_path: Path) -> None:
    capture = read_capture(write(tmp_path, rows(), "images_4", 4))
    assert capture.views[0].image == tmp_path / "images_4" / "C.JPG"
    assert (capture.views[0].camera.width, capture.views[0].camera.fx) == (WIDTH, FOCAL)


def test_masks_belong_by_name(tmp_path: Path) -> None:
    path = write(tmp_path, rows())
    for name in ("a", "b", "C"):
        save_picture(tmp_path / "masks" / f"{name}.png")
    assert read_capture(path)["a"].mask == tmp_path / "masks" / "a.png"
    (tmp_path / "masks" / "a.png").unlink()
    assert read_capture(path)["b"].mask is None


def test_it_is_found_by_its_content(tmp_path: Path) -> None:
    path = write(tmp_path, rows())
    assert found_by(path) == found_by(tmp_path) == ["LLFF"]
    assert read_capture(tmp_path).path == path
    np.save(path, np.zeros((3, 16)))
    assert llff.find(path) is None and llff.find(tmp_path) is None


def test_as_many_pictures_as_rows(tmp_path: Path) -> None:
    path = write(tmp_path, rows())
    save_picture(tmp_path / "images" / "d.png")
    with pytest.raises(CaptureError, match=r"images has 4 pictures, but .*poses_bounds\.npy has 3 rows"):
        read_capture(path)
    for picture in (tmp_path / "images").iterdir():
        picture.unlink()
    with pytest.raises(PictureError, match="no pictures in a folder 'images'"):
        read_capture(path)


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        (4, 0.0, "height is 0"),
        (14, -1.0, "positive"),
        (3, np.nan, "not finite"),
        (0, 5.0, "scaled or sheared|mirrored"),
    ],
)
def test_cameras_that_make_no_sense_are_named(tmp_path: Path, column: int, value: float, words: str) -> None:
    table = rows()
    table[1, column] = value
    with pytest.raises(CameraError, match=f"camera of 'a' in .*({words})"):
        read_capture(write(tmp_path, table))


def test_mirrored_axes_are_said(tmp_path: Path) -> None:
    table = rows()
    table[:, [0, 5, 10]] *= -1
    with pytest.raises(CameraError, match="mirrored"):
        read_capture(write(tmp_path, table))


def test_depths_that_make_no_sense(tmp_path: Path) -> None:
    table = rows()
    table[:, 15] = 0.0
    with pytest.raises(CaptureError, match="depth range"):
        read_capture(write(tmp_path, table))


@pytest.mark.parametrize(
    ("pattern", "replacement", "words"),
    [
        (rb"\(3, 17\)", b"(999999999, 17)", "cut short"),
        (rb"\(3, 17\)", b"(-3, 17)", "cut short|shape|damaged"),
        (rb"<f8", b"|O ", "damaged|plain numbers"),
        (rb"<f8", b"<c8", "plain numbers"),
        (rb"\{'descr'", b"{'descr", "damaged"),
        (rb"NUMPY\x01", b"NUMPY\x07", "damaged"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, pattern: bytes, replacement: bytes, words: str) -> None:
    path = write(tmp_path, rows())
    data = path.read_bytes()
    # The header keeps its length: its padding gives way.
    changed = re.sub(pattern, replacement, data, count=1)
    extra = len(changed) - len(data)
    changed = changed.replace(b" " * extra + b"\n", b"\n", 1) if extra > 0 else changed
    assert changed != data
    path.write_bytes(changed)
    with pytest.raises(CaptureError, match=rf"poses_bounds\.npy.*({words})"):
        llff.read(path)


def test_pickles_are_not_opened(tmp_path: Path) -> None:
    path = write(tmp_path, rows())
    np.save(path, np.array([[object()] * 17]), allow_pickle=True)
    with pytest.raises(CaptureError, match="does not hold plain numbers"):
        read_capture(path)


def test_damage_ends_in_a_sentence(tmp_path: Path) -> None:
    path = write(tmp_path, rows())
    check_damage(tmp_path, path.read_bytes(), path.name)
