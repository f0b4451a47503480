from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from inference.camera import Camera, Distortion
from inference.capture import read_capture, write_transforms
from inference.capture.photographs import load_photograph
from inference.capture.ply import read_ply_points, write_ply_points
from inference.errors import CameraError, CaptureError, PictureError, SightlineError
from inference.view import Capture, View
from tests.unit.capture_fuzz import check_damage

WIDTH, HEIGHT = 40, 30
POSE = [[0.0, -1.0, 0.0, 3.0], [1.0, 0.0, 0.0, 2.0], [0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.0, 1.0]]
INTRINSICS = {"w": WIDTH, "h": HEIGHT, "fl_x": 50.0, "fl_y": 51.0, "cx": 21.0, "cy": 14.0}


def save(path: Path, width: int = WIDTH, height: int = HEIGHT) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((height, width, 3), 99, np.uint8))


def write(folder: Path, frames: list[dict[str, Any]] | None = None, **record: Any) -> Path:
    frames = [{"file_path": "images/a.png", "transform_matrix": POSE}] if frames is None else frames
    for frame in frames:
        if "file_path" in frame and not (folder / frame["file_path"]).exists() and ".." not in frame["file_path"]:
            save(folder / frame["file_path"])
    path = folder / "transforms.json"
    path.write_text(json.dumps({**INTRINSICS, "frames": frames, **record}))
    return path


def test_poses_become_opencv_world_to_camera(tmp_path: Path) -> None:
    camera = read_capture(write(tmp_path)).views[0].camera
    assert np.allclose(camera.centre, [3, 2, 1])
    # OpenGL looks along -z and has y up.
    assert np.allclose(camera.forward, [0, 0, -1])
    assert np.allclose(camera.rotation[1], [1, 0, 0])
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (50.0, 51.0, 21.0, 14.0)


def test_a_path_with_dots_names_the_same_pictures(tmp_path: Path) -> None:
    plain = write(tmp_path)
    (tmp_path / "beside").mkdir()
    detour = tmp_path / "beside" / ".." / plain.relative_to(tmp_path)
    images = [[view.image for view in read_capture(path).views] for path in (plain, detour)]
    assert images[0] == images[1]


def test_a_frame_has_its_own_intrinsics(tmp_path: Path) -> None:
    frames: list[dict[str, Any]] = [
        {"file_path": "a.png", "transform_matrix": POSE, "fl_x": 70.0, "k1": 0.1},
        {"file_path": "b.png", "transform_matrix": POSE[:3]},
    ]
    first, second = read_capture(write(tmp_path, frames)).views
    assert (first.camera.fx, second.camera.fx) == (70.0, 50.0)
    assert first.camera.distortion is not None and second.camera.distortion is None


@pytest.mark.parametrize(
    ("entries", "fx", "fy"),
    [
        ({"camera_angle_x": 1.0}, 20 / math.tan(0.5), 20 / math.tan(0.5)),
        ({"camera_angle_x": 1.0, "camera_angle_y": 0.7}, 20 / math.tan(0.5), 15 / math.tan(0.35)),
        ({"fl_y": 33.0}, 33.0, 33.0),
        ({"x_fov": 90.0}, 20.0, 20.0),
    ],
)
def test_fields_of_view_and_sizes_from_the_picture(
    tmp_path: Path, entries: dict[str, float], fx: float, fy: float
) -> None:
    for name in ("r_0.5.jpg", "r_1.png"):
        save(tmp_path / "train" / name)
    frames = [{"file_path": f"./train/{name}", "transform_matrix": POSE} for name in ("r_0.5", "r_1")]
    path = tmp_path / "transforms_train.json"
    path.write_text(json.dumps({**entries, "frames": frames}))
    capture = read_capture(path)
    assert [view.name for view in capture] == ["r_0.5", "r_1"]
    for view in capture:
        assert (view.camera.width, view.camera.height) == (WIDTH, HEIGHT)
        assert (view.camera.fx, view.camera.fy) == pytest.approx((fx, fy))
        assert (view.camera.cx, view.camera.cy) == (20.0, 15.0)


@pytest.mark.parametrize("angle", [0.0, -1.0, math.pi, float("nan")])
def test_fields_of_view_that_make_no_sense(tmp_path: Path, angle: float) -> None:
    save(tmp_path / "r_0.png")
    path = tmp_path / "transforms_train.json"
    frames = [{"file_path": "./r_0", "transform_matrix": POSE}]
    path.write_text(json.dumps({"camera_angle_x": angle, "frames": frames}))
    with pytest.raises(CameraError, match="field of view is"):
        read_capture(path)


