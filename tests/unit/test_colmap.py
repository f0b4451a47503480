from __future__ import annotations

import shutil
import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pycolmap
import pytest

from inference.capture import read_capture
from inference.capture.rectification import distort
from inference.errors import CameraError, CaptureError, PictureError
from tests.shared_data import CAPTURES

WIDTH, HEIGHT = 64, 48
FILES = ("cameras", "images", "points3D", "rigs", "frames")
PARAMETERS: dict[str, list[float]] = {
    "SIMPLE_PINHOLE": [60.0, 31.0, 25.0],
    "PINHOLE": [60.0, 61.0, 31.0, 25.0],
    "SIMPLE_RADIAL": [60.0, 31.0, 25.0, 0.05],
    "RADIAL": [60.0, 31.0, 25.0, 0.05, -0.01],
    "OPENCV": [60.0, 61.0, 31.0, 25.0, 0.05, -0.01, 0.002, -0.003],
    "FULL_OPENCV": [60.0, 61.0, 31.0, 25.0, 0.05, -0.01, 0.002, -0.003, 0.01, 0.02, -0.01, 0.005],
    "OPENCV_FISHEYE": [60.0, 61.0, 31.0, 25.0, 0.05, -0.01, 0.002, -0.003],
    "SIMPLE_RADIAL_FISHEYE": [60.0, 31.0, 25.0, 0.05],
    "RADIAL_FISHEYE": [60.0, 31.0, 25.0, 0.05, -0.01],
}
FOCAL_ONLY = ("SIMPLE_PINHOLE", "PINHOLE")


def pose(index: int) -> Any:
    axis = np.array([0.1, 0.2 + 0.1 * index, -0.05])
    rotation = cv2.Rodrigues(axis)[0]
    return pycolmap.Rigid3d(pycolmap.Rotation3d(rotation), np.array([0.1 * index, -0.2, 1.0 + index]))


def write_model(folder: Path, model: str = "OPENCV", text: bool = False, pictures: str = "images") -> Any:
    """Write three views of eleven points, of which only one is seen by all of them, and their pictures."""
    reconstruction = pycolmap.Reconstruction()
    camera = pycolmap.Camera(model=model, width=WIDTH, height=HEIGHT, params=PARAMETERS[model], camera_id=1)
    reconstruction.add_camera_with_trivial_rig(camera)
    for index in range(3):
        image = pycolmap.Image(name=f"set/view_{index}.png", camera_id=1, image_id=index + 1)
        image.points2D = pycolmap.Point2DList([pycolmap.Point2D(np.array([i + 0.5, 2.0 * i])) for i in range(12)])
        reconstruction.add_image_with_trivial_frame(image, pose(index))
    for number in range(11):
        track = pycolmap.Track()
        for index in range(3 if number == 0 else 2):
            track.add_element(index + 1, number)
        reconstruction.add_point3D(np.array([number, 1.0, 5.0]), track, np.zeros(3, np.uint8))
    folder.mkdir(parents=True, exist_ok=True)
    (reconstruction.write_text if text else reconstruction.write_binary)(str(folder))
    for index in range(3):
        path = folder / pictures / "set" / f"view_{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    return reconstruction


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("model", PARAMETERS)
def test_every_lens_sends_points_where_colmap_does(tmp_path: Path, model: str, text: bool) -> None:
    reconstruction = write_model(tmp_path, model, text)
    capture = read_capture(tmp_path)
    assert [view.name for view in capture] == ["view_0", "view_1", "view_2"]
    stored = next(iter(reconstruction.cameras.values()))
    rays = np.random.default_rng(0).uniform(-0.4, 0.4, size=(40, 2))
    for index, view in enumerate(capture):
        camera = view.camera
        assert np.abs(camera.world_to_camera[:3] - pose(index).matrix()).max() < 1e-12
        ideal = rays * [camera.fx, camera.fy] + [camera.cx, camera.cy]
        expected = stored.img_from_cam(np.column_stack([rays, np.ones(len(rays))]))
        assert np.abs(distort(camera, ideal) - expected).max() < 1e-9
        assert (camera.distortion is None) == (model in FOCAL_ONLY)
    assert capture.points is not None and len(capture.points) == 11


