"""OpenMVG: ``sfm_data.json``.

A view has a picture, an intrinsic and a pose, all as the library cereal writes C++ objects. The pose is the rotation
world-to-camera, row by row, and the centre of the camera in the scene, in OpenCV axes. Intrinsics have one focal length
and the principal point in pixels with their centres at whole numbers, so that half a pixel is added here. The
distortion is OpenCV's in other words: ``disto_k1``, ``disto_k3`` (k1 k2 k3), ``disto_t2`` (k1 k2 k3 p1 p2), ``fisheye``
(k1 k2 k3 k4).

Sure, from OpenMVG's own sources; where a pixel has its centre is said nowhere, but is what its undistortion does.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ...camera import Camera, Distortion
from ...errors import CameraError, CaptureError
from ...view import Capture
from ..calibration_files import head, load_json
from ..entries import number, numbers, points, record, whole
from ..shots import Shot, views_of

FORMAT = "OpenMVG"
ACCEPTS = "an sfm_data.json of OpenMVG"

_NAMES = ("sfm_data.json", "robust.json", "sfm_data_expanded.json")

# Of the coefficients in OpenCV's order, the places in OpenMVG's.
_LENSES: dict[str, tuple[str, tuple[int | None, ...]]] = {
    "disto_k1": ("opencv", (0,)),
    "disto_k3": ("opencv", (0, 1, None, None, 2)),
    "disto_t2": ("opencv", (0, 1, 3, 4, 2)),
    "fisheye": ("fisheye", (0, 1, 2, 3)),
}
_PINHOLE = {"width", "height", "focal_length", "principal_point"}


def find(path: Path) -> Path | None:
    """Return an sfm_data.json: the file, or the one in a folder, or ``None``."""
    if path.is_dir():
        return next((path / name for name in _NAMES if _is_scene(path / name)), None)
    return path if _is_scene(path) else None


def read(path: Path) -> Capture:
    """Read an sfm_data.json.

    Returns:
        The capture, with the structure where the file has it. Views without a pose are skipped.

    Raises:
        CaptureError: If the file is damaged, or holds no poses.
        CameraError: If a camera makes no sense or its lens cannot be expressed.
        PictureError: If the pictures are missing.
    """
    scene = load_json(path)
    views, intrinsics, poses = (_by_key(scene, entry, path) for entry in ("views", "intrinsics", "extrinsics"))
    shots = []
    for key, value in views.items():
        try:
            view = _data(value)
            # What has no intrinsic or no pose names 2**32 - 1.
            intrinsic = intrinsics.get(str(view.get("id_intrinsic")))
            pose = poses.get(str(view.get("id_pose")))
        except CameraError as error:
            raise CaptureError(f"View {key} of {path} cannot be used: {error}") from None
        camera: Any = "OpenMVG has not reconstructed its camera"
        if intrinsic is not None and pose is not None:
            camera = partial(_camera, intrinsic, pose)
        parts = (scene.get("root_path"), view.get("local_path"), view.get("filename"))
        shots.append(Shot("/".join(str(part) for part in parts if part), camera))
    found, skipped = views_of(shots, path)
    structure = [entry.get("value") for entry in scene.get("structure") or [] if isinstance(entry, dict)]
    return Capture(found, points(structure, "X"), format=FORMAT, path=path, skipped=skipped)


def _is_scene(path: Path) -> bool:
    return b'"sfm_data_version"' in head(path)


def _by_key(scene: Mapping[str, Any], entry: str, path: Path) -> dict[str, Any]:
    values = scene.get(entry)
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise CaptureError(f"{path} has no list '{entry}'; it is damaged, or was written without it.")
    return {str(value.get("key")): value.get("value") for value in values}


def _data(value: Any) -> Mapping[str, Any]:
    """Return the object behind cereal's pointer."""
    return record(record(value, "ptr_wrapper"), "data")


def _camera(intrinsic: Any, pose: Any) -> Camera:
    values = _data(intrinsic)
    cx, cy = numbers(values, "principal_point", 2)
    focal = number(values, "focal_length")
    rotation = numbers(pose, "rotation", 9).reshape(3, 3)
    return Camera(
        width=whole(values, "width"),
        height=whole(values, "height"),
        fx=focal,
        fy=focal,
        cx=cx + 0.5,
        cy=cy + 0.5,
        world_to_camera=np.column_stack([rotation, -rotation @ numbers(pose, "center", 3)]),
        distortion=_lens(values),
    )


def _lens(values: Mapping[str, Any]) -> Distortion | None:
    """Return the lens: its model is told by the name of its entry, because cereal names a class only once."""
    others = sorted(set(values) - _PINHOLE)
    if not others:
        return None
    if len(others) > 1 or others[0] not in _LENSES:
        raise CameraError(
            f"Its lens '{', '.join(others)}' cannot be expressed; export undistorted pictures from OpenMVG."
        )
    model, places = _LENSES[others[0]]
    given = numbers(values, others[0], 1 + max(place for place in places if place is not None))
    return Distortion(model, tuple(0.0 if place is None else float(given[place]) for place in places))
