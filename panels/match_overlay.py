"""Matched points over the photograph of a source that a 3D view looks through."""

from __future__ import annotations

import importlib
from typing import Any, cast

import bpy
import numpy as np
from numpy.typing import NDArray

from ..inference.errors import SightlineError
from ..scene.calibration import check_of, matched_points
from ..scene.cameras import source_camera, view_camera
from ..scene.pictures import photograph_of
from ..scene.placement import camera_frame
from ..scene.properties import of_collection, of_scene

# Half the size of a point's cross in pixels of the screen.
_ARM = 4.0
# Errors up to which a point is green, and yellow (pixels of the pictures as they were checked).
_GOOD, _FAIR = 1.0, 2.0
_COLOURS = np.array([[0.2, 0.9, 0.3, 1.0], [1.0, 0.85, 0.1, 1.0], [1.0, 0.2, 0.15, 1.0]], dtype=np.float32)


class _Registered:
    """What Blender wants back."""

    handle: object = None


def register() -> None:
    """Have Blender draw the matches; nothing is drawn without a window."""
    if not bpy.app.background:
        _Registered.handle = bpy.types.SpaceView3D.draw_handler_add(_draw, (), "WINDOW", "POST_PIXEL")


def unregister() -> None:
    """Take that back."""
    if _Registered.handle is not None:
        bpy.types.SpaceView3D.draw_handler_remove(_Registered.handle, "WINDOW")
        _Registered.handle = None


def places_on_screen(context: bpy.types.Context) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    """Return (N, 2) pixels of the region and (N,) errors of what is to be drawn, ``None`` where nothing is."""
    view, space = context.region_data, cast(bpy.types.SpaceView3D, context.space_data)
    capture = of_scene(context.scene).capture
    if capture is None or not of_collection(capture).show_matches or view is None or view.view_perspective != "CAMERA":
        return None
    check, camera = check_of(capture), space.camera
    if check is None or camera is None or camera.name not in check.cameras:
        return None
    data = cast(bpy.types.Camera, camera.data)
    try:
        photograph = photograph_of(data, context.scene.frame_current)
        if photograph is None:
            return None
        size = photograph.width, photograph.height
        seen = source_camera(camera, context.evaluated_depsgraph_get(), *size)
        window = view_camera(view.window_matrix, view.view_matrix, context.region.width, context.region.height)
    except SightlineError:  # the panels say what is wrong with it
        return None
    left, low, right, top = camera_frame(seen, window)
    points, errors = matched_points(check, camera.name)
    share = points / size
    across = left + share[:, 0] * (right - left)
    up = top + share[:, 1] * (low - top)
    places = (np.stack([across, up], axis=1) + 1) / 2 * (context.region.width, context.region.height)
    return places.astype(np.float32), errors.astype(np.float32)


def _draw() -> None:
    found = places_on_screen(bpy.context)
    if found is None or not len(found[0]):
        return
    places, errors = found
    gpu: Any = importlib.import_module("gpu")
    batch_for_shader = importlib.import_module("gpu_extras.batch").batch_for_shader
    arms = np.array([[-_ARM, -_ARM], [_ARM, _ARM], [-_ARM, _ARM], [_ARM, -_ARM]], dtype=np.float32)
    corners = (places[:, None] + arms).reshape(-1, 2)
    colours = np.repeat(_COLOURS[np.digitize(errors, (_GOOD, _FAIR))], len(arms), axis=0)
    shader = gpu.shader.from_builtin("FLAT_COLOR")
    content = {"pos": np.c_[corners, np.zeros(len(corners), np.float32)], "color": colours}
    gpu.state.line_width_set(1.5)
    batch_for_shader(shader, "LINES", content).draw(shader)
    gpu.state.line_width_set(1.0)
