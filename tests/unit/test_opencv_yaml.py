from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from inference.capture import read_capture
from inference.capture.formats import opencv_yaml
from inference.errors import CameraError, CaptureError, PictureError
from tests.shared_data import SHARED
from tests.unit.capture_fuzz import check_damage
from tests.unit.capture_samples import HEIGHT, POINTS, WIDTH, found_by, pose, save_picture, seen

NAMES = ("01", "cam_b", "cam-c")
K = np.array([[60.0, 0.0, 30.5], [0.0, 61.0, 24.25], [0.0, 0.0, 1.0]])
LENS = np.array([[0.05, -0.01, 0.002, -0.003, 0.004]])


def write(folder: Path, rotations: str = "both", lens: np.ndarray = LENS, names: bool = True) -> None:
    """Write three cameras by OpenCV itself, and their pictures: a folder for the second."""
    folder.mkdir(parents=True, exist_ok=True)
    intrinsics = cv2.FileStorage(str(folder / "intri.yml"), cv2.FILE_STORAGE_WRITE)
    extrinsics = cv2.FileStorage(str(folder / "extri.yml"), cv2.FILE_STORAGE_WRITE)
    for storage in (intrinsics, extrinsics) if names else ():
        storage.startWriteStruct("names", cv2.FileNode_SEQ)
        for name in NAMES:
            storage.write("", name)
        storage.endWriteStruct()
    for index, name in enumerate(NAMES):
        rotation, translation = pose(index)
        intrinsics.write(f"K_{name}", K)
        intrinsics.write(f"dist_{name}", lens)
        if rotations != "Rot":
            extrinsics.write(f"R_{name}", cv2.Rodrigues(rotation)[0])
        if rotations != "R":
            extrinsics.write(f"Rot_{name}", rotation)
        extrinsics.write(f"T_{name}", translation.reshape(3, 1))
    intrinsics.release()
    extrinsics.release()
    save_picture(folder / "images" / "01.jpg")
    for number in (1, 0):
        save_picture(folder / "images" / "cam_b" / f"{number:06d}.png")
    save_picture(folder / "images" / "cam-c.png")


def edit(path: Path, pattern: str, replacement: str) -> None:
    text = path.read_text()
    changed = re.sub(pattern, replacement, text, count=1, flags=re.DOTALL)
    assert changed != text
    path.write_text(changed)


@pytest.mark.parametrize("rotations", ["both", "R", "Rot"])
@pytest.mark.parametrize("names", [True, False])
@pytest.mark.parametrize("lens", [LENS, np.array([[0.05, -0.01, 0.0, 0.0, 0.0, 0.01, 0.02, 0.03]]), np.zeros((5, 1))])
def test_cameras_see_as_opencv_says(tmp_path: Path, rotations: str, names: bool, lens: np.ndarray) -> None:
    write(tmp_path, rotations, lens, names)
    capture = read_capture(tmp_path)
    assert [view.name for view in capture] == list(NAMES) and capture.format == "OpenCV YAML"
    for index, view in enumerate(capture):
        rotation, translation = pose(index)
        assert np.abs(view.camera.world_to_camera[:3] - np.column_stack([rotation, translation])).max() < 1e-9
        expected = cv2.projectPoints(POINTS, cv2.Rodrigues(rotation)[0], translation, K, lens)[0][:, 0]
        # OpenCV's pixels have their centres at whole numbers.
        assert np.abs(seen(view.camera) - 0.5 - expected).max() < 1e-6
        assert (view.camera.width, view.camera.height) == (WIDTH, HEIGHT)
        assert (view.camera.distortion is None) == (not lens.any())


def test_the_first_of_a_folder_is_taken(tmp_path: Path) -> None:
    write(tmp_path)
    assert read_capture(tmp_path)["cam_b"].image == tmp_path / "images" / "cam_b" / "000000.png"
    (tmp_path / "images").rename(tmp_path / "aside")
    for path in (tmp_path / "aside").iterdir():
        path.rename(tmp_path / path.name)
    assert read_capture(tmp_path)["cam-c"].image == tmp_path / "cam-c.png"


def test_a_stated_size_counts(tmp_path: Path) -> None:
    write(tmp_path)
    with (tmp_path / "intri.yml").open("a") as file:
        file.write("H_01: 96\nW_01: 128\n")
    camera = read_capture(tmp_path)["01"].camera
    assert (camera.width, camera.height) == (128, 96)


def test_it_is_found_by_both_files_and_their_folder(tmp_path: Path) -> None:
    write(tmp_path)
    for path in (tmp_path, tmp_path / "intri.yml", tmp_path / "extri.yml"):
        assert read_capture(path).path == tmp_path and found_by(path) == ["OpenCV YAML"]
    (tmp_path / "other.yml").write_bytes((tmp_path / "intri.yml").read_bytes())
    assert opencv_yaml.find(tmp_path / "other.yml") is None
    (tmp_path / "extri.yml").write_text("names: [a]")
    assert opencv_yaml.find(tmp_path) is None


