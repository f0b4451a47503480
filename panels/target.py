"""The target: the camera whose picture is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from ..scene import checks, coverage
from ..scene.names import Operators, Panels
from ..scene.properties import of_scene
from .common import SidebarPanel, problem, sentence

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import IconItems

# The colours of :data:`inference.coverage.COLOURS`, as near as Blender's icons come to them.
LEGEND: tuple[tuple[IconItems, str], ...] = (
    ("COLORSET_01_VEC", "no source"),
    ("COLORSET_02_VEC", "one source"),
    ("COLORSET_09_VEC", "two sources"),
    ("COLORSET_04_VEC", "three or more"),
)


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
        if settings.capture is not None:
            layout.operator(Operators.SHOW_COVERAGE, icon="OVERLAY")
            _draw_coverage(layout, context)


def _draw_coverage(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Explain the colours of the coverage that is shown behind the target."""
    found = coverage.shown(context.scene)
    if not found:
        return
    column = layout.column(align=True)
    for (icon, words), share in zip(LEGEND, found["shares"], strict=True):
        column.label(text=f"{share:.0%} seen by {words}", icon=icon)
    sentence(layout, context, found["sentence"], "INFO")


CLASSES = (TargetPanel,)
