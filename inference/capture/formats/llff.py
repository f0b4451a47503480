"""LLFF: ``poses_bounds.npy``, beside a folder ``images``.

A row of 17 numbers for every picture, in the order of their names: a matrix of 3 x 5, row by row, and the nearest and
farthest depth. The matrix is camera-to-world with the axes down, right, backward, the centre of the camera, and height,
width and focal length in pixels. The principal point is the middle of the picture. Pictures may be there in a smaller
size alone (``images_2``, ``images_4``, ``images_8``); the numbers are those of the large ones.

Sure, from LLFF's documentation. Which picture a row belongs to is said by the order alone.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...camera import Camera
from ...errors import CameraError, CaptureError, PictureError
from ...view import Capture, View
from ..calibration_files import head
from ..located import pictures_in
from ..names import unique_names
from ..numpy_files import read_npy

FORMAT = "LLFF"
ACCEPTS = "a poses_bounds.npy"

_NAME = "poses_bounds.npy"
_FOLDERS = ("images", "images_2", "images_4", "images_8")
_ROWS = re.compile(rb"'shape':\s*\(\d+,\s*17\)")


def find(path: Path) -> Path | None:
    """Return a poses_bounds.npy: the file, or the one in a folder, or ``None``."""
    file = path / _NAME if path.is_dir() else path
    start = head(file)
    return file if start.startswith(b"\x93NUMPY") and _ROWS.search(start) else None


def read(path: Path) -> Capture:
    """Read a poses_bounds.npy.

    Returns:
        The capture, with the depth range over all pictures, and with masks where a folder ``masks`` has one of the name
        of every picture.

    Raises:
        CaptureError: If the file is damaged, or there are not as many pictures as rows.
        CameraError: If a camera makes no sense.
        PictureError: If there are no pictures.
    """
    rows = read_npy(path)
    if rows.ndim != 2 or rows.shape[1] != 17 or not len(rows):
        raise CaptureError(f"{path} has the shape {rows.shape}; it must have 17 numbers for every picture.")
    images = _pictures(path.parent, len(rows))
    masks = {mask.stem: mask for mask in pictures_in(path.parent / "masks")}
    masked = all(image.stem in masks for image in images)
    views = []
    for row, image, name in zip(rows, images, unique_names(images), strict=True):
        try:
            views.append(View(name, _camera(row[:15].reshape(3, 5)), image, masks[image.stem] if masked else None))
        except CameraError as error:
            raise CameraError(f"The camera of '{name}' in {path} cannot be used: {error}") from None
    near, far = rows[:, 15].min(), rows[:, 16].max()
    try:
        return Capture(tuple(views), depth_near=near, depth_far=far, format=FORMAT, path=path)
    except CaptureError as error:
        raise CaptureError(f"{path} cannot be used: {error}") from None


def _pictures(folder: Path, count: int) -> list[Path]:
    """Return the pictures of the largest size of which there are as many as rows."""
    sizes = [(name, pictures_in(folder / name)) for name in _FOLDERS]
    there = [(name, pictures) for name, pictures in sizes if pictures]
    if not there:
        raise PictureError(f"{folder} has no pictures in a folder 'images'; put them there, in the order of the rows.")
    for _, pictures in there:
        if len(pictures) == count:
            return pictures
    name, pictures = there[0]
    raise CaptureError(
        f"{folder / name} has {len(pictures)} pictures, but {folder / _NAME} has {count} rows, which belong to them by "
        "their order alone; put in those that are missing, or take out those that it was not written for."
    )


def _camera(matrix: NDArray[np.float64]) -> Camera:
    down, right, backward, centre, (height, width, focal) = matrix.T
    rotation = np.stack([right, down, -backward])
    # Numbers that are no place in a scene end as infinite, which the camera says.
    with np.errstate(over="ignore", invalid="ignore"):
        translation = -rotation @ centre
    return Camera(
        width=width,
        height=height,
        fx=focal,
        fy=focal,
        cx=width / 2,
        cy=height / 2,
        world_to_camera=np.column_stack([rotation, translation]),
    )
