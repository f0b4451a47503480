"""What the samples of capture formats are written from, and how their cameras see: known poses, points, pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from inference.camera import Camera
from inference.capture import read_capture
from inference.capture.formats import FORMATS, transforms_json
from inference.capture.rectification import distort
from inference.errors import PictureError

WIDTH, HEIGHT = 64, 48
# In front of every camera of pose().
POINTS = np.random.default_rng(5).uniform([-1.0, -0.8, 4.0], [1.0, 0.8, 7.0], (40, 3))


def pose(index: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return rotation and translation of a world-to-camera in OpenCV axes."""
    rotation = cv2.Rodrigues(np.array([0.05 * index, 0.1 - 0.04 * index, -0.3]))[0]
    return rotation, np.array([0.1 * index, -0.05, 0.2])


def local(index: int) -> NDArray[np.float64]:
    """Return the points in the axes of a camera."""
    rotation, translation = pose(index)
    return POINTS @ rotation.T + translation


def seen(camera: Camera) -> NDArray[np.float64]:
    """Return where a camera of ours sees the points in its stored picture."""
    pixels, depth = camera.project(POINTS)
    assert (depth > 0).all()
    return distort(camera, pixels)


def save_picture(path: Path, width: int = WIDTH, height: int = HEIGHT) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((height, width, 3), 99, np.uint8))


def replaced(record: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Put a value into nested lists and objects; ``None`` takes the entry out."""
    inner = record
    for key in path[:-1]:
        inner = inner[key]
    if value is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return record


def found_by(path: Path) -> list[str]:
    """Return which formats take a path for theirs; transforms.json takes every JSON, and comes after the others."""
    return [known.FORMAT for known in FORMATS if known.find(path) is not None and known is not transforms_json]


def check_missing_pictures(calibration: Path, folder: Path) -> None:
    """Check that a sample of the views 0, 1 and 2 does without a picture, and names what is missing."""
    (folder / "1.jpg").unlink()
    capture = read_capture(calibration)
    assert [view.name for view in capture] == ["0", "2"] and "is missing" in capture.skipped["1"]
    for picture in folder.glob("*.jpg"):
        picture.unlink()
    with pytest.raises(PictureError, match=r"The 3 pictures .* are missing"):
        read_capture(calibration)
