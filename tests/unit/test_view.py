from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference.camera import Camera
from inference.errors import CaptureError, PictureError
from inference.view import Capture, View

CAMERA = Camera(8, 6, 10.0, 10.0, 4.0, 3.0, np.eye(4))
PICTURE = np.zeros((6, 8, 3), dtype=np.float32)


@pytest.mark.parametrize(
    "image",
    [
        PICTURE.astype(np.float64),
        PICTURE[..., 0],
        np.zeros((6, 8, 4), np.float32),
        np.zeros((8, 6, 3), np.float32),
        "a.png",
    ],
)
def test_arrays_that_do_not_fit_are_refused(image: Any) -> None:
    with pytest.raises(PictureError, match="'one'"):
        View("one", CAMERA, image)


def test_masks_are_checked_too() -> None:
    with pytest.raises(PictureError, match="mask of 'one'"):
        View("one", CAMERA, PICTURE, np.zeros((3, 3), np.float32))


def test_a_view_needs_a_name() -> None:
    with pytest.raises(CaptureError, match="no name"):
        View("", CAMERA, PICTURE)


def test_array_pictures_have_no_record() -> None:
    with pytest.raises(PictureError, match="not a file"):
        View("one", CAMERA, PICTURE).to_json()


def test_a_capture_comes_back_from_json() -> None:
    views = (View("a", CAMERA, Path("a.png"), Path("m.png")), View("b", CAMERA, Path("b.png")))
    capture = Capture(views, np.array([[1.0, 2.0, 3.0]]), 1.5, 9.0, "COLMAP", Path("here"))
    back = Capture.from_json(json.loads(json.dumps(capture.to_json())))
    assert [view.to_json() for view in back] == [view.to_json() for view in capture]
    assert back.points is not None and back.points.tolist() == [[1.0, 2.0, 3.0]]
    assert (back.depth_near, back.depth_far, back.format, back.path) == (1.5, 9.0, "COLMAP", Path("here"))


@pytest.mark.parametrize(
    ("near", "far"), [(1.0, None), (2.0, 1.0), (0.0, 1.0), (1.0, float("inf")), (float("nan"), 2.0)]
)
def test_impossible_depth_ranges_are_refused(near: float | None, far: float | None) -> None:
    with pytest.raises(CaptureError, match="depth range"):
        Capture((View("a", CAMERA, PICTURE),), depth_near=near, depth_far=far)


def test_names_are_unique_and_looked_up() -> None:
    capture = Capture((View("a", CAMERA, PICTURE), View("b", CAMERA, PICTURE)))
    assert capture["b"].name == "b"
    assert [view.name for view in capture.without({"a"})] == ["b"]
    with pytest.raises(CaptureError, match="no view named 'c'"):
        capture["c"]
    with pytest.raises(CaptureError, match="Two views are named 'a'"):
        Capture((View("a", CAMERA, PICTURE), View("a", CAMERA, PICTURE)))
    with pytest.raises(CaptureError, match="no views"):
        capture.without({"a", "b"})


def test_points_that_are_not_finite_are_dropped() -> None:
    capture = Capture((View("a", CAMERA, PICTURE),), np.array([[0.0, 0.0, 1.0], [np.nan, 0.0, 1.0]]))
    assert capture.points is not None and len(capture.points) == 1
