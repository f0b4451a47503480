"""The multi-view data of Strecha (fountain, Herz-Jesu, castle): ``name.jpg.camera`` for each picture.

A file holds the matrix of intrinsics K, row by row; three coefficients of radial distortion, which are zero because the
pictures are undistorted; the camera-to-world rotation R, row by row, in OpenCV axes; the centre t of the camera; and
the width and height of the picture. A point X is seen at K R^T (X - t). OpenMVS writes these files, too.

Sure, from the description that comes with the data and from its readers. Some descriptions elsewhere call R the
world-to-camera rotation, which these data contradict. Where a pixel has its centre is said nowhere; whole numbers are
taken for it, as OpenMVG does, and half a pixel is added here.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...camera import Camera
from ...errors import CameraError, CaptureError
from ...view import Capture
from ..calibration_files import head, read_text
from ..intrinsic_matrix import pinhole
from ..shots import Shot, views_of

FORMAT = "Strecha"
ACCEPTS = "a folder of .camera files"

_SUFFIX = ".camera"
_FOLDERS = ("", "gt_dense_cameras", "cameras", "images")
_NUMBERS = 26


def find(path: Path) -> Path | None:
    """Return the folder of the .camera files that a folder holds, or that a file belongs to, or ``None``."""
    if path.is_dir():
        return next((path / name for name in _FOLDERS if _is_cameras(path / name)), None)
    return path.parent if path.name.endswith(_SUFFIX) and _is_cameras(path.parent) else None


def read(folder: Path) -> Capture:
    """Read the .camera files of a folder.

    Args:
        folder: Holds them. The pictures lie in it, beside it, or in a folder ``images`` there.

    Raises:
        CaptureError: If a file is damaged.
        CameraError: If a camera makes no sense, or has distortion.
        PictureError: If the pictures are missing.
    """
    files = sorted(folder.glob(f"*{_SUFFIX}"))
    shots = [Shot(file.name.removesuffix(_SUFFIX), partial(_camera, _numbers(file))) for file in files]
    views, skipped = views_of(shots, files[0])
    return Capture(views, format=FORMAT, path=folder, skipped=skipped)


def _is_cameras(folder: Path) -> bool:
    first = next(folder.glob(f"*{_SUFFIX}"), None)
    return first is not None and len(head(first).split(b"\n")[0].split()) == 3


def _numbers(path: Path) -> NDArray[np.float64]:
    try:
        values = np.array([float(word) for word in read_text(path).split()])
    except ValueError:
        raise CaptureError(f"{path} is damaged; it holds what is no number.") from None
    if len(values) != _NUMBERS:
        raise CaptureError(f"{path} is damaged; it has {len(values)} numbers where it must have {_NUMBERS}.")
    return values


def _camera(values: NDArray[np.float64]) -> Camera:
    fx, fy, cx, cy = pinhole(values[:9].reshape(3, 3))
    if values[9:12].any():
        raise CameraError("It has radial distortion, whose formula is documented nowhere; undistort its picture.")
    rotation = values[12:21].reshape(3, 3).T
    return Camera(
        width=values[24],
        height=values[25],
        fx=fx,
        fy=fy,
        cx=cx + 0.5,
        cy=cy + 0.5,
        world_to_camera=np.column_stack([rotation, -rotation @ values[21:24]]),
    )