@pytest.mark.parametrize(
    ("file", "pattern", "replacement", "words"),
    [
        ("intri.yml", "K_cam_b: ", "K_x: ", "intri.yml has no matrix K_cam_b"),
        ("extri.yml", "T_cam_b: ", "T_x: ", "extri.yml has no matrix T_cam_b"),
        ("intri.yml", r"data: \[ 60\.", "data: [ x", "no number"),
        ("intri.yml", r"60\., 0\.,", "60., 3.,", "skew"),
        ("intri.yml", r"60\.,", "-60.,", "positive"),
        ("intri.yml", r"60\.,", ".Nan,", "no number"),
        ("intri.yml", r"60\.,", "nan,", "finite"),
        ("intri.yml", r"rows: 3", "rows: 4", "9 numbers"),
        ("extri.yml", r"(Rot_cam_b.*?data: \[) *[^,]*,", r"\1 -1.0,", "scaled or sheared|mirrored"),
        ("intri.yml", r"(dist_cam_b.*?cols: )5", r"\g<1>14", "5 numbers"),
    ],
)
def test_cameras_that_make_no_sense_are_named(
    tmp_path: Path, file: str, pattern: str, replacement: str, words: str
) -> None:
    write(tmp_path)
    edit(tmp_path / file, pattern, replacement)
    with pytest.raises(CameraError, match=f"Camera '(01|cam_b)' of .*({words})"):
        read_capture(tmp_path)


def test_lenses_that_cannot_be_expressed(tmp_path: Path) -> None:
    write(tmp_path, lens=np.array([[0.1, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]))
    lens = read_capture(tmp_path)["01"].camera.distortion
    assert lens is not None and len(lens.coefficients) == 12
    write(tmp_path, lens=np.array([[0.1, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.2, 0.0]]))
    with pytest.raises(CameraError, match="14 distortion coefficients"):
        read_capture(tmp_path)


@pytest.mark.parametrize("text", ["%YAML:1.0\n---\n", "%YAML:1.0\n---\nnames: [a]\n", "%YAML:1.0\n" + "[" * 100_000])
def test_damaged_files_are_named(tmp_path: Path, text: str) -> None:
    write(tmp_path)
    (tmp_path / "intri.yml").write_text(text)
    with pytest.raises(CaptureError, match=r"intri\.yml"):
        read_capture(tmp_path)


def test_missing_pictures_are_named(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "images" / "01.jpg").unlink()
    capture = read_capture(tmp_path)
    assert [view.name for view in capture] == ["cam_b", "cam-c"]
    assert list(capture.skipped) == ["01"] and "is missing" in capture.skipped["01"]
    for path in (tmp_path / "images").rglob("*.*"):
        path.unlink()
    with pytest.raises(PictureError, match=r"The 3 pictures .* are missing"):
        read_capture(tmp_path)


def test_pictures_outside_the_folder_are_refused(tmp_path: Path) -> None:
    write(tmp_path)
    edit(tmp_path / "intri.yml", "cam_b", "../../x")
    with pytest.raises(CaptureError, match="outside the capture"):
        read_capture(tmp_path)


@pytest.mark.parametrize("name", ["intri.yml", "extri.yml"])
def test_damage_ends_in_a_sentence(tmp_path: Path, name: str) -> None:
    write(tmp_path)
    check_damage(tmp_path, (tmp_path / name).read_bytes(), name)


def test_a_rig_is_that_of_its_transforms_json() -> None:
    folder = SHARED / "rig"
    if not (folder / "intri.yml").is_file():
        pytest.skip("the shared data are not here")
    capture = read_capture(folder / "intri.yml")
    assert [view.name for view in capture] == ["cam01", "cam02", "cam03", "cam04"]
    frames = json.loads((folder / "transforms.json").read_text())["frames"]
    others = {frame["camera"]: frame for frame in frames if frame["time"] == 0}
    for view, other in zip(capture, read_capture(folder / "transforms.json").views[::12], strict=True):
        assert view.image == other.image == folder / others[view.name]["file_path"]
        assert np.abs(view.camera.world_to_camera - other.camera.world_to_camera).max() < 1e-9
        for key in ("width", "height", "fx", "fy", "cx", "cy"):
            assert getattr(view.camera, key) == pytest.approx(getattr(other.camera, key), abs=1e-9)
        assert view.camera.distortion is not None and other.camera.distortion is not None
        assert view.camera.distortion.coefficients == other.camera.distortion.coefficients[:5]
