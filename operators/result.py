"""Looking at a result."""

from __future__ import annotations

import bpy

from ..scene.names import Operators
from ..scene.results import result_of, show_in_editor
from ..scene.targets import target_of
from .modal import Outcome


class OpenResult(bpy.types.Operator):
    """Show the target camera's last result in an Image Editor."""

    bl_idname = Operators.OPEN_RESULT
    bl_label = "Open Result"
    bl_description = (
        "Show the target camera's last result in the open Image Editor, or in a new window where there is none"
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return result_of(target_of(context.scene)) is not None

    def execute(self, context: bpy.types.Context) -> Outcome:
        image = result_of(target_of(context.scene))
        if image is None:
            self.report({"ERROR"}, "This camera has no result yet; press Synthesize View.")
            return {"CANCELLED"}
        show_image(image)
        return {"FINISHED"}


class LookThrough(bpy.types.Operator):
    """Make the target the scene's camera and look through it, where its result shows."""

    bl_idname = Operators.LOOK_THROUGH
    bl_label = "Look Through Target"
    bl_description = (
        "Make the target the scene's camera, which is the one that renders, and look through it in this 3D view: its "
        "last result shows there"
    )
    bl_options = {"UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return target_of(context.scene) is not None and isinstance(context.space_data, bpy.types.SpaceView3D)

    def execute(self, context: bpy.types.Context) -> Outcome:
        context.scene.camera = target_of(context.scene)
        view = context.space_data
        assert isinstance(view, bpy.types.SpaceView3D) and view.region_3d is not None
        view.region_3d.view_perspective = "CAMERA"
        return {"FINISHED"}


def show_image(image: bpy.types.Image) -> None:
    """Show an image in the open Image Editor, or in a new window where there is none."""
    if not show_in_editor(image) and not bpy.app.background:
        bpy.ops.wm.window_new()
        bpy.context.window_manager.windows[-1].screen.areas[0].ui_type = "IMAGE_EDITOR"
        show_in_editor(image)


CLASSES = (OpenResult, LookThrough)
