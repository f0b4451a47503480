"""RealityScan (RealityCapture): the CSV of *Internal/External Camera Parameters*, and its OpenCV-compliant variant.

The columns are told by their names. The first kind has the centre of the camera, the angles yaw (or heading), pitch and
roll in degrees, the focal length of 35 mm film, the principal point in units of the longer side, and k1 k2 k3 k4 t1 t2.
The angles turn an aircraft from north, east, down by Z Y X, and the camera looks down from it, with the top of its
picture to the nose. The second kind has world-to-camera as translation and rotation in OpenCV axes, and the focal
length and principal point in pixels with their edges at 0..width.

Sure: Epic's reference of RealityScan's camera geometry, and the templates that RealityScan ships. No file says three
things. Whether its coordinates are degrees of longitude and latitude, which make no scene: export in a local or metric
coordinate system. Whether that is a projected one (UTM): there the angles of the first kind are those of the ground,
not of the grid, and off by up to a few degrees; the second kind has no such doubt. And the lens: k1 alone is taken for
the division lens, everything else for Brown's.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...camera import Camera
from ...errors import CaptureError
from ...view import Capture
from ..calibration_files import head, read_text
from ..entries import number
from ..located import find_pictures
from ..picture_files import picture_size
from ..shots import Shot, views_of
from .realityscan_camera import FILM, realityscan_camera, unnamed_lens

FORMAT = "RealityScan CSV"
ACCEPTS = "a CSV of RealityScan's camera parameters"

# What columns are called in other versions.
_ALIASES = {"heading": "yaw", "f": "f_35mm", "px": "px_norm", "py": "py_norm", "z": "alt"}
_ANGLES = {"name", "x", "y", "alt", "yaw", "pitch", "roll", "f_35mm"}
_TURNS = [f"r{row}{column}" for row in range(3) for column in range(3)]
_MATRIX = {"name", "tx", "ty", "tz", *_TURNS, "f_pix", "px_pix", "py_pix"}
_COEFFICIENTS = ("k1", "k2", "k3", "k4", "t1", "t2")

# A line with the number of cameras may come before that with the names of the columns.
_HEADER_LINES = 3


def find(path: Path) -> Path | None:
    """Return the CSV: the file, or the first in a folder, or ``None``."""
    if path.is_dir():
        return next((file for file in sorted(path.glob("*.csv")) if _is_export(file)), None)
    return path if _is_export(path) else None


def read(path: Path) -> Capture:
    """Read the CSV.

    Raises:
        CaptureError: If the file is damaged or lists no camera.
        CameraError: If a camera makes no sense or its lens cannot be expressed.
        PictureError: If the pictures are missing, or one cannot be read: their sizes are not in the file.
    """
    rows = _rows(path)
    names = [row["name"] for row in rows]
    images = find_pictures(path.parent, names)
    shots = [Shot(name, partial(_camera, row, image)) for name, row, image in zip(names, rows, images, strict=True)]
    views, skipped = views_of(shots, path)
    return Capture(views, format=FORMAT, path=path, skipped=skipped)


def _columns(line: str) -> list[str] | None:
    """Return the names of columns in a line; ``None`` where it is not that of this format."""
    # A remark on the conventions follows in parentheses.
    names = [name.strip().lower() for name in line.lstrip("\ufeff# \t").split(" (")[0].split(",")]
    names = [_ALIASES.get(name, name) for name in names]
    return names if any(needed.issubset(names) for needed in (_ANGLES, _MATRIX)) else None


def _is_export(path: Path) -> bool:
    lines = head(path).decode("utf-8", "replace").splitlines()[:_HEADER_LINES]
    return path.suffix.lower() == ".csv" and any(_columns(line) is not None for line in lines)


def _rows(path: Path) -> list[dict[str, str]]:
    lines = read_text(path).splitlines()
    start, columns = next(
        (found for found in enumerate(map(_columns, lines[:_HEADER_LINES])) if found[1] is not None), (0, None)
    )
    if columns is None:
        raise CaptureError(f"{path} has no line with the names of its columns; export it again.")
    rows = []
    try:
        for cells in csv.reader(io.StringIO("\n".join(lines[start + 1 :]))):
            if cells and len(cells) != len(columns):
                raise CaptureError(
                    f"A line of {path} has {len(cells)} entries where {len(columns)} are named ({cells[0][:40]!a}); it "
                    "is cut short or damaged."
                )
            if cells:
                rows.append(dict(zip(columns, (cell.strip() for cell in cells), strict=True)))
    except csv.Error as error:
        raise CaptureError(f"{path} is no valid CSV ({error}); it is damaged.") from None
    if not rows:
        raise CaptureError(f"{path} lists no camera; align the pictures before you export them.")
    return rows


def _camera(row: Mapping[str, str], image: Path) -> Camera:
    size = picture_size(image, f"picture of '{row['name']}'")
    longer = max(size)
    if "r00" in row:
        rotation = np.array([number(row, key) for key in _TURNS]).reshape(3, 3)
        translation = np.array([number(row, key) for key in ("tx", "ty", "tz")])
        focal = number(row, "f_pix") / longer
        principal = [
            (number(row, key) - side / 2) / longer for key, side in zip(("px_pix", "py_pix"), size, strict=True)
        ]
    else:
        rotation = _turned(*(np.radians(number(row, key)) for key in ("yaw", "pitch", "roll")))
        translation = -rotation @ [number(row, key) for key in ("x", "y", "alt")]
        focal = number(row, "f_35mm") / FILM
        principal = [number(row, key, 0.0) for key in ("px_norm", "py_norm")]
    lens = unnamed_lens([number(row, key, 0.0) for key in _COEFFICIENTS])
    return realityscan_camera(size, focal, (principal[0], principal[1]), lens, np.column_stack([rotation, translation]))


def _turned(yaw: float, pitch: float, roll: float) -> NDArray[np.float64]:
    """Return the world-to-camera rotation in OpenCV axes of an aircraft's angles in radians.

    With x east, y north and z up, and the camera's axes right, up and backward, the three are turns about -z, x and y.
    """
    (sin_z, sin_x, sin_y), (cos_z, cos_x, cos_y) = (turn([-yaw, pitch, roll]) for turn in (np.sin, np.cos))
    about_z = np.array([[cos_z, -sin_z, 0.0], [sin_z, cos_z, 0.0], [0.0, 0.0, 1.0]])
    about_x = np.array([[1.0, 0.0, 0.0], [0.0, cos_x, -sin_x], [0.0, sin_x, cos_x]])
    about_y = np.array([[cos_y, 0.0, sin_y], [0.0, 1.0, 0.0], [-sin_y, 0.0, cos_y]])
    rotation: NDArray[np.float64] = np.diag([1.0, -1.0, -1.0]) @ (about_z @ about_x @ about_y).T
    return rotation
