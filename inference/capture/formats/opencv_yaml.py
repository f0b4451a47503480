"""OpenCV's YAML in the layout of EasyMocap: ``intri.yml`` with K and distortion, ``extri.yml`` with the poses.

Both are what ``cv2.FileStorage`` writes and hold, for every one of ``names``, ``K_name``, ``dist_name`` or ``D_name``,
``Rot_name`` (3 x 3) or ``R_name`` (Rodrigues vector), and ``T_name``, perhaps ``H_name`` and ``W_name``. Poses are
world-to-camera in OpenCV axes; the distortion is that of ``cv2.calibrateCamera``. Pixels have their centres at whole
numbers, so that half a pixel is added here. The layout knows no fisheye and states no unit.

Sure: EasyMocap's own reader and writer, and a rig with both this and a transforms.json. Programs that fill in a
principal point of width / 2 without a calibration mean the middle of the picture and are off by that half a pixel.

The matrices are read here, not by ``cv2.FileStorage``: that one runs out of stack on lists in lists, and takes the
memory that a file asks for before it looks whether the numbers are there.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ...camera import Camera, Distortion
from ...errors import CameraError, CaptureError
from ...view import Capture, View
from ..calibration_files import head, read_text
from ..intrinsic_matrix import pinhole
from ..located import locate, missing_pictures, pictures_in
from ..picture_files import picture_size

FORMAT = "OpenCV YAML"
ACCEPTS = "an intri.yml beside an extri.yml"

_INTRINSICS, _EXTRINSICS = "intri.yml", "extri.yml"
_FOLDERS = ("images", "")

_MATRIX = re.compile(
    r"^([^\s:]+):[ \t]*!!opencv-matrix\s+rows:\s*(\d{1,3})\s+cols:\s*(\d{1,3})\s+dt:\s*\S{1,8}\s+data:\s*\[([^\]:]*)\]",
    re.MULTILINE,
)
_NAMES = re.compile(r"^names:[ \t]*\r?\n((?:[ \t]*-[^\n]*(?:\n|\Z))+)", re.MULTILINE)
_NUMBER = re.compile(r"^([^\s:]+):[ \t]*([0-9.]+)[ \t]*\r?$", re.MULTILINE)


class _File(NamedTuple):
    """What is in one of the two files."""

    path: Path
    names: list[str]
    matrices: dict[str, tuple[int, str]]
    numbers: dict[str, str]


def find(path: Path) -> Path | None:
    """Return the folder of an intri.yml and an extri.yml, named itself or by one of them, or ``None``."""
    folder = path if path.is_dir() else path.parent
    if not path.is_dir() and path.name not in (_INTRINSICS, _EXTRINSICS):
        return None
    files = (folder / _INTRINSICS, folder / _EXTRINSICS)
    return folder if all(head(file).lstrip(b"\xef\xbb\xbf").startswith(b"%YAML") for file in files) else None


def read(folder: Path) -> Capture:
    """Read the cameras of an intri.yml and an extri.yml.

    Args:
        folder: Holds both. The picture of a camera is ``images/name.*``, or the first in the folder ``images/name``;
            without ``images`` the same beside the files.

    Raises:
        CaptureError: If a file is damaged or an entry is missing.
        CameraError: If a camera makes no sense.
        PictureError: If no picture is there, or one cannot be read.
    """
    folder = folder.absolute()
    intrinsics, extrinsics = _open(folder / _INTRINSICS), _open(folder / _EXTRINSICS)
    names = intrinsics.names
    images = [_picture(folder, name) for name in names]
    skipped = missing_pictures(names, images, folder / _INTRINSICS)
    views = []
    for name, image in zip(names, images, strict=True):
        if name in skipped:
            continue
        try:
            views.append(View(name, _camera(name, intrinsics, extrinsics, image), image))
        except CameraError as error:
            raise CameraError(f"Camera '{name}' of {folder} cannot be used: {error}") from None
    return Capture(tuple(views), format=FORMAT, path=folder, skipped=skipped)


def _open(path: Path) -> _File:
    text = read_text(path)
    matrices = {key: (int(rows) * int(columns), data) for key, rows, columns, data in _MATRIX.findall(text)}
    if not matrices:
        raise CaptureError(f"{path} holds no matrices of OpenCV; it is cut short or damaged.")
    listed = _NAMES.search(text)
    if listed is None:
        names = [key[2:] for key in matrices if key.startswith("K_")]
    else:
        names = [line.strip()[1:].strip().strip("\"'") for line in listed[1].splitlines()]
    names = list(dict.fromkeys(name for name in names if name))
    if not names and path.name == _INTRINSICS:
        raise CaptureError(f"{path} lists no cameras; it needs 'names', and a matrix K_ with each of these names.")
    return _File(path, names, matrices, dict(_NUMBER.findall(text)))


def _matrix(file: _File, key: str, count: int | None = None) -> NDArray[np.float64] | None:
    """Return the numbers of a matrix, row by row, or ``None`` where there is none of that name."""
    if key not in file.matrices:
        return None
    size, data = file.matrices[key]
    try:
        values = np.array([float(value) for value in data.split(",")])
    except ValueError:
        raise CameraError(f"Its {key} in {file.path.name} holds what is no number; export it again.") from None
    if len(values) != size or (count is not None and size != count):
        raise CameraError(f"Its {key} in {file.path.name} has {len(values)} numbers; it must have {count or size}.")
    return values


def _needed(file: _File, key: str, count: int) -> NDArray[np.float64]:
    values = _matrix(file, key, count)
    if values is None:
        raise CameraError(f"{file.path.name} has no matrix {key}; calibrate this camera, or take it out of 'names'.")
    return values


def _camera(name: str, intrinsics: _File, extrinsics: _File, image: Path) -> Camera:
    fx, fy, cx, cy = pinhole(_needed(intrinsics, f"K_{name}", 9).reshape(3, 3))
    coefficients = _matrix(intrinsics, f"dist_{name}")
    if coefficients is None:
        coefficients = _matrix(intrinsics, f"D_{name}")
    rotation = _matrix(extrinsics, f"Rot_{name}", 9)
    if rotation is None:
        rotation = np.asarray(cv2.Rodrigues(_needed(extrinsics, f"R_{name}", 3))[0], dtype=np.float64)
    width, height = _size(name, intrinsics, image)
    return Camera(
        width=width,
        height=height,
        fx=fx,
        fy=fy,
        cx=cx + 0.5,
        cy=cy + 0.5,
        world_to_camera=np.column_stack([rotation.reshape(3, 3), _needed(extrinsics, f"T_{name}", 3)]),
        distortion=None if coefficients is None else Distortion("opencv", _lens(coefficients)),
    )


def _size(name: str, intrinsics: _File, image: Path) -> tuple[int, int]:
    """Return the size that a camera is calibrated for: that of its picture where the file does not say."""
    stated = [intrinsics.numbers.get(f"{side}_{name}", "") for side in "WH"]
    try:
        width, height = (int(float(value)) for value in stated)
    except (ValueError, OverflowError):
        return picture_size(image, f"picture of '{name}'")
    return width, height


def _lens(coefficients: NDArray[np.float64]) -> tuple[float, ...]:
    """Return the coefficients without the two of a tilted sensor, where these are zero."""
    return tuple(coefficients.tolist() if coefficients[12:].any() else coefficients[:12].tolist())


def _picture(folder: Path, name: str) -> Path:
    """Return the picture of a camera; it may be missing."""
    for place in _FOLDERS:
        picture = locate(folder / place, name, folder)
        if picture.is_file():
            return picture
        if inside := pictures_in(picture):
            return inside[0]
    return locate(folder / _FOLDERS[0], name, folder)
