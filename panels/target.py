"""The target: the camera whose picture is made."""

from __future__ import annotations

import bpy

from ..scene import checks
from ..scene.names import Operators, Panels
from ..scene.properties import of_scene
from .common import SidebarPanel, problem


class TargetPanel(SidebarPanel, bpy.types.Panel):  # type: ignore[misc]
    """Choose the target and see whether it fits the capture."""

    bl_idname = Panels.TARGET
    bl_label = "Target"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        settings = of_scene(context.scene)
        row = layout.row(align=True)
        row.prop(settings, "target", text="")
        row.operator(Operators.ADD_TARGET, text="", icon="ADD")
        row.operator(Operators.LOOK_THROUGH, text="", icon="VIEW_CAMERA")
        if settings.target is None and context.scene.camera is not None:
            layout.label(text=f"Scene camera: {context.scene.camera.name}", icon="CAMERA_DATA")
        wrong = checks.target_problem(context)
        if wrong is not None:
            problem(layout, context, wrong)
        for warning in checks.warnings(context):
            problem(layout, context, warning, icon="INFO")


CLASSES = (TargetPanel,)
