"""The camera of what Blender renders: the scene's, cut to the render border."""

from __future__ import annotations

import bpy
import numpy as np

from ..inference.camera import Camera
from ..inference.errors import CameraError, TargetError
from .cameras import target_camera


def render_camera(scene: bpy.types.Scene, obj: bpy.types.Object | None, depsgraph: bpy.types.Depsgraph) -> Camera:
    """Return the camera of the pixels that rendering ``scene`` through ``obj`` makes.

    Raises:
        TargetError: If there is no camera, or the scene renders in stereo.
        CameraError: If the camera cannot be used, or the border holds no pixel.
    """
    if scene.render.use_multiview:
        raise TargetError("Sightline renders no stereo pictures; switch off Stereoscopy in the Output properties.")
    if obj is None:
        raise TargetError("The scene has no camera to render; choose one in the Scene properties.")
    return _bordered(target_camera(scene, obj, depsgraph), scene.render)


def _bordered(camera: Camera, render: bpy.types.RenderSettings) -> Camera:
    """Return the camera of what a render border leaves of ``camera``'s picture, exactly as Blender cuts it.

    Whether Blender crops to the border or puts it into a picture of full size, it renders no more than this.
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
