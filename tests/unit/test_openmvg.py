from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference.capture import read_capture
from inference.capture.formats import openmvg
from inference.errors import CameraError, CaptureError
from tests.unit.capture_fuzz import check_damage
from tests.unit.capture_samples import (
    HEIGHT,
    WIDTH,
    check_missing_pictures,
    found_by,
    local,
    pose,
    replaced,
    save_picture,
    seen,
)

FOCAL, CX, CY = 60.0, 30.5, 24.25
UNDEFINED = 4294967295
# In the order of OpenMVG.
LENSES: dict[str, list[float]] = {
    "": [],
    "disto_k1": [0.05],
    "disto_k3": [0.05, -0.02, 0.003],
    "disto_t2": [0.05, -0.02, 0.003, 0.002, -0.004],
    "fisheye": [0.05, -0.02, 0.003, 0.001],
}


def scene(lens: str = "disto_k3") -> dict[str, Any]:
    """Return a scene of three views and a fourth without a pose, as cereal writes it."""
    intrinsic = {"width": WIDTH, "height": HEIGHT, "focal_length": FOCAL, "principal_point": [CX, CY]}
    if lens:
        intrinsic[lens] = LENSES[lens]
    return {
        "sfm_data_version": "0.3",
        "root_path": "/home/somebody/photos",
        "views": [
            {
                "key": index,
                "value": {
                    "polymorphic_id": 1073741824,
                    "ptr_wrapper": {
                        "id": 2147483649 + index,
                        "data": {
                            "local_path": "",
                            "filename": f"{index}.jpg",
                            "width": WIDTH,
                            "height": HEIGHT,
                            "id_view": index,
                            "id_intrinsic": 0,
                            "id_pose": index if index < 3 else UNDEFINED,
                        },
                    },
                },
            }
            for index in range(4)
        ],
        "intrinsics": [
            {"key": 0, "value": {"polymorphic_id": 1, "ptr_wrapper": {"id": 2147483660, "data": intrinsic}}}
        ],
        "extrinsics": [
            {"key": index, "value": {"rotation": rotation.tolist(), "center": (-rotation.T @ translation).tolist()}}
            for index, (rotation, translation) in enumerate(pose(index) for index in range(3))
        ],
        "structure": [{"key": 4, "value": {"X": [1.0, 2.0, 3.5], "observations": []}}],
        "control_points": [],
    }


def write(folder: Path, record: Any) -> Path:
    for index in range(4):
        save_picture(folder / "images" / f"{index}.jpg")
    path = folder / "sfm_data.json"
    path.write_text(json.dumps(record, indent=4))
    return path


def projected(index: int, lens: str) -> np.ndarray:
    """Return what OpenMVG says where a camera sees the points."""
    x, y = (local(index)[:, :2] / local(index)[:, 2:]).T
    k = LENSES[lens]
    r2 = x * x + y * y
    factor, tx, ty = 1.0, 0.0, 0.0
    if lens.startswith("disto"):
        factor = 1 + sum(value * r2 ** (power + 1) for power, value in enumerate(k[:3]))
    if lens == "disto_t2":
        t1, t2 = k[3:]
        tx = t2 * (r2 + 2 * x * x) + 2 * t1 * x * y
        ty = t1 * (r2 + 2 * y * y) + 2 * t2 * x * y
    if lens == "fisheye":
        theta = np.arctan(np.sqrt(r2))
        factor = theta * (1 + sum(value * theta ** (2 * power + 2) for power, value in enumerate(k))) / np.sqrt(r2)
    return np.column_stack([FOCAL * (x * factor + tx) + CX, FOCAL * (y * factor + ty) + CY])


@pytest.mark.parametrize("lens", LENSES)
def test_cameras_see_as_openmvg_says(tmp_path: Path, lens: str) -> None:
    capture = read_capture(write(tmp_path, scene(lens)))
    assert capture.format == "OpenMVG" and [view.name for view in capture] == ["0", "1", "2"]
    for index, view in enumerate(capture):
        rotation, translation = pose(index)
        assert np.abs(view.camera.world_to_camera[:3] - np.column_stack([rotation, translation])).max() < 1e-9
        # OpenMVG's pixels have their centres at whole numbers.
        assert np.abs(seen(view.camera) - 0.5 - projected(index, lens)).max() < 1e-6
        assert (view.camera.distortion is None) == (lens == "")
    assert capture.points is not None and capture.points.tolist() == [[1, 2, 3.5]]
    assert list(capture.skipped) == ["3"] and "not reconstructed" in capture.skipped["3"]


def test_it_is_found_by_its_content(tmp_path: Path) -> None:
    path = write(tmp_path, scene())
    assert found_by(path) == found_by(tmp_path) == ["OpenMVG"]
    assert read_capture(tmp_path).path == path
    path.rename(tmp_path / "other.json")
    assert read_capture(tmp_path / "other.json").format == "OpenMVG"
    (tmp_path / "sfm_data.json").write_text("{}")
    assert openmvg.find(tmp_path) is None


def data(entry: str) -> tuple[Any, ...]:
    return (entry, 0, "value", "ptr_wrapper", "data")


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ((*data("intrinsics"), "thin_prism"), [0.1], "lens 'disto_k3, thin_prism'"),
        ((*data("intrinsics"), "disto_k3"), [0.1], "1 numbers; it must have 3"),
        ((*data("intrinsics"), "focal_length"), None, "no entry 'focal_length'"),
        ((*data("intrinsics"), "focal_length"), -3.0, "positive"),
        ((*data("intrinsics"), "focal_length"), 10**400, "no number"),
        (data("intrinsics"), None, "no entry 'data'"),
        (("extrinsics", 0, "value", "rotation", 0, 0), 7.0, "scaled or sheared"),
        (("extrinsics", 0, "value", "center"), 3, "no list of numbers"),
    ],
)
def test_cameras_that_make_no_sense_are_named(tmp_path: Path, path: tuple[Any, ...], value: Any, words: str) -> None:
    with pytest.raises(CameraError, match=f"camera of '0' in .*({words})"):
        read_capture(write(tmp_path, replaced(scene(), path, value)))


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("extrinsics",), [], "no picture with a camera"),
        (("intrinsics",), None, "no list 'intrinsics'"),
        ((*data("views")[:3],), 3, "View 0 of .* no entry 'ptr_wrapper'"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, path: tuple[Any, ...], value: Any, words: str) -> None:
    with pytest.raises(CaptureError, match=words):
        read_capture(write(tmp_path, replaced(scene(), path, value)))


def test_missing_pictures_are_named(tmp_path: Path) -> None:
    check_missing_pictures(write(tmp_path, scene()), tmp_path / "images")


def test_damage_ends_in_a_sentence(tmp_path: Path) -> None:
    path = write(tmp_path, scene())
    check_damage(tmp_path, path.read_bytes(), path.name)
