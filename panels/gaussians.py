"""Gaussians: made from photographs, rendered, from files and to files, and how the active ones show."""

from __future__ import annotations

import bpy

from ..scene import gaussian_checks
from ..scene.gaussian_display import SHARE, SIZE, control, display_of
from ..scene.gaussians import count_of, is_gaussians
from ..scene.names import Operators, Panels
from ..scene.properties import of_object, of_scene
from ..scene.results import metadata_of, summary
from .common import SidebarPanel, problem, sentence, settings_column


class GaussiansPanel(SidebarPanel, bpy.types.Panel):  # type: ignore[misc]
    """Make Gaussians, render them, bring them in, write them out, and say how many show."""

    bl_idname = Panels.GAUSSIANS
    bl_label = "Gaussians"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        settings = of_scene(context.scene)
        column = settings_column(layout)
        column.prop(settings, "gaussians_coverage")
        column.prop(settings, "gaussians_span")
        if settings.gaussians_span == "RANGE":
            column.prop(settings, "gaussians_missing")
        column = layout.column(align=True)
        column.scale_y = 1.2
        column.operator(Operators.CREATE_GAUSSIANS, icon="POINTCLOUD_DATA")
        column.operator(Operators.RENDER_GAUSSIANS, icon="RENDER_STILL")
        row = layout.row(align=True)
        row.operator(Operators.IMPORT_GAUSSIANS, text="Import", icon="IMPORT")
        row.operator(Operators.EXPORT_GAUSSIANS, text="Export", icon="EXPORT")
        obj = context.active_object
        if not is_gaussians(obj):
            return
        layout.label(text=f"{obj.name}: {count_of(obj):,}", icon="POINTCLOUD_DATA")
        made = metadata_of(obj)
        if made:
            layout.label(text=summary(made))
        display = display_of(obj)
        if display is not None:
            column = layout.column(align=True)
            for name in (SHARE, SIZE):
                owner, path = control(display, name)
                column.prop(owner, path, text=name)
            colourless = gaussian_checks.shading_problem(context.space_data)
            if colourless is not None:
                problem(layout, context, colourless, icon="INFO")
        own = of_object(obj)
        column = settings_column(layout)
        column.prop(own, "sequence")
        if own.sequence and own.sequence_note:
            sentence(layout, context, own.sequence_note, "ERROR")
        for warning in gaussian_checks.warnings(context.scene):
            problem(layout, context, warning, icon="INFO")


CLASSES = (GaussiansPanel,)
