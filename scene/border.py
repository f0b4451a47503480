"""The part of a picture that a render border cuts out, exactly as Blender cuts it."""

from __future__ import annotations

import bpy
import numpy as np

from ..inference.camera import Camera
from ..inference.errors import CameraError


def bordered(camera: Camera, render: bpy.types.RenderSettings) -> Camera:
    """Return the camera of the pixels that a render with these settings makes of ``camera``'s picture.

    Whether Blender crops to the border or puts it into a picture of full size, it renders no more than this.

    Raises:
        CameraError: If there are none.
    """
    if not render.use_border:
        return camera
    left, right = _edge(render.border_min_x, camera.width), _edge(render.border_max_x, camera.width)
    low, high = _edge(render.border_min_y, camera.height), _edge(render.border_max_y, camera.height)
    if right <= left or high <= low:
        raise CameraError("The render border holds no pixel; draw a larger one.")
    return camera.crop(left, camera.height - high, right - left, high - low)


def _edge(share: float, pixels: int) -> int:
    """Return the pixel edge at a share of a side: as Blender has it, a product in single precision, cut off."""
    return int(np.float32(share) * np.float32(pixels))
