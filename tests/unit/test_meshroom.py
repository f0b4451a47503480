from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from inference.capture import read_capture
from inference.capture.formats import meshroom
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

FX, FY, CX, CY = 60.0, 66.0, 30.5, 24.25
SENSOR = 36.0
# In the order of AliceVision.
LENSES: dict[str, list[float]] = {
    "none": [],
    "radialk1": [0.05],
    "radialk3": [0.05, -0.02, 0.003],
    "brown": [0.05, -0.02, 0.003, 0.002, -0.004],
    "fisheye": [0.05, -0.02, 0.003, 0.001],
}
OLD = {"none": "pinhole", "radialk1": "radial1", "radialk3": "radial3", "brown": "brown", "fisheye": "fisheye4"}


def text(values: Any) -> list[str]:
    return [repr(float(value)) for value in values]


def intrinsic(version: tuple[int, ...], lens: str) -> dict[str, Any]:
    """Return the intrinsic that AliceVision of a version writes."""
    focal: dict[str, Any] = {"pxFocalLength": repr(FX)}
    if version >= (1, 2, 11):
        focal = {"focalLength": repr(FY / WIDTH * SENSOR), "pixelRatio": repr(FY / FX)}
    elif version >= (1, 2, 5):
        focal = {"focalLength": repr(FX / WIDTH * SENSOR), "pixelRatio": repr(FY / FX)}
    elif version >= (1, 2, 2):
        focal = {"focalLength": repr(FX / WIDTH * SENSOR), "pixelRatio": repr(FX / FY)}
    elif version >= (1, 2, 0):
        focal = {"pxFocalLength": text([FX, FY])}
    centred = version >= (1, 2, 1)
    return {
        "intrinsicId": "7",
        "width": str(WIDTH),
        "height": str(HEIGHT),
        "sensorWidth": repr(SENSOR),
        "type": "pinhole" if version >= (1, 2, 7) else OLD[lens],
        **({"distortionType": lens, "undistortionType": "none"} if version >= (1, 2, 7) else {}),
        **focal,
        "principalPoint": text([CX - WIDTH / 2, CY - HEIGHT / 2] if centred else [CX, CY]),
        # An empty list is written as an empty text.
        "distortionParams": text(LENSES[lens]) or "",
        "locked": "0",
    }


def transform(rotation: np.ndarray, translation: np.ndarray) -> dict[str, Any]:
    return {"rotation": text(rotation.T.ravel()), "center": text(-rotation.T @ translation)}


def scene(version: tuple[int, ...] = (1, 2, 14), lens: str = "radialk3") -> dict[str, Any]:
    """Return a scene of three views and a fourth without a pose, as taken on another machine."""
    return {
        "version": [str(part) for part in version],
        "featuresFolders": ["../features"],
        "views": [
            {
                "viewId": str(100 + index),
                "poseId": str(100 + index),
                "intrinsicId": "7",
                "path": f"D:/photos/{index}.jpg",
                "width": str(WIDTH),
                "height": str(HEIGHT),
                "metadata": "",
            }
            for index in range(4)
        ],
        "intrinsics": [intrinsic(version, lens)],
        "poses": [
            {"poseId": str(100 + index), "pose": {"transform": transform(*pose(index)), "locked": "0"}}
            for index in range(3)
        ],
        "structure": [{"landmarkId": "0", "X": ["1", "2", "3.5"]}, {"landmarkId": "1", "X": ["4", "5", "6"]}],
    }


def write(folder: Path, record: Any) -> Path:
    for index in range(4):
        save_picture(folder / f"{index}.jpg")
    path = folder / "cameras.sfm"
    path.write_text(json.dumps(record, indent=4))
    return path


