"""Captures far from the origin, as maps have them: Blender's numbers have seven digits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..camera import Array, Camera
from ..view import Capture

# So many times the cameras' distance from their middle may that be away from the origin: single precision is then off
# by 6e-8 of the one, which is 6e-6 of the other.
FARTHEST = 100.0


def recentred(capture: Capture) -> tuple[Capture, Array | None]:
    """Return a capture at the origin, and where it was.

    Returns:
        The capture itself and ``None`` where that is near enough; else (3,) round numbers, which were subtracted from
        all coordinates.
    """
    centres = np.stack([view.camera.centre for view in capture])
    middle = np.median(centres, axis=0)
    extent = max(float(np.linalg.norm(centres - middle, axis=1).max()), capture.depth_far or 0.0)
    if np.linalg.norm(middle) <= FARTHEST * extent or not extent:
        return capture, None
    # A power of ten that is small beside the capture, so that the numbers can be read and typed.
    step = 10.0 ** np.floor(np.log10(extent))
    shift = np.round(middle / step) * step
    views = tuple(replace(view, camera=_shifted(view.camera, shift)) for view in capture)
    points = None if capture.points is None else capture.points - shift
    return replace(capture, views=views, points=points), shift


def _shifted(camera: Camera, shift: Array) -> Camera:
    matrix = camera.world_to_camera.copy()
    matrix[:3, 3] = -camera.rotation @ (camera.centre - shift)
    return replace(camera, world_to_camera=matrix)