def test_the_alpha_of_nerf_synthetic_is_a_mask(tmp_path: Path) -> None:
    pixels = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    pixels[:, : WIDTH // 2] = (10, 20, 30, 255)
    (tmp_path / "train").mkdir()
    assert cv2.imwrite(str(tmp_path / "train" / "r_0.png"), pixels)
    path = tmp_path / "transforms_train.json"
    frames = [{"file_path": "./train/r_0", "rotation": 0.1, "transform_matrix": POSE}]
    path.write_text(json.dumps({"camera_angle_x": 0.69, "frames": frames}))
    photograph = load_photograph(read_capture(tmp_path).views[0])
    assert photograph.mask is not None and photograph.mask[:, 0].min() == 1 and photograph.mask[:, -1].max() == 0
    assert photograph.rgb[0, 0] * 255 == pytest.approx([30, 20, 10])


@pytest.mark.parametrize(
    ("entries", "lens"),
    [
        (
            {"k1": 0.1, "k2": 0.2, "p1": 0.3, "p2": 0.4, "k3": 0.5},
            Distortion("opencv", (0.1, 0.2, 0.3, 0.4, 0.5, 0, 0, 0)),
        ),
        ({"camera_model": "OPENCV_FISHEYE", "k1": 0.1, "k4": 0.2}, Distortion("fisheye", (0.1, 0, 0, 0.2))),
        ({"is_fisheye": True}, Distortion("fisheye", (0, 0, 0, 0))),
        ({"camera_model": "FULL_OPENCV", "k6": 0.1}, Distortion("opencv", (0, 0, 0, 0, 0, 0, 0, 0.1))),
        ({"camera_model": "PINHOLE", "k1": 0.0}, None),
    ],
)
def test_lenses(tmp_path: Path, entries: dict[str, Any], lens: Distortion | None) -> None:
    assert read_capture(write(tmp_path, **entries)).views[0].camera.distortion == lens


def test_masks_depths_and_points(tmp_path: Path) -> None:
    save(tmp_path / "masks" / "a.png")
    write_ply_points(tmp_path / "points.ply", [[1, 2, 3], [4, 5, 6]])
    frames = [{"file_path": "a.png", "mask_path": "masks/a.png", "transform_matrix": POSE}]
    capture = read_capture(write(tmp_path, frames, depth_near=1, depth_far=4.5, ply_file_path="points.ply").parent)
    assert capture.views[0].mask == tmp_path / "masks" / "a.png"
    assert (capture.depth_near, capture.depth_far) == (1.0, 4.5)
    assert capture.points is not None and capture.points.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_equal_stems_get_their_folder(tmp_path: Path) -> None:
    frames = [
        {"file_path": name, "transform_matrix": POSE}
        for name in ("left/1.png", "right/1.png", "left/2.png", "left/2.png")
    ]
    assert [view.name for view in read_capture(write(tmp_path, frames))] == [
        "left/1",
        "right/1",
        "left/2",
        "left/2 (2)",
    ]


NAN_POSE = [[float("nan")] * 4, *POSE[1:]]
MIRRORED = [[-value for value in POSE[0]], *POSE[1:]]


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        ({"transform_matrix": NAN_POSE}, "not finite"),
        ({"transform_matrix": MIRRORED}, "mirrored"),
        ({"transform_matrix": [[0.0] * 4] * 4}, "0 0 0 1"),
        ({}, "no entry 'transform_matrix'"),
        ({"transform_matrix": POSE, "fl_x": float("inf")}, "fx is inf"),
        ({"transform_matrix": POSE, "camera_model": "EQUIRECTANGULAR"}, "EQUIRECTANGULAR"),
        ({"transform_matrix": POSE, "k4": 0.1}, "FULL_OPENCV"),
        ({"transform_matrix": POSE, "ftheta_p0": 0.1}, "'ftheta_p0', which cannot be expressed"),
        ({"transform_matrix": POSE, "latlong": True}, "'latlong', which cannot be expressed"),
        ({"transform_matrix": POSE, "w": float("inf")}, "width is inf"),
    ],
)
def test_cameras_that_make_no_sense_name_their_frame(tmp_path: Path, frame: dict[str, Any], words: str) -> None:
    good = {"file_path": "images/a.png", "transform_matrix": POSE}
    path = write(tmp_path, [good, {"file_path": "images/bad.png", **frame}])
    with pytest.raises(CameraError) as caught:
        read_capture(path)
    assert "images/bad.png" in str(caught.value) and words in str(caught.value)


@pytest.mark.parametrize("name", ["/etc/passwd", "../../x.png", "C:\\x.png", "images/../../../x.png"])
def test_pictures_outside_the_capture_are_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "deep" / "er"
    folder.mkdir(parents=True)
    path = folder / "transforms.json"
    path.write_text(json.dumps({**INTRINSICS, "frames": [{"file_path": name, "transform_matrix": POSE}]}))
    with pytest.raises(CaptureError, match="outside the capture"):
        read_capture(path)


@pytest.mark.parametrize("name", ["x" * 300, "x/" * 600, "\ud800.png"])
def test_names_that_no_file_can_have(tmp_path: Path, name: str) -> None:
    path = tmp_path / "transforms.json"
    path.write_text(json.dumps({**INTRINSICS, "frames": [{"file_path": name, "transform_matrix": POSE}]}))
    with pytest.raises(CaptureError, match="cannot be the name of a picture"):
        read_capture(path)


