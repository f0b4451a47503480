"""Writing a capture as transforms.json, in the form of nerfstudio."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ..camera import Camera
from ..errors import CaptureError
from ..file_output import write_bytes
from ..view import Capture, View
from .formats.transforms_json import OPENGL_TO_OPENCV
from .names import file_stem
from .picture_copies import copy_file
from .ply import write_ply_points

POINTS_FILE = "sparse_points.ply"


def write_transforms(capture: Capture, path: Path) -> None:
    """Write a capture's cameras with the names of its pictures.

    Pictures are named relative to the file. Those that are not inside its folder or the folder's parent (which a reader
    would refuse) are copied into a folder ``images`` beside it, masks into ``masks``. Sparse points go to a
    ``sparse_points.ply``.

    Args:
        capture: Views with files, not arrays.
        path: The file, a transforms.json by convention.

    Raises:
        CaptureError: If a picture is an array, or a lens cannot be expressed.
        OutputError: If a file cannot be written or copied.
    """
    folder = path.parent.absolute()
    frames: list[dict[str, Any]] = []
    for view in capture.views:
        if not isinstance(view.image, Path) or not isinstance(view.mask, Path | None):
            raise CaptureError(f"The picture of '{view.name}' is not a file; save it before the capture is written.")
    for view in capture.views:
        frame: dict[str, Any] = {"file_path": _reference(view.image, folder, "images", view.name), **_intrinsics(view)}
        if view.mask is not None:
            frame["mask_path"] = _reference(view.mask, folder, "masks", view.name)
        frame["transform_matrix"] = (view.camera.camera_to_world @ OPENGL_TO_OPENCV).tolist()
        frames.append(frame)
    shared = {key: value for key, value in frames[0].items() if all(frame.get(key) == value for frame in frames[1:])}
    shared = {key: shared[key] for key in shared if key not in ("file_path", "mask_path", "transform_matrix")}
    record: dict[str, Any] = dict(shared)
    if capture.depth_near is not None:
        record["depth_near"], record["depth_far"] = capture.depth_near, capture.depth_far
    if capture.points is not None and len(capture.points):
        write_ply_points(folder / POINTS_FILE, capture.points)
        record["ply_file_path"] = POINTS_FILE
    record["frames"] = [{key: value for key, value in frame.items() if key not in shared} for frame in frames]
    write_bytes(path, (json.dumps(record, indent=1) + "\n").encode())


def _intrinsics(view: View) -> dict[str, Any]:
    camera: Camera = view.camera
    record: dict[str, Any] = {
        "camera_model": "PINHOLE",
        "w": camera.width,
        "h": camera.height,
        "fl_x": camera.fx,
        "fl_y": camera.fy,
        "cx": camera.cx,
        "cy": camera.cy,
    }
    lens = camera.distortion
    if lens is None:
        return record
    if lens.model == "fisheye":
        record["camera_model"] = "OPENCV_FISHEYE"
        names: tuple[str, ...] = ("k1", "k2", "k3", "k4")
    else:
        names = ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")
        if any(lens.coefficients[len(names) :]):
            raise CaptureError(f"The thin prism distortion of '{view.name}' has no place in a transforms.json.")
        rational = any(lens.coefficients[5:])
        record["camera_model"] = "FULL_OPENCV" if rational else "OPENCV"
        names = names if rational else names[:5]
    values = [*lens.coefficients, *(0.0,) * len(names)]
    record.update(zip(names, values, strict=False))
    return record


def _reference(file: Any, folder: Path, subfolder: str, name: str) -> str:
    """Return how a file is named in a transforms.json of ``folder``, after copying it there where that is needed."""
    place = Path(os.path.normpath(Path(file).absolute()))
    if not place.is_relative_to(folder.parent):
        copied = folder / subfolder / f"{file_stem(name)}{place.suffix}"
        copy_file(place, copied)
        place = copied
    return Path(os.path.relpath(place, folder)).as_posix()
