from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inference.capture import read_capture
from inference.capture.formats import realityscan_csv
from inference.errors import CameraError, CaptureError, PictureError
from tests.unit.capture_fuzz import check_damage
from tests.unit.capture_samples import HEIGHT, WIDTH, found_by, pose, save_picture, seen
from tests.unit.realityscan_samples import FOCAL, LENSES, PRINCIPAL, bound, projected

OLD = "#name,x,y,alt,heading,pitch,roll,f,px,py,k1,k2,k3,k4,t1,t2"
NEW = "#name,x,y,alt,yaw,pitch,roll,f_35mm,px_norm,py_norm,k1,k2,k3,k4,t1,t2"
OPENCV = (
    "#name,tx,ty,tz,R00,R01,R02,R10,R11,R12,R20,R21,R22,f_pix,px_pix,py_pix,k1,k2,t2,t1,k3,k4 (R = [Rij] provided in "
    "row major ordering and t = (tx,ty,tz) are the rotation matrix R and the translation vector t of the pose)"
)
# From x east, y north, z up to north, east, down, and from the camera's right, up, backward to nose, right wing, down.
SWAP = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])


def angles(index: int) -> list[float]:
    """Return yaw, pitch and roll in degrees of a camera: of the body's axes in those of north, east, down, by Z Y X."""
    rotation = pose(index)[0]
    body = SWAP @ (np.diag([1.0, -1.0, -1.0]) @ rotation).T @ SWAP
    yaw, roll = np.arctan2(body[1, 0], body[0, 0]), np.arctan2(body[2, 1], body[2, 2])
    return np.degrees([yaw, -np.arcsin(body[2, 0]), roll]).tolist()


def table(header: str = NEW, lens: str = "brown3t2") -> str:
    lines = [header]
    for index in range(3):
        rotation, translation = pose(index)
        k1, k2, k3, k4, t1, t2 = LENSES[lens]
        if header == OPENCV:
            longer = max(WIDTH, HEIGHT)
            pixels = [PRINCIPAL[0] * longer + WIDTH / 2, PRINCIPAL[1] * longer + HEIGHT / 2]
            values = [*translation, *rotation.ravel(), FOCAL * longer, *pixels, k1, k2, t2, t1, k3, k4]
        else:
            values = [*(-rotation.T @ translation), *angles(index), 36 * FOCAL, *PRINCIPAL, k1, k2, k3, k4, t1, t2]
        lines.append(",".join([f"IMG {index}.jpg", *(repr(float(value)) for value in values)]))
    return "\n".join(lines) + "\n"


def write(folder: Path, text: str) -> Path:
    for index in range(3):
        save_picture(folder / "images" / f"IMG {index}.jpg")
    path = folder / "cameras.csv"
    path.write_text(text)
    return path


@pytest.mark.parametrize("lens", LENSES)
@pytest.mark.parametrize("header", [OLD, NEW, OPENCV], ids=["old", "new", "opencv"])
def test_cameras_see_as_realityscan_says(tmp_path: Path, header: str, lens: str) -> None:
    capture = read_capture(write(tmp_path, table(header, lens)))
    assert capture.format == "RealityScan CSV" and [view.name for view in capture] == ["IMG 0", "IMG 1", "IMG 2"]
    for index, view in enumerate(capture):
        rotation, translation = pose(index)
        assert np.abs(view.camera.world_to_camera[:3] - np.column_stack([rotation, translation])).max() < 1e-9
        assert np.abs(seen(view.camera) - projected(index, lens)).max() < bound(lens)
        assert (view.camera.distortion is None) == (lens == "none")


