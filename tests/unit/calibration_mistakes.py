"""Mistakes that people make with calibrations, to be put into captures that have none."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.camera import Camera
from inference.capture.stored_pictures import stored_photograph
from inference.view import Capture, View

OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])

Change = Callable[[View], View]


def shrunk(capture: Capture, which: range | list[int], side: int) -> Capture:
    """Return some views of a capture with their pictures in memory, scaled down."""
    views = []
    for index in which:
        view = capture.views[index]
        rgb, mask = stored_photograph(view)
        camera = view.camera.fitted(side)
        size = (camera.width, camera.height)
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        mask = None if mask is None else cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
        views.append(View(view.name, camera, rgb, mask))
    return Capture(tuple(views), depth_near=capture.depth_near, depth_far=capture.depth_far)


def changed(capture: Capture, change: Change, which: int | None = None) -> Capture:
    """Return a capture with a mistake in all views, or in one."""
    views = tuple(change(view) if which in (None, index) else view for index, view in enumerate(capture))
    return replace(capture, views=views)


def camera(change: Callable[[Camera], Camera]) -> Change:
    return lambda view: replace(view, camera=change(view.camera))


def pose(change: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Change:
    return camera(lambda each: replace(each, world_to_camera=change(each.world_to_camera)))


def focal(factor: float) -> Change:
    return camera(lambda each: replace(each, fx=each.fx * factor, fy=each.fy * factor))


def principal_point(change: Callable[[Camera], tuple[float, float]]) -> Change:
    return camera(lambda each: replace(each, cx=change(each)[0], cy=change(each)[1]))


def scaled_intrinsics(factor: float) -> Change:
    return camera(
        lambda each: replace(each, fx=each.fx * factor, fy=each.fy * factor, cx=each.cx * factor, cy=each.cy * factor)
    )


def turned(degrees: float, shift: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Change:
    """Turn a camera about an axis of its own, and move it along its axes."""
    motion = np.eye(4)
    motion[:3, :3] = cv2.Rodrigues(np.array([0.28, 0.94, 0.19]) * np.radians(degrees))[0]
    motion[:3, 3] = shift
    return pose(lambda each: motion @ each)


def scaled_position(factor: float) -> Change:
    def change(each: NDArray[np.float64]) -> NDArray[np.float64]:
        moved = each.copy()
        moved[:3, 3] *= factor
        return moved

    return pose(change)


def picture(quarters: int, mirrored: bool = False) -> Change:
    """Mirror a picture left to right, then rotate it counterclockwise; the camera stays as it is."""

    def turn(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.ascontiguousarray(np.rot90(pixels[:, ::-1] if mirrored else pixels, quarters))

    def change(view: View) -> View:
        # A view refuses a picture of another shape than its camera's; from files, they do meet.
        wrong = copy.copy(view)
        assert isinstance(view.image, np.ndarray)
        object.__setattr__(wrong, "image", turn(view.image))
        object.__setattr__(wrong, "mask", None if view.mask is None else turn(np.asarray(view.mask)))
        return wrong

    return change


def swapped(capture: Capture, first: int, second: int) -> Capture:
    """Exchange the pictures of two views."""
    views = list(capture.views)
    a, b = views[first], views[second]
    views[first], views[second] = replace(a, image=b.image, mask=b.mask), replace(b, image=a.image, mask=a.mask)
    return replace(capture, views=tuple(views))
