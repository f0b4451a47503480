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


def show_image(image: bpy.types.Image) -> None:
    """Show an image in the open Image Editor, or in a new window where there is none."""
    if not show_in_editor(image) and not bpy.app.background:
        bpy.ops.wm.window_new()
        bpy.context.window_manager.windows[-1].screen.areas[0].ui_type = "IMAGE_EDITOR"
        show_in_editor(image)


CLASSES = (OpenResult,)