@pytest.mark.parametrize(
    ("direction", "rotation"),
    [
        # From the figures of the reference: at zero the camera looks down, with north at the top of its picture.
        ((0.0, 0.0, 0.0), [[1, 0, 0], [0, -1, 0], [0, 0, -1]]),
        # Yaw turns clockwise, as a compass does: east is at the top.
        ((90.0, 0.0, 0.0), [[0, -1, 0], [-1, 0, 0], [0, 0, -1]]),
        # Pitch raises the nose: the camera, which looked down, looks ahead to the north.
        ((0.0, 90.0, 0.0), [[1, 0, 0], [0, 0, -1], [0, 1, 0]]),
        # Roll lowers the right wing: the camera looks to the left, with north still at the top.
        ((0.0, 0.0, 90.0), [[0, 0, -1], [0, -1, 0], [-1, 0, 0]]),
    ],
)
def test_angles_turn_as_the_figures_show(
    tmp_path: Path, direction: tuple[float, ...], rotation: list[list[int]]
) -> None:
    row = ",".join(["IMG 0.jpg", "1", "2", "3", *map(str, direction), "36"])
    camera = read_capture(write(tmp_path, f"#cameras 1\n#name,x,y,alt,heading,pitch,roll,f\n{row}\n")).views[0].camera
    assert np.abs(camera.rotation - rotation).max() < 1e-12 and camera.centre == pytest.approx([1, 2, 3])
    assert (camera.fx, camera.cx, camera.cy) == (WIDTH, WIDTH / 2, HEIGHT / 2) and camera.distortion is None


def test_pictures_upright_have_the_same_scale(tmp_path: Path) -> None:
    path = write(tmp_path, table())
    save_picture(tmp_path / "images" / "IMG 0.jpg", HEIGHT, WIDTH)
    camera = read_capture(path).views[0].camera
    assert (camera.width, camera.height, camera.fx) == (HEIGHT, WIDTH, pytest.approx(60.0))
    assert (camera.cx, camera.cy) == pytest.approx((HEIGHT / 2 - 0.02 * WIDTH, WIDTH / 2 + 0.015 * WIDTH))


def test_it_is_found_by_its_content(tmp_path: Path) -> None:
    path = write(tmp_path, table())
    (tmp_path / "a.csv").write_text("name,x,y\n1,2,3\n")
    assert found_by(path) == found_by(tmp_path) == ["RealityScan CSV"]
    assert read_capture(tmp_path).path == path
    path.write_text("\ufeff" + table().replace("\n", "\r\n"), encoding="utf-8")
    assert len(read_capture(path)) == 3
    path.unlink()
    assert realityscan_csv.find(tmp_path) is None


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        (1, "east", "'x' is no number"),
        (1, "inf", "not finite"),
        (4, "nan", "not finite"),
        (7, "0", "positive"),
        (8, "", "'px_norm' is no number"),
        (10, "nan", "not a finite number"),
        (13, "-900", "k4 cannot be expressed"),
    ],
)
def test_cameras_that_make_no_sense_are_named(tmp_path: Path, column: int, value: str, words: str) -> None:
    lines = table().splitlines()
    cells = lines[2].split(",")
    cells[column] = value
    with pytest.raises(CameraError, match=f"camera of 'IMG 1' in .*({words})"):
        read_capture(write(tmp_path, "\n".join([*lines[:2], ",".join(cells)])))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (table()[:-20], r"A line of .* has 1[0-9] entries where 16 are named \('IMG 2.jpg'\)"),
        (NEW, "lists no camera"),
        (f'{NEW}\n"{"x" * 200_000}', "no valid CSV"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(CaptureError, match=words):
        read_capture(write(tmp_path, text))


def test_missing_pictures_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, table())
    (tmp_path / "images" / "IMG 1.jpg").unlink()
    capture = read_capture(path)
    assert [view.name for view in capture] == ["IMG 0", "IMG 2"] and "is missing" in capture.skipped["IMG 1"]
    for picture in (tmp_path / "images").iterdir():
        picture.unlink()
    with pytest.raises(PictureError, match=r"The 3 pictures .* are missing"):
        read_capture(path)


@pytest.mark.parametrize("header", [NEW, OPENCV], ids=["angles", "opencv"])
def test_damage_of_any_kind_is_said(tmp_path: Path, header: str) -> None:
    check_damage(tmp_path, write(tmp_path, table(header)).read_bytes(), "cameras.csv", 100)