def test_missing_pictures_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, [{"file_path": f"{name}.png", "transform_matrix": POSE} for name in "abcd"])
    (tmp_path / "b.png").unlink()
    (tmp_path / "d.png").unlink()
    capture = read_capture(path)
    assert [view.name for view in capture] == ["a", "c"] and list(capture.skipped) == ["b", "d"]
    for name in "ac":
        (tmp_path / f"{name}.png").unlink()
    with pytest.raises(PictureError, match=r"The 4 pictures .* the first is .*a\.png"):
        read_capture(path)


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", "{}", '{"frames": []}', '{"frames": [3]}', '{"frames": [{}]}', "[" * 9999]
)
def test_damaged_files_are_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "transforms.json"
    path.write_text(text)
    with pytest.raises(CaptureError, match=r"transforms\.json"):
        read_capture(path)


def test_cut_anywhere_it_is_an_error_of_ours(tmp_path: Path) -> None:
    path = write(tmp_path)
    whole = path.read_text()
    for length in range(0, len(whole) - 1, 7):
        path.write_text(whole[:length])
        with pytest.raises(CaptureError):
            read_capture(tmp_path)


def test_damage_ends_in_a_sentence(tmp_path: Path) -> None:
    path = write(tmp_path)
    check_damage(tmp_path, path.read_bytes(), path.name)


@pytest.mark.parametrize(
    "entries",
    [
        {"fl_x": "wide"},
        {"fl_x": 10**400},
        {"w": None},
        {"depth_near": "x", "depth_far": 1},
        {"depth_near": 10**400, "depth_far": 1},
        {"depth_near": 3},
    ],
)
def test_entries_of_the_wrong_kind(tmp_path: Path, entries: dict[str, Any]) -> None:
    with pytest.raises(SightlineError):
        read_capture(write(tmp_path, **entries))


@pytest.mark.parametrize("name", ["folder", "absent", "notes.md"])
def test_what_is_no_capture_says_what_is_accepted(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "notes.md").write_text("no capture")
    with pytest.raises(CaptureError, match=r"transforms\.json, .* or "):
        read_capture(tmp_path / name)


@pytest.mark.parametrize("lens", [None, Distortion("opencv", (0.1, -0.2)), Distortion("fisheye", (0.1, 0, 0, 0))])
def test_what_is_written_reads_back(tmp_path: Path, lens: Distortion | None) -> None:
    for name in "ab":
        save(tmp_path / "far" / "off" / f"{name}.png")
    camera = read_capture(write(tmp_path / "in")).views[0].camera
    views = tuple(
        View(name, Camera.from_json({**camera.to_json(), "fx": fx}), tmp_path / "far" / "off" / f"{name}.png")
        for name, fx in (("a", 60.0), ("b", 61.0))
    )
    if lens is not None:
        views = tuple(
            View(
                v.name,
                Camera.from_json(
                    {**v.camera.to_json(), "distortion": {"model": lens.model, "coefficients": lens.coefficients}}
                ),
                v.image,
            )
            for v in views
        )
    out = tmp_path / "there" / "out" / "capture.json"
    write_transforms(Capture(views, np.array([[0.5, 1.0, 2.0]]), 1.0, 2.0), out)
    back = read_capture(out)
    assert [view.name for view in back] == ["a", "b"]
    # Pictures that the reader would refuse to look for were copied.
    assert [view.image for view in back] == [out.parent / "images" / f"{name}.png" for name in "ab"]
    for view, other in zip(back, views, strict=True):
        assert np.abs(view.camera.world_to_camera - other.camera.world_to_camera).max() < 1e-14
        assert (view.camera.fx, view.camera.cy) == (other.camera.fx, other.camera.cy)
        ours, theirs = (v.camera.distortion for v in (view, other))
        assert (ours is None) == (theirs is None)
        if ours is not None and theirs is not None:
            assert ours.model == theirs.model and ours.coefficients[:2] == theirs.coefficients[:2]
    assert back.points is not None and back.points.tolist() == [[0.5, 1.0, 2.0]]
    assert (back.depth_near, back.depth_far) == (1.0, 2.0)


def test_ply_of_each_kind(tmp_path: Path) -> None:
    path = tmp_path / "points.ply"
    header = (
        "ply\nformat {}\ncomment made up\nelement vertex 2\nproperty double x\nproperty float y\nproperty uchar red\n"
        "property int z\nelement face 0\nproperty list uchar int vertex_indices\nend_header\n"
    )
    path.write_text(header.format("ascii 1.0") + "1 2 255 3\n4 5.5 0 6\n")
    assert read_ply_points(path).tolist() == [[1, 2, 3], [4, 5.5, 6]]
    for order, name in (("<", "binary_little_endian 1.0"), (">", "binary_big_endian 1.0")):
        table = np.array(
            [(1, 2, 255, 3), (4, 5.5, 0, 6)],
            dtype=[("x", f"{order}f8"), ("y", f"{order}f4"), ("r", "u1"), ("z", f"{order}i4")],
        )
        whole = header.format(name).encode() + table.tobytes()
        path.write_bytes(whole)
        assert read_ply_points(path).tolist() == [[1, 2, 3], [4, 5.5, 6]]
        for length in range(0, len(whole), 5):
            path.write_bytes(whole[:length])
            with pytest.raises(CaptureError, match=r"points\.ply"):
                read_ply_points(path)
