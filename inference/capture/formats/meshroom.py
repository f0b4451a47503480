"""Meshroom (AliceVision): ``cameras.sfm`` and other scenes in JSON.

A view has a picture, an intrinsic and a pose; all numbers are text. The pose is the rotation world-to-camera, column by
column, and the centre of the camera in the scene, in OpenCV axes. Pixels have their centres at whole numbers, so that
half a pixel is added here. The entry ``version`` tells what the intrinsics mean:

- up to 1.1: one ``pxFocalLength`` in pixels; from 1.2.0: two; from 1.2.2: ``focalLength`` in the unit of
  ``sensorWidth``, and ``pixelRatio``;
- ``pixelRatio`` is fx / fy below 1.2.5 and fy / fx from then on; the focal length gives fx up to 1.2.8 and fy from
  1.2.11 on. Those between are taken where both are the same;
- ``principalPoint`` counts from the corner of the picture below 1.2.1, from its middle from then on.

The distortion is OpenCV's in other words: radial (k1 k2 k3), Brown (k1 k2 k3 p1 p2), fisheye (k1 k2 k3 k4).

Sure, from AliceVision's own sources and the scenes it keeps of 1.2.0 to 1.2.14 to test them; where a pixel has its
centre is said nowhere, but is what its undistortion does.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...camera import Camera, Distortion
from ...errors import CameraError, CaptureError
from ...view import Capture
from ..calibration_files import head, load_json
from ..entries import number, numbers, points, record, whole
from ..shots import Shot, views_of

FORMAT = "Meshroom"
ACCEPTS = "a cameras.sfm of Meshroom"

# What the node StructureFromMotion writes comes before what goes into it.
_NAMES = ("cameras.sfm", "sfm.sfm", "sfmData.sfm")

# Of the coefficients in OpenCV's order, the places in AliceVision's; by the names of all versions.
_RADIAL = ("opencv", (0, 1, None, None, 2))
_LENSES: dict[str, tuple[str, tuple[int | None, ...]] | None] = {
    "pinhole": None,
    "none": None,
    "radial1": ("opencv", (0,)),
    "radialk1": ("opencv", (0,)),
    "radial3": _RADIAL,
    "radialk3": _RADIAL,
    "brown": ("opencv", (0, 1, 3, 4, 2)),
    "fisheye": ("fisheye", (0, 1, 2, 3)),
    "fisheye4": ("fisheye", (0, 1, 2, 3)),
}


def find(path: Path) -> Path | None:
    """Return a scene of AliceVision in JSON: the file, or the one in a folder, or ``None``."""
    if path.is_dir():
        inside = [path / name for name in _NAMES] + sorted(path.glob("*.sfm"))
        return next((file for file in inside if _is_scene(file)), None)
    return path if _is_scene(path) else None


def read(path: Path) -> Capture:
    """Read a scene of AliceVision in JSON.

    Returns:
        The capture, with the landmarks where the scene has them. Views without a pose are skipped.

    Raises:
        CaptureError: If the file is damaged, or holds no poses.
        CameraError: If a camera makes no sense or its lens cannot be expressed.
        PictureError: If the pictures are missing.
    """
    scene = load_json(path)
    version = _version(scene, path)
    views = scene.get("views")
    if not isinstance(views, list) or not all(isinstance(view, dict) for view in views):
        raise CaptureError(f"{path} lists no views; it is damaged.")
    intrinsics, poses, rigs = (
        _by_id(scene, entry, key)
        for entry, key in (("intrinsics", "intrinsicId"), ("poses", "poseId"), ("rigs", "rigId"))
    )
    shots = []
    for view in views:
        intrinsic = intrinsics.get(str(view.get("intrinsicId")))
        pose = poses.get(str(view.get("poseId")))
        rig = None if _is_true(view.get("isPoseIndependant", True)) else rigs.get(str(view.get("rigId")))
        camera: Any = "Meshroom has not reconstructed its camera"
        if intrinsic is not None and pose is not None and _is_estimated(pose.get("pose")):
            camera = partial(_camera, intrinsic, version, pose, rig, view)
        shots.append(Shot(str(view.get("path", "")), camera))
    found, skipped = views_of(shots, path)
    return Capture(found, points(scene.get("structure"), "X"), format=FORMAT, path=path, skipped=skipped)


def _is_scene(path: Path) -> bool:
    start = head(path)
    return start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and b'"version"' in start and b'"viewId"' in start


def _version(scene: Mapping[str, Any], path: Path) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in numbers(scene, "version", 3))
    except (CameraError, ValueError, OverflowError):
        raise CaptureError(f"{path} states no version of three numbers, which its focal lengths depend on.") from None


def _by_id(scene: Mapping[str, Any], entry: str, key: str) -> dict[str, Mapping[str, Any]]:
    values = scene.get(entry) or []
    values = values if isinstance(values, list) else []
    return {str(value[key]): value for value in values if isinstance(value, dict) and key in value}


def _is_true(value: Any) -> bool:
    return str(value).lower() in ("1", "true")


def _is_estimated(pose: Any) -> bool:
    """Whether a pose is one: some versions write those that are not, or that lack the place (panoramas), and say so."""
    if not isinstance(pose, dict):
        return True
    return _is_true(pose.get("valid", True)) and not _is_true(pose.get("rotationOnly", False))


def _camera(
    intrinsic: Mapping[str, Any],
    version: tuple[int, ...],
    pose: Mapping[str, Any],
    rig: Mapping[str, Any] | None,
    view: Mapping[str, Any],
) -> Camera:
    width, height = whole(intrinsic, "width"), whole(intrinsic, "height")
    fx, fy = _focal_lengths(intrinsic, version, width)
    cx, cy = numbers(intrinsic, "principalPoint", 2)
    if version >= (1, 2, 1):
        cx, cy = cx + width / 2, cy + height / 2
    world_to_camera = _pose(record(record(pose, "pose"), "transform"))
    if rig is not None:
        parts, index = rig.get("subPoses"), whole(view, "subPoseId")
        if not isinstance(parts, list) or index not in range(len(parts)):
            raise CameraError("It names a place on its rig that the rig does not have.")
        world_to_camera = _pose(record(parts[index], "pose")) @ world_to_camera
    return Camera(width, height, fx, fy, cx + 0.5, cy + 0.5, world_to_camera, _lens(intrinsic))


def _focal_lengths(intrinsic: Mapping[str, Any], version: tuple[int, ...], width: float) -> tuple[float, float]:
    if version < (1, 2, 0):
        focal = number(intrinsic, "pxFocalLength")
        return focal, focal
    if version < (1, 2, 2):
        fx, fy = numbers(intrinsic, "pxFocalLength", 2)
        return float(fx), float(fy)
    sensor, ratio = number(intrinsic, "sensorWidth"), number(intrinsic, "pixelRatio", 1.0)
    if not sensor > 0 or not ratio > 0:
        raise CameraError(f"Its sensor width is {sensor:g} and its pixel ratio {ratio:g}; both must be positive.")
    focal = number(intrinsic, "focalLength") / sensor * width
    if version < (1, 2, 5):
        return focal, focal / ratio
    if version < (1, 2, 9):
        return focal, focal * ratio
    if version < (1, 2, 11) and ratio != 1.0:
        raise CameraError(
            "Which focal length its pixel ratio belongs to is not known for this version of Meshroom; "
            "open and save the scene with a newer one."
        )
    return focal / ratio, focal


def _pose(transform: Mapping[str, Any]) -> NDArray[np.float64]:
    """Return the 4 x 4 world-to-camera of a rotation and a centre."""
    pose = np.eye(4)
    pose[:3, :3] = numbers(transform, "rotation", 9).reshape(3, 3).T
    pose[:3, 3] = -pose[:3, :3] @ numbers(transform, "center", 3)
    return pose


def _lens(intrinsic: Mapping[str, Any]) -> Distortion | None:
    kind = str(intrinsic.get("type")).lower()
    # Newer versions have the lens in an entry of its own, and in another what takes a lens of 3DEqualizer away.
    name = str(intrinsic.get("distortionType", kind)).lower() if kind == "pinhole" else kind
    if name not in _LENSES or str(intrinsic.get("undistortionType", "none")).lower() != "none":
        raise CameraError(
            f"Its lens model '{name}' cannot be expressed; undistort the pictures in Meshroom, or take radialk3 there."
        )
    lens = _LENSES[name]
    coefficients = numbers(intrinsic, "distortionParams") if intrinsic.get("distortionParams") else np.zeros(0)
    if lens is None:
        return None
    model, places = lens
    needed = 1 + max(place for place in places if place is not None)
    if len(coefficients) not in (0, needed):
        raise CameraError(f"Its lens model '{name}' has {len(coefficients)} coefficients; it must have {needed}.")
    given = coefficients if len(coefficients) else np.zeros(needed)
    return Distortion(model, tuple(0.0 if place is None else float(given[place]) for place in places))
