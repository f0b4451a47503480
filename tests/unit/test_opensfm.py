from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from inference.capture import read_capture
from inference.capture.formats import opensfm
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

SIMPLE = {"focal": 0.9}
FULL = {"focal_x": 0.9, "focal_y": 0.95, "c_x": 0.02, "c_y": -0.01}
LENSES: dict[str, dict[str, float]] = {
    "perspective": {**SIMPLE, "k1": 0.05, "k2": -0.02},
    "simple_radial": {**FULL, "k1": 0.05},
    "radial": {**FULL, "k1": 0.05, "k2": -0.02},
    "brown": {**FULL, "k1": 0.05, "k2": -0.02, "k3": 0.003, "p1": 0.002, "p2": -0.004},
    "fisheye": {**SIMPLE, "k1": 0.05, "k2": -0.02},
    "fisheye_opencv": {**FULL, "k1": 0.05, "k2": -0.02, "k3": 0.003, "k4": 0.001},
}


def scene(lens: str = "brown") -> list[Any]:
    """Return a reconstruction of three shots, and another of one."""

    def part(indices: range) -> dict[str, Any]:
        return {
            "cameras": {"v2 maker": {"projection_type": lens, "width": WIDTH, "height": HEIGHT, **LENSES[lens]}},
            "shots": {
                f"{index}.jpg": {
                    "rotation": cv2.Rodrigues(rotation)[0].ravel().tolist(),
                    "translation": translation.tolist(),
                    "camera": "v2 maker",
                }
                for index, (rotation, translation) in ((index, pose(index)) for index in indices)
            },
            "points": {"12": {"coordinates": [1.0, 2.0, 3.5], "color": [1, 2, 3]}},
        }

    return [part(range(3, 4)), part(range(3))]


def write(folder: Path, record: Any) -> Path:
    for index in range(4):
        save_picture(folder / "images" / f"{index}.jpg")
    path = folder / "reconstruction.json"
    path.write_text(json.dumps(record, indent=4))
    return path


def projected(index: int, lens: str) -> np.ndarray:
    """Return what OpenSfM says where a camera sees the points: in its own units, then in its pixels."""
    x, y = (local(index)[:, :2] / local(index)[:, 2:]).T
    k = LENSES[lens]
    r2 = x * x + y * y
    if lens.startswith("fisheye"):
        theta = np.arctan(np.sqrt(r2))
        powers = sum(k.get(f"k{order}", 0.0) * theta ** (2 * order) for order in range(1, 5))
        u, v = (theta * (1 + powers) * axis / np.sqrt(r2) for axis in (x, y))
    else:
        radial = 1 + sum(k.get(f"k{order}", 0.0) * r2**order for order in range(1, 4))
        p1, p2 = k.get("p1", 0.0), k.get("p2", 0.0)
        u = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
        v = y * radial + 2 * p2 * x * y + p1 * (r2 + 2 * y * y)
    u = u * k.get("focal_x", k.get("focal")) + k.get("c_x", 0.0)
    v = v * k.get("focal_y", k.get("focal")) + k.get("c_y", 0.0)
    longer = max(WIDTH, HEIGHT)
    return np.column_stack([u * longer + (WIDTH - 1) / 2, v * longer + (HEIGHT - 1) / 2])


@pytest.mark.parametrize("lens", LENSES)
def test_cameras_see_as_opensfm_says(tmp_path: Path, lens: str) -> None:
    capture = read_capture(write(tmp_path, scene(lens)))
    assert capture.format == "OpenSfM" and [view.name for view in capture] == ["0", "1", "2"]
    for index, view in enumerate(capture):
        rotation, translation = pose(index)
        assert np.abs(view.camera.world_to_camera[:3] - np.column_stack([rotation, translation])).max() < 1e-9
        # OpenSfM's pixels have their centres at whole numbers.
        assert np.abs(seen(view.camera) - 0.5 - projected(index, lens)).max() < 1e-6
    assert capture.points is not None and capture.points.tolist() == [[1, 2, 3.5]]
    assert list(capture.skipped) == ["3"] and "another of the 2 reconstructions" in capture.skipped["3"]


def test_it_is_found_by_its_content(tmp_path: Path) -> None:
    path = write(tmp_path, scene())
    assert found_by(path) == found_by(tmp_path) == ["OpenSfM"]
    assert read_capture(tmp_path).path == path
    (tmp_path / "opensfm").mkdir()
    path.rename(tmp_path / "opensfm" / "reconstruction.json")
    # OpenDroneMap has the pictures beside that folder.
    assert len(read_capture(tmp_path)) == 3
    (tmp_path / "opensfm" / "reconstruction.json").write_text("[]")
    assert opensfm.find(tmp_path) is None


CAMERA = (1, "cameras", "v2 maker")


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ((*CAMERA, "projection_type"), "spherical", "projection 'spherical'"),
        ((*CAMERA, "focal_x"), None, "no entry 'focal_x'"),
        ((*CAMERA, "k1"), "x", "'k1' is no number"),
        ((*CAMERA, "width"), 0, "from 1 to 65536"),
        (CAMERA, None, "no entry 'v2 maker'"),
        ((1, "shots", "0.jpg", "rotation"), [1.0], "1 numbers; it must have 3"),
        ((1, "shots", "0.jpg", "rotation", 0), float("nan"), "not finite"),
        ((1, "shots", "0.jpg"), 3, "no object"),
    ],
)
def test_cameras_that_make_no_sense_are_named(tmp_path: Path, path: tuple[Any, ...], value: Any, words: str) -> None:
    with pytest.raises(CameraError, match=f"camera of '0' in .*({words})"):
        read_capture(write(tmp_path, replaced(scene(), path, value)))


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ((1, "shots"), None, "without shots or cameras"),
        ((0,), 3, "without shots or cameras"),
        ((1, "shots"), {}, None),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, path: tuple[Any, ...], value: Any, words: str | None) -> None:
    file = write(tmp_path, replaced(scene(), path, value))
    if words is None:
        assert [view.name for view in read_capture(file)] == ["3"]
        return
    with pytest.raises(CaptureError, match=rf"reconstruction\.json.*{words}"):
        read_capture(file)


@pytest.mark.parametrize(("text", "words"), [('[{"cameras": {', "not valid JSON"), ('["cameras"]', "without shots")])
def test_what_is_cut_short_is_said(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "reconstruction.json").write_text(text)
    with pytest.raises(CaptureError, match=words):
        read_capture(tmp_path)


def test_missing_pictures_are_named(tmp_path: Path) -> None:
    check_missing_pictures(write(tmp_path, scene()), tmp_path / "images")


def test_damage_ends_in_a_sentence(tmp_path: Path) -> None:
    path = write(tmp_path, scene())
    check_damage(tmp_path, path.read_bytes(), path.name)
