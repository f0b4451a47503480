"""Gaussians: from files and to files, and how the active ones show."""

from __future__ import annotations

import bpy

from ..scene import gaussian_checks
from ..scene.gaussian_display import SHARE, SIZE, control, display_of
from ..scene.gaussians import count_of, is_gaussians
from ..scene.names import Operators, Panels
from ..scene.properties import of_object
from .common import SidebarPanel, problem, sentence


class GaussiansPanel(SidebarPanel, bpy.types.Panel):  # type: ignore[misc]
    """Bring in Gaussians, write them out, and say how many show."""

    bl_idname = Panels.GAUSSIANS
    bl_label = "Gaussians"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 - as Blender wants it

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        row = layout.row(align=True)
        row.operator(Operators.IMPORT_GAUSSIANS, text="Import", icon="IMPORT")
        row.operator(Operators.EXPORT_GAUSSIANS, text="Export", icon="EXPORT")
        obj = context.active_object
        if not is_gaussians(obj):
            return
        layout.label(text=f"{obj.name}: {count_of(obj):,}", icon="POINTCLOUD_DATA")
        display = display_of(obj)
        if display is not None:
            column = layout.column(align=True)
            for name in (SHARE, SIZE):
                owner, path = control(display, name)
                column.prop(owner, path, text=name)
        settings = of_object(obj)
        layout.prop(settings, "sequence")
        if settings.sequence and settings.sequence_note:
            sentence(layout, context, settings.sequence_note, "ERROR")
        for warning in gaussian_checks.warnings(context.scene):
            problem(layout, context, warning, icon="INFO")


CLASSES = (GaussiansPanel,)
