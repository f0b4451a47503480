"""A capture that is disabled, whose moving cameras Blender leaves where they were.

The scene's property for the capture has Blender evaluate the cameras whatever hides them, but for this one switch: a
collection that is itself disabled in renders is not evaluated there, nor in viewports.
"""

from __future__ import annotations

import bpy

from .properties import of_scene
from .sources import cameras_in


def sentence(scene: bpy.types.Scene, *, render: bool) -> str:
    """Return that a scene's sources may stand where they stood at another frame, as a sentence; empty where not.

    Args:
        scene: Whose capture it is.
        render: Whether renders count, or viewports.
    """
    capture = of_scene(scene).capture
    if capture is None or not (capture.hide_render if render else capture.hide_viewport):
        return ""
    if not any(_may_move(camera) for camera in cameras_in(capture)):
        return ""
    where = "renders" if render else "viewports"
    return (
        f"The capture '{capture.name}' is disabled in {where}, so Blender leaves its moving cameras where they stood "
        "at another frame."
    )


def enable(capture: bpy.types.Collection) -> None:
    """Enable a capture in viewports and renders."""
    capture.hide_viewport = capture.hide_render = False


def _may_move(obj: bpy.types.Object) -> bool:
    """Whether something may place or change a camera anew at each frame."""
    animated = obj.animation_data is not None or (obj.data is not None and obj.data.animation_data is not None)
    return animated or len(obj.constraints) > 0 or (obj.parent is not None and _may_move(obj.parent))