def projected(index: int, lens: str) -> np.ndarray:
    """Return what AliceVision says where a camera sees the points: x_d = x f(r), then scale and offset."""
    x, y = (local(index)[:, :2] / local(index)[:, 2:]).T
    k = LENSES[lens]
    r2 = x * x + y * y
    factor, tx, ty = 1.0, 0.0, 0.0
    if lens in ("radialk1", "radialk3", "brown"):
        factor = 1 + sum(value * r2 ** (power + 1) for power, value in enumerate(k[:3]))
    if lens == "brown":
        t1, t2 = k[3:]
        tx = t2 * (r2 + 2 * x * x) + 2 * t1 * x * y
        ty = t1 * (r2 + 2 * y * y) + 2 * t2 * x * y
    if lens == "fisheye":
        theta = np.arctan(np.sqrt(r2))
        factor = theta * (1 + sum(value * theta ** (2 * power + 2) for power, value in enumerate(k))) / np.sqrt(r2)
    return np.column_stack([FX * (x * factor + tx) + CX, FY * (y * factor + ty) + CY])


VERSIONS = [(1, 2, 0), (1, 2, 1), (1, 2, 2), (1, 2, 5), (1, 2, 6), (1, 2, 8), (1, 2, 11), (1, 2, 14)]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("lens", LENSES)
def test_cameras_see_as_alicevision_says(tmp_path: Path, version: tuple[int, ...], lens: str) -> None:
    path = write(tmp_path, scene(version, lens))
    capture = read_capture(path)
    assert capture.format == "Meshroom" and [view.name for view in capture] == ["0", "1", "2"]
    for index, view in enumerate(capture):
        rotation, translation = pose(index)
        assert np.abs(view.camera.world_to_camera[:3] - np.column_stack([rotation, translation])).max() < 1e-9
        # AliceVision's pixels have their centres at whole numbers.
        assert np.abs(seen(view.camera) - 0.5 - projected(index, lens)).max() < 1e-6
        assert (view.camera.distortion is None) == (lens == "none")
    assert capture.points is not None and capture.points.tolist() == [[1, 2, 3.5], [4, 5, 6]]
    assert list(capture.skipped) == ["3"] and "not reconstructed" in capture.skipped["3"]


@pytest.mark.parametrize(
    ("version", "entries"),
    [
        ((1, 2, 0), {"pxFocalLength": ["1000", "2000"], "principalPoint": ["2020", "1040"]}),
        ((1, 2, 1), {"pxFocalLength": ["1000", "2000"]}),
        ((1, 2, 3), {"focalLength": "8.7976539589442808", "pixelRatio": "0.5"}),
        ((1, 2, 5), {"focalLength": "8.7976539589442808", "pixelRatio": "2"}),
        ((1, 2, 8), {"focalLength": "8.7976539589442808", "pixelRatio": "2"}),
        ((1, 2, 11), {"focalLength": "17.595307917888562", "pixelRatio": "2"}),
    ],
)
def test_it_reads_the_numbers_that_alicevision_itself_wrote(
    tmp_path: Path, version: tuple[int, ...], entries: dict[str, Any]
) -> None:
    """One camera in the versions of AliceVision: 1000 x 2000 pixels, turned by the vector (-1, -1, -1)."""
    record = scene(version)
    record["intrinsics"][0].update({"width": "4092", "height": "2048", "sensorWidth": "36"})
    record["intrinsics"][0].update({"principalPoint": ["-26", "16"], **entries})
    a, b, c = "0.22629564095020641", "-0.18300791965761709", "0.95671227870741093"
    record["poses"][0]["pose"]["transform"] = {"rotation": [a, b, c, c, a, b, b, c, a], "center": ["-1", "-1", "-1"]}
    camera = read_capture(write(tmp_path, record)).views[0].camera
    assert (camera.fx, camera.fy) == pytest.approx((1000, 2000))
    assert (camera.cx, camera.cy) == pytest.approx((2020.5, 1040.5))
    assert np.abs(camera.rotation - cv2.Rodrigues(-np.ones(3))[0]).max() < 1e-12
    assert camera.centre == pytest.approx([-1, -1, -1])


@pytest.mark.parametrize("entries", [{"valid": "0"}, {"rotationOnly": "true"}])
def test_poses_that_are_none_are_skipped(tmp_path: Path, entries: dict[str, str]) -> None:
    record = scene()
    record["poses"][1]["pose"].update(entries)
    capture = read_capture(write(tmp_path, record))
    assert [view.name for view in capture] == ["0", "2"] and list(capture.skipped) == ["1", "3"]


