"""transforms.json: the dialects of NeRF-synthetic, instant-ngp and nerfstudio.

``transform_matrix`` is camera-to-world with OpenGL camera axes (x right, y up, z backward). Intrinsics are in pixels
with edges at 0..w, for all frames or frame by frame. ``depth_near`` and ``depth_far`` (scene units) are ours. The world
is left as stored: nerfstudio's ``applied_transform`` is in the poses already.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...camera import Camera, Distortion
from ...errors import CameraError, CaptureError, PictureError
from ...view import Capture, View
from ..calibration_files import head, load_json
from ..located import locate, missing_pictures
from ..names import unique_names
from ..picture_files import picture_size
from ..ply import read_ply_points

FORMAT = "transforms.json"
ACCEPTS = "a transforms.json"
OPENGL_TO_OPENCV = np.diag([1.0, -1.0, -1.0, 1.0])

# NeRF-synthetic has a file for each of its parts.
_NAMES = ("transforms.json", "transforms_train.json")

_PERSPECTIVE = ("", "PINHOLE", "SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV", "FULL_OPENCV", "PERSPECTIVE")
_FISHEYE = ("OPENCV_FISHEYE", "FISHEYE")

# What instant-ngp has for lenses that are none of these.
_OTHER_LENSES = ("ftheta_p0", "latlong", "equirectangular")


def find(path: Path) -> Path | None:
    """Return the transforms.json in a folder, or the file itself where it is named or begins like JSON, or ``None``."""
    if path.is_dir():
        inside = (path / name for name in _NAMES)
        return next((file for file in inside if file.is_file()), None)
    like_json = path.suffix.lower() == ".json" or head(path).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
    return path if like_json else None


def read(path: Path, pictures: bool = True) -> Capture:
    """Read a transforms.json.

    Args:
        path: The file.
        pictures: Whether the pictures must be there; without, the cameras need their ``w`` and ``h``.

    Returns:
        The capture, with the sparse points of ``ply_file_path`` (or of a ``sparse_points.ply`` beside it) where that
        file is there.

    Raises:
        CaptureError: If the file is damaged or an entry is missing or makes no sense.
        CameraError: If a frame's camera is not finite, mirrored, or of an unknown kind.
        PictureError: If a picture is missing.
    """
    record = load_json(path)
    frames = record.get("frames")
    if not isinstance(frames, list) or not frames or not all(isinstance(frame, dict) for frame in frames):
        raise CaptureError(f"{path} lists no frames; it needs an entry 'frames' with cameras and pictures.")
    folder = path.parent.absolute()
    images = [
        locate(folder, str(_entry(frame, "file_path", path, index)), folder.parent)
        for index, frame in enumerate(frames)
    ]
    names = unique_names(images)
    skipped = missing_pictures(names, images, path) if pictures else {}
    views = []
    for frame, image, name in zip(frames, images, names, strict=True):
        if name in skipped:
            continue
        # A frame's own numbers come before those of the file.
        values = {**{key: value for key, value in record.items() if key != "frames"}, **frame}
        mask = None
        if frame.get("mask_path"):
            mask = locate(folder, str(frame["mask_path"]), folder.parent)
            if not mask.is_file():
                raise PictureError(f"The mask of '{name}' is missing: there is no file {mask}.")
        try:
            views.append(View(name, _camera(values, image), image, mask))
        except CameraError as error:
            raise CameraError(f"Frame '{frame['file_path']}' of {path} cannot be used: {error}") from None
        except (TypeError, ValueError, OverflowError):
            raise CaptureError(f"Frame '{frame['file_path']}' of {path} has an entry that is no number.") from None
    try:
        return Capture(
            views=tuple(views),
            points=_points(record, folder),
            depth_near=_depth(record, "depth_near"),
            depth_far=_depth(record, "depth_far"),
            format=FORMAT,
            path=path,
            skipped=skipped,
        )
    except CaptureError as error:
        raise CaptureError(f"{path} cannot be used: {error}") from None
    except (TypeError, ValueError, OverflowError):
        raise CaptureError(f"depth_near or depth_far of {path} is no number.") from None


def _entry(frame: Mapping[str, Any], key: str, path: Path, index: int) -> Any:
    try:
        return frame[key]
    except KeyError:
        raise CaptureError(f"Frame {index} of {path} has no entry '{key}'.") from None


def _camera(values: Mapping[str, Any], image: Path) -> Camera:
    """Return the camera of one frame.

    Raises:
        CameraError: If it makes none.
        TypeError, ValueError, OverflowError: If an entry is not a number.
    """
    width: Any
    height: Any
    if "w" in values and "h" in values:
        width, height = float(values["w"]), float(values["h"])
    else:
        width, height = picture_size(image, f"picture '{image.name}'")
    fx, fy = _focal_lengths(values, width, height)
    if "transform_matrix" not in values:
        raise CameraError("It has no entry 'transform_matrix'.")
    pose = np.array(values["transform_matrix"], dtype=np.float64)
    if pose.shape == (3, 4):
        pose = np.vstack([pose, [0.0, 0.0, 0.0, 1.0]])
    if pose.shape != (4, 4):
        raise CameraError(f"Its transform_matrix has shape {pose.shape}; it must be 4 x 4.")
    # Checked here, because a singular or infinite matrix has no inverse for the camera to look at.
    checked = Camera(width, height, fx, fy, 0.0, 0.0, pose @ OPENGL_TO_OPENCV)
    return Camera(
        width=checked.width,
        height=checked.height,
        fx=fx,
        fy=fy,
        cx=float(values.get("cx", width / 2)),
        cy=float(values.get("cy", height / 2)),
        world_to_camera=checked.camera_to_world,
        distortion=_distortion(values),
    )


def _focal_lengths(values: Mapping[str, Any], width: float, height: float) -> tuple[float, float]:
    """Return fx and fy from what there is: focal lengths in pixels, fields of view in degrees, or angles in radians."""
    lengths: list[float | None] = []
    for axis, size in (("x", width), ("y", height)):
        if f"fl_{axis}" in values:
            lengths.append(float(values[f"fl_{axis}"]))
        elif f"{axis}_fov" in values:
            lengths.append(_of_angle(math.radians(float(values[f"{axis}_fov"])), size))
        elif f"camera_angle_{axis}" in values:
            lengths.append(_of_angle(float(values[f"camera_angle_{axis}"]), size))
        else:
            lengths.append(None)
    fx, fy = lengths
    fx = fy if fx is None else fx
    fy = fx if fy is None else fy
    if fx is None or fy is None:
        raise CameraError("It has no focal length; give fl_x and fl_y, or camera_angle_x.")
    return fx, fy


def _of_angle(angle: float, size: float) -> float:
    """Return the focal length in pixels of a field of view in radians."""
    if not 0 < angle < math.pi:
        raise CameraError(f"Its field of view is {math.degrees(angle):g} degrees; it must lie between 0 and 180.")
    return size / 2 / math.tan(angle / 2)


def _distortion(values: Mapping[str, Any]) -> Distortion | None:
    model = str(values.get("camera_model", "")).upper()
    k1, k2, k3, k4, k5, k6 = (float(values.get(f"k{index}", 0.0)) for index in range(1, 7))
    p1, p2 = float(values.get("p1", 0.0)), float(values.get("p2", 0.0))
    if other := [key for key in _OTHER_LENSES if values.get(key)]:
        raise CameraError(f"Its lens is described by '{other[0]}', which cannot be expressed; undistort its pictures.")
    if values.get("is_fisheye") or model in _FISHEYE:
        # The zero is kept: a fisheye without coefficients is the equidistant one, not a pinhole.
        return Distortion("fisheye", (k1, k2, k3, k4))
    if model not in _PERSPECTIVE:
        raise CameraError(f"The camera model '{model}' is not known; undistort its pictures to PINHOLE or OPENCV.")
    if (k4, k5, k6) != (0.0, 0.0, 0.0) and model != "FULL_OPENCV":
        raise CameraError(
            "It has k4, k5 or k6, which mean different things in different programs; name camera_model FULL_OPENCV if "
            "they are OpenCV's."
        )
    lens = Distortion("opencv", (k1, k2, p1, p2, k3, k4, k5, k6))
    return None if lens.is_zero else lens


def _points(record: Mapping[str, Any], folder: Path) -> Any:
    named = record.get("ply_file_path")
    path = folder / "sparse_points.ply" if not named else locate(folder, str(named), folder.parent)
    return read_ply_points(path) if path.is_file() else None


def _depth(record: Mapping[str, Any], key: str) -> float | None:
    return None if record.get(key) is None else float(record[key])
