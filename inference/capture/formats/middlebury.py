"""The multi-view data of Middlebury (temple, dino): ``name_par.txt`` beside the pictures.

The first line is the number of pictures, every other one the name of a picture, its matrix of intrinsics K and its
world-to-camera rotation R, each row by row, and translation t: a point X is seen at K (R X + t), in OpenCV axes, with
the origin of pixels at the top left. Pictures are undistorted.

Axes and order: sure, from the description of the data. Whether the origin is the corner of the first pixel or its
centre is said nowhere; it is taken for the centre, as calibration programs of that time have it, and half a pixel is
added here. Files of other origin may be off by that.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...camera import Camera
from ...errors import CaptureError
from ...view import Capture
from ..calibration_files import head, read_text
from ..intrinsic_matrix import pinhole
from ..located import find_pictures
from ..picture_files import picture_size
from ..shots import Shot, views_of

FORMAT = "Middlebury"
ACCEPTS = "a *_par.txt of Middlebury"

_SUFFIX = "_par.txt"
_NUMBERS = 21


def find(path: Path) -> Path | None:
    """Return the _par.txt: the file, or the first in a folder, or ``None``."""
    if path.is_dir():
        return next((file for file in sorted(path.glob(f"*{_SUFFIX}")) if _is_list(file)), None)
    return path if path.name.endswith(_SUFFIX) and _is_list(path) else None


def read(path: Path) -> Capture:
    """Read a _par.txt.

    Raises:
        CaptureError: If it is damaged.
        CameraError: If a camera makes no sense.
        PictureError: If the pictures are missing, or one cannot be read: their sizes are not in the file.
    """
    lines = [line.split() for line in read_text(path).splitlines() if line.strip()]
    try:
        count = int(lines[0][0]) if lines and len(lines[0]) == 1 else -1
        names = [" ".join(words[:-_NUMBERS]) for words in lines[1:]]
        numbers = [np.array([float(word) for word in words[-_NUMBERS:]]) for words in lines[1:]]
    except ValueError:
        raise CaptureError(f"{path} is damaged; a line holds what is no number.") from None
    if count != len(names) or not all(names):
        raise CaptureError(
            f"{path} is damaged; its first line must be the number of the lines that follow, and each of these a name "
            f"and {_NUMBERS} numbers."
        )
    shots = [
        Shot(name, partial(_camera, values, image))
        for name, values, image in zip(names, numbers, find_pictures(path.parent, names), strict=True)
    ]
    views, skipped = views_of(shots, path)
    return Capture(views, format=FORMAT, path=path, skipped=skipped)


def _is_list(path: Path) -> bool:
    lines = head(path).splitlines()
    return len(lines) > 1 and lines[0].strip().isdigit() and len(lines[1].split()) > _NUMBERS


def _camera(values: NDArray[np.float64], image: Path) -> Camera:
    fx, fy, cx, cy = pinhole(values[:9].reshape(3, 3))
    pose = np.column_stack([values[9:18].reshape(3, 3), values[18:]])
    return Camera(*picture_size(image, f"picture '{image.name}'"), fx, fy, cx + 0.5, cy + 0.5, pose)