@pytest.mark.parametrize("place", ["sparse/0", "sparse", "colmap"])
@pytest.mark.parametrize("pictures", ["images", "beside"])
def test_models_are_found_where_colmap_puts_them(tmp_path: Path, place: str, pictures: str) -> None:
    write_model(tmp_path / place)
    (tmp_path / place / "images").rename(tmp_path / "images")
    if pictures == "beside":
        (tmp_path / "images" / "set").rename(tmp_path / "set")
    for path in (tmp_path, tmp_path / place, tmp_path / place / "images.bin"):
        capture = read_capture(path)
        assert len(capture) == 3 and capture.format == "COLMAP" and capture.path == tmp_path / place


def test_transforms_json_comes_before_a_model(tmp_path: Path) -> None:
    write_model(tmp_path / "colmap")
    (tmp_path / "transforms.json").write_text("{}")
    with pytest.raises(CaptureError, match=r"transforms\.json"):
        read_capture(tmp_path)


def test_models_that_are_not_supported_are_named(tmp_path: Path) -> None:
    PARAMETERS["FOV"] = [60.0, 61.0, 31.0, 25.0, 0.5]
    try:
        write_model(tmp_path, "FOV")
    finally:
        del PARAMETERS["FOV"]
    with pytest.raises(CameraError, match=r"view_0\.png.*FOV is not supported; undistort"):
        read_capture(tmp_path)


def test_missing_pictures_are_named(tmp_path: Path) -> None:
    write_model(tmp_path)
    (tmp_path / "images" / "set" / "view_1.png").unlink()
    capture = read_capture(tmp_path)
    assert len(capture) == 2
    assert list(capture.skipped) == ["view_1"] and "view_1.png is missing" in capture.skipped["view_1"]
    for picture in (tmp_path / "images" / "set").iterdir():
        picture.unlink()
    with pytest.raises(PictureError, match=r"The 3 pictures .* are missing"):
        read_capture(tmp_path)


def test_pictures_are_looked_for_below_the_model_alone(tmp_path: Path) -> None:
    model = tmp_path / "scene" / "deep"
    model.mkdir(parents=True)
    write_model(model, text=True)
    path = model / "images.txt"
    elsewhere = tmp_path / "view_0.png"
    (model / "images" / "set" / "view_0.png").rename(elsewhere)
    path.write_text(path.read_text().replace("set/view_0.png", str(elsewhere)))
    assert "view_0" in read_capture(model).skipped, "an absolute path is not followed"
    elsewhere.rename(model / "images" / "view_0.png")
    assert len(read_capture(model)) == 3, "but its end is"