def test_old_versions_have_one_focal_length(tmp_path: Path) -> None:
    camera = read_capture(write(tmp_path, scene((1, 0, 0), "radialk3"))).views[0].camera
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (FX, FX, CX + 0.5, CY + 0.5)


def test_a_ratio_of_uncertain_meaning_is_refused(tmp_path: Path) -> None:
    record = scene((1, 2, 10))
    with pytest.raises(CameraError, match=r"pixel ratio .* newer"):
        read_capture(write(tmp_path, record))
    record["intrinsics"][0]["pixelRatio"] = "1"
    camera = read_capture(write(tmp_path, record)).views[0].camera
    assert camera.fx == camera.fy == pytest.approx(FX)


def test_the_place_on_a_rig_counts(tmp_path: Path) -> None:
    record = scene()
    for view in record["views"]:
        view.update({"rigId": "5", "subPoseId": "1", "isPoseIndependant": "false"})
    record["rigs"] = [{"rigId": "5", "subPoses": [{}, {"status": "estimated", "pose": transform(*pose(9))}]}]
    first = read_capture(write(tmp_path, record)).views[0].camera
    sub, main = (np.vstack([np.column_stack(pose(index)), [0, 0, 0, 1]]) for index in (9, 0))
    assert np.abs(first.world_to_camera - sub @ main).max() < 1e-12
    record["views"][0]["subPoseId"] = "2"
    with pytest.raises(CameraError, match="place on its rig"):
        read_capture(write(tmp_path, record))


def test_it_is_found_by_its_content(tmp_path: Path) -> None:
    path = write(tmp_path, scene())
    assert found_by(path) == found_by(tmp_path) == ["Meshroom"]
    (tmp_path / "aaa.sfm").write_bytes(path.read_bytes())
    assert read_capture(tmp_path).path == path
    path.rename(tmp_path / "scene.json")
    assert read_capture(tmp_path / "scene.json").format == "Meshroom"
    (tmp_path / "aaa.sfm").write_text('{"version": 1}')
    assert meshroom.find(tmp_path) is None


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("intrinsics", 0, "distortionType"), "3declassicld", "lens model '3declassicld'"),
        (("intrinsics", 0, "type"), "equidistant", "lens model 'equidistant'"),
        (("intrinsics", 0, "undistortionType"), "3deradial4", "undistort the pictures"),
        (("intrinsics", 0, "distortionParams"), ["1"], "1 coefficients; it must have 3"),
        (("intrinsics", 0, "sensorWidth"), "0", "must be positive"),
        (("intrinsics", 0, "focalLength"), "wide", "'focalLength' is no number"),
        (("intrinsics", 0, "focalLength"), "nan", "fx is nan"),
        (("intrinsics", 0, "width"), "64.5", "whole number"),
        (("intrinsics", 0, "principalPoint"), ["1"], "1 numbers; it must have 2"),
        (("poses", 0, "pose", "transform", "rotation", 0), "-1", "scaled or sheared|mirrored"),
        (("poses", 0, "pose", "transform"), "x", "no object"),
        (("poses", 0, "pose", "transform", "center"), None, "no entry 'center'"),
    ],
)
def test_cameras_that_make_no_sense_are_named(tmp_path: Path, path: tuple[Any, ...], value: Any, words: str) -> None:
    with pytest.raises(CameraError, match=f"camera of '0' in .*({words})"):
        read_capture(write(tmp_path, replaced(scene(), path, value)))


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("version",), ["1", "2"], "version"),
        (("version",), ["1", "2", "nan"], "version"),
        (("views", 0), 5, "lists no views"),
        (("poses",), None, "no picture with a camera"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, path: tuple[Any, ...], value: Any, words: str) -> None:
    with pytest.raises(CaptureError, match=rf"cameras\.sfm.*{words}"):
        read_capture(write(tmp_path, replaced(scene(), path, value)))


def test_missing_pictures_are_named(tmp_path: Path) -> None:
    check_missing_pictures(write(tmp_path, scene()), tmp_path)


def test_damage_ends_in_a_sentence(tmp_path: Path) -> None:
    path = write(tmp_path, scene())
    check_damage(tmp_path, path.read_bytes(), path.name)
