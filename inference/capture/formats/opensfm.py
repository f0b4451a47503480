"""OpenSfM (and OpenDroneMap): ``reconstruction.json``.

The file lists reconstructions, each with cameras, shots and points. A shot has the rotation world-to-camera as an
angle-axis vector and the translation, in OpenCV axes. Focal lengths and principal points are in units of the longer
side of the picture, the latter from its middle, where OpenSfM's pixel (width - 1) / 2 is: nothing is added here.
Distortion: ``perspective`` and ``radial`` (k1 k2), ``simple_radial`` (k1), ``brown`` (k1 k2 p1 p2 k3) are OpenCV's;
``fisheye`` (k1 k2) and ``fisheye_opencv`` (k1 k2 k3 k4) are OpenCV's fisheye.

Sure, from OpenSfM's documentation and sources.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ...camera import Camera, Distortion
from ...errors import CameraError, CaptureError
from ...view import Capture
from ..calibration_files import head, load_json_list
from ..entries import number, numbers, points, record, whole
from ..shots import Shot, views_of

FORMAT = "OpenSfM"
ACCEPTS = "a reconstruction.json of OpenSfM"

_NAME = "reconstruction.json"
# OpenDroneMap has it in a folder of its own.
_FOLDERS = ("", "opensfm")

_LENSES = {
    "perspective": ("opencv", ("k1", "k2")),
    "simple_radial": ("opencv", ("k1",)),
    "radial": ("opencv", ("k1", "k2")),
    "brown": ("opencv", ("k1", "k2", "p1", "p2", "k3")),
    "fisheye": ("fisheye", ("k1", "k2")),
    "fisheye_opencv": ("fisheye", ("k1", "k2", "k3", "k4")),
}


def find(path: Path) -> Path | None:
    """Return a reconstruction.json: the file, or the one in a folder, or ``None``."""
    if path.is_dir():
        inside = (path / folder / _NAME for folder in _FOLDERS)
        return next((file for file in inside if _is_reconstruction(file)), None)
    return path if _is_reconstruction(path) else None


def read(path: Path) -> Capture:
    """Read a reconstruction.json.

    Returns:
        The capture of the reconstruction with the most shots, with its points; the shots of the others are skipped,
        because nothing says where these are.

    Raises:
        CaptureError: If the file is damaged or lists no shots.
        CameraError: If a camera makes no sense or its lens cannot be expressed.
        PictureError: If the pictures are missing.
    """
    every = load_json_list(path)
    try:
        parts = [(record(part, "shots"), record(part, "cameras")) for part in every]
    except CameraError:
        raise CaptureError(f"{path} holds a reconstruction without shots or cameras; it is damaged.") from None
    largest = max(range(len(parts)), key=lambda index: len(parts[index][0]), default=0)
    shots: list[Shot] = []
    for index, (listed, cameras) in enumerate(parts):
        for name, shot in listed.items():
            camera: Any = f"it belongs to another of the {len(parts)} reconstructions, which do not hang together"
            shots.append(Shot(name, partial(_camera, shot, cameras) if index == largest else camera))
    views, skipped = views_of(shots, path)
    structure = every[largest].get("points")
    cloud = points(list(structure.values()) if isinstance(structure, dict) else None, "coordinates")
    return Capture(views, cloud, format=FORMAT, path=path, skipped=skipped)


def _is_reconstruction(path: Path) -> bool:
    start = head(path)
    return start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[") and b'"cameras"' in start


def _camera(shot: Any, cameras: Mapping[str, Any]) -> Camera:
    values = record(cameras, str(record({"shot": shot}, "shot").get("camera")))
    kind = str(values.get("projection_type", "perspective"))
    if kind not in _LENSES:
        raise CameraError(f"Its projection '{kind}' cannot be expressed; undistort the pictures with OpenSfM.")
    width, height = whole(values, "width"), whole(values, "height")
    longer = max(width, height)
    both = ("focal", "focal") if "focal" in values else ("focal_x", "focal_y")
    fx, fy = (number(values, key) * longer for key in both)
    model, names = _LENSES[kind]
    rotation = cv2.Rodrigues(numbers(shot, "rotation", 3))[0]
    return Camera(
        width=width,
        height=height,
        fx=fx,
        fy=fy,
        cx=width / 2 + number(values, "c_x", 0.0) * longer,
        cy=height / 2 + number(values, "c_y", 0.0) * longer,
        world_to_camera=np.column_stack([rotation, numbers(shot, "translation", 3)]),
        distortion=Distortion(model, tuple(number(values, name, 0.0) for name in names)),
    )
