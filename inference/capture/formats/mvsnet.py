"""MVSNet, and the data sets in its layout (DTU, BlendedMVS, Tanks and Temples): ``00000000_cam.txt`` beside pictures.

A file holds the word ``extrinsic`` and a world-to-camera of 4 x 4 in OpenCV axes, the word ``intrinsic`` and a matrix
of 3 x 3, then the nearest depth and the step between depths, perhaps with their number and the farthest depth. Pictures
are undistorted. The capture's depth range is the one that the number and step, or the farthest depth, state; without
them it is not stated: some programs write the farthest depth in place of the step. ``pair.txt`` says which sources go
well together, which Sightline works out for itself.

Axes and order: sure, from MVSNet's documentation. Where a pixel has its centre is said nowhere: most of these files
come from COLMAP, whose principal point is copied unchanged, so that pixels have their edges at 0..width; files of other
origin may be off by half a pixel.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...camera import Camera
from ...errors import CameraError, CaptureError
from ...view import Capture, View
from ..calibration_files import head, read_text
from ..intrinsic_matrix import pinhole
from ..located import by_number, missing_pictures, pictures_in
from ..picture_files import picture_size

FORMAT = "MVSNet"
ACCEPTS = "a folder of *_cam.txt files"

_SUFFIX = "_cam.txt"
_CAMERAS = ("", "cams", "cams_1", "Cameras")
_PICTURES = ("images", "blended_images", "image", "")


def find(path: Path) -> Path | None:
    """Return the folder of the _cam.txt files that a folder holds, or that a file or a pair.txt belongs to."""
    if path.is_dir():
        places = [path / name for name in _CAMERAS]
    elif path.name.endswith(_SUFFIX):
        places = [path.parent]
    elif path.name == "pair.txt":
        places = [path.parent / name for name in _CAMERAS]
    else:
        return None
    return next((place for place in places if _is_cameras(place)), None)


def read(folder: Path) -> Capture:
    """Read the _cam.txt files of a folder.

    Args:
        folder: Holds them. The pictures lie in ``images`` or ``blended_images`` in it or beside it, or in one of these
            two folders themselves, under the same name or number.

    Raises:
        CaptureError: If a file is damaged.
        CameraError: If a camera makes no sense.
        PictureError: If no picture is there, or one cannot be read.
    """
    files = sorted(folder.glob(f"*{_SUFFIX}"))
    names = [file.name.removesuffix(_SUFFIX) for file in files]
    images = _pictures(folder, names)
    skipped = missing_pictures(names, images, folder)
    views, ranges = [], []
    for file, name, image in zip(files, names, images, strict=True):
        if name in skipped:
            continue
        try:
            camera, depths = _read(file, image)
        except CameraError as error:
            raise CameraError(f"The camera {file} cannot be used: {error}") from None
        views.append(View(name, camera, image))
        ranges.append(depths)
    stated = [depths for depths in ranges if depths is not None]
    near, far = (min(low for low, _ in stated), max(high for _, high in stated)) if stated else (None, None)
    return Capture(tuple(views), depth_near=near, depth_far=far, format=FORMAT, path=folder, skipped=skipped)


def _is_cameras(folder: Path) -> bool:
    first = next(folder.glob(f"*{_SUFFIX}"), None)
    return first is not None and head(first).lstrip().startswith(b"extrinsic")


def _read(path: Path, image: Path) -> tuple[Camera, tuple[float, float] | None]:
    words = read_text(path).split()
    try:
        if words[0] != "extrinsic" or words[17] != "intrinsic":
            raise ValueError
        numbers = np.array([float(word) for word in words[1:17] + words[18:31]])
        pose, matrix, depths = numbers[:16].reshape(4, 4), numbers[16:25].reshape(3, 3), numbers[25:].tolist()
    except (IndexError, ValueError):
        raise CaptureError(
            f"{path} is damaged; it must hold 'extrinsic' with 16 numbers and 'intrinsic' with 9."
        ) from None
    fx, fy, cx, cy = pinhole(matrix)
    width, height = picture_size(image, f"picture of '{path.name}'")
    return Camera(width, height, fx, fy, cx, cy, pose), _depths(depths)


def _depths(values: list[float]) -> tuple[float, float] | None:
    """Return the depth range that the last line states, or ``None``."""
    if len(values) < 3:
        return None
    near = values[0]
    far = values[3] if len(values) > 3 else near + values[1] * (values[2] - 1)
    return (near, far) if 0 < near < far < np.inf else None


def _pictures(folder: Path, names: list[str]) -> list[Path]:
    """Return the pictures of cameras by name or number, from the place where most of them are; they may be missing."""
    best: list[Path] = []
    most = -1
    for parent in (folder.parent, folder):
        for place in _PICTURES:
            inside = pictures_in(parent / place)
            named, numbered = {picture.stem: picture for picture in inside}, by_number(inside)
            images = [
                named.get(name) or numbered.get(_number(name)) or parent / place / f"{name}.jpg" for name in names
            ]
            found = sum(image.is_file() for image in images)
            if found > most:
                best, most = images, found
    return best


def _number(name: str) -> int:
    return int(name) if name.isdecimal() and len(name) < 19 else -1