def test_names_that_are_no_text_are_refused(tmp_path: Path) -> None:
    write_model(tmp_path)
    path = tmp_path / "images.bin"
    path.write_bytes(path.read_bytes().replace(b"view_1", b"vi\xe9w_1"[:6]))
    with pytest.raises(CaptureError, match="not UTF-8"):
        read_capture(tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_a_binary_file_cut_anywhere_is_named(tmp_path: Path, name: str) -> None:
    write_model(tmp_path)
    path = tmp_path / f"{name}.bin"
    whole = path.read_bytes()
    for length in {*range(min(40, len(whole))), *range(0, len(whole), 7), len(whole) - 1}:
        path.write_bytes(whole[:length])
        with pytest.raises(CaptureError, match=rf"{name}\.bin is cut short"):
            read_capture(tmp_path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(CaptureError, match=rf"{name}\.bin"):
        read_capture(tmp_path)
    path.write_bytes(whole)
    assert len(read_capture(tmp_path)) == 3


@pytest.mark.parametrize("name", FILES[:3])
def test_a_text_file_cut_anywhere_is_named(tmp_path: Path, name: str) -> None:
    write_model(tmp_path, text=True)
    path = tmp_path / f"{name}.txt"
    whole = path.read_bytes()
    head = whole.index(b"# Number of")
    for length in [0, *range(head + 1, len(whole), 11)]:
        path.write_bytes(whole[:length])
        with pytest.raises(CaptureError, match=rf"{name}\.txt is cut short"):
            read_capture(tmp_path)


def test_text_without_comments_and_last_line_end_is_read(tmp_path: Path) -> None:
    # What other programs write.
    write_model(tmp_path, text=True)
    for name in FILES:
        path = tmp_path / f"{name}.txt"
        lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
        if name == "images":
            lines[1::2] = [""] * len(lines[1::2])
        path.write_text("# nothing\n" if name == "points3D" else "\n".join(lines) + "\n" * (name == "images"))
    assert len(read_capture(tmp_path)) == 3


@pytest.mark.parametrize("name", FILES[:3])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    write_model(tmp_path)
    (tmp_path / f"{name}.bin").unlink()
    with pytest.raises(CaptureError, match="no capture" if name == "cameras" else rf"{name}\.bin.*cannot be read"):
        read_capture(tmp_path)


def test_files_that_do_not_belong_together(tmp_path: Path) -> None:
    write_model(tmp_path)
    camera = bytearray((tmp_path / "cameras.bin").read_bytes())
    camera[8:12] = struct.pack("<I", 77)
    (tmp_path / "cameras.bin").write_bytes(camera)
    with pytest.raises(CaptureError, match="is damaged"):
        read_capture(tmp_path)


def test_poses_that_are_not_finite_name_their_image(tmp_path: Path) -> None:
    write_model(tmp_path, text=True)
    for name in ("rigs", "frames"):  # older models have neither
        (tmp_path / f"{name}.txt").unlink()
    path = tmp_path / "images.txt"
    lines = path.read_text().splitlines(keepends=True)
    index = next(i for i, line in enumerate(lines) if "view_1.png" in line)
    words = lines[index].split(" ")
    words[5] = "nan"
    lines[index] = " ".join(words)
    path.write_text("".join(lines))
    with pytest.raises((CameraError, CaptureError), match=r"view_1\.png|damaged"):
        read_capture(tmp_path)


@pytest.mark.skipif(not CAPTURES.is_dir(), reason="needs the shared captures")
def test_the_living_room_is_the_same_in_both_formats(tmp_path: Path) -> None:
    by_model = read_capture(CAPTURES / "livingroom" / "colmap")
    by_json = read_capture(CAPTURES / "livingroom")
    assert by_json.format == "transforms.json"
    assert [view.name for view in by_model] == [view.name for view in by_json]
    for one, other in zip(by_model, by_json, strict=True):
        assert one.image == other.image
        a, b = one.camera, other.camera
        assert np.abs(np.array([a.fx - b.fx, a.fy - b.fy, a.cx - b.cx, a.cy - b.cy])).max() < 1e-6
        assert np.abs(a.world_to_camera - b.world_to_camera).max() < 1e-6
        assert a.distortion is not None and b.distortion is not None
        assert abs(a.distortion.coefficients[0] - b.distortion.coefficients[0]) < 1e-12
    # Cut files of a real model, too.
    shutil.copytree(CAPTURES / "livingroom" / "colmap", tmp_path / "model")
    for name in ("images.bin", "points3D.bin"):
        path = tmp_path / "model" / name
        whole = path.read_bytes()
        for length in np.linspace(0, len(whole) - 1, 9).astype(int):
            path.write_bytes(whole[:length])
            with pytest.raises(CaptureError, match=name):
                read_capture(tmp_path / "model")
        path.write_bytes(whole)
