"""The capture: where the photographs come from. The first panel, so it also says when the backend is missing."""

from __future__ import annotations

import bpy

from ..scene import capture_report, checks
from ..scene.names import Operators, Panels
from ..scene.properties import of_collection, of_scene
from .common import SidebarPanel, problem, sentence


class CapturePanel(SidebarPanel, bpy.types.Panel):  # type: ignore[misc]
    """Choose or import a capture."""

    bl_idname = Panels.CAPTURE
    bl_label = "Capture"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        settings = of_scene(context.scene)
        missing = checks.backend_problem()
        if missing is not None:
            problem(layout, context, missing)
        row = layout.row(align=True)
        row.prop(settings, "capture", text="")
        more = row.row(align=True)
        more.enabled = missing is None
        more.menu(Panels.CAPTURE_MENU, text="", icon="DOWNARROW_HLT")
        if settings.capture is None:
            sentence(layout, context, "Import calibrated photographs, or use a collection of cameras that have them.")
        row = layout.row(align=True)
        importing = row.row(align=True)
        importing.enabled = missing is None
        importing.operator(Operators.IMPORT_CAPTURE, text="Import", icon="IMPORT")
        row.operator(Operators.CAPTURE_FROM_COLLECTION, text="Active Collection", icon="OUTLINER_COLLECTION")
        if settings.capture is None:
            return
        wrong = checks.capture_problem(context)
        if wrong is not None:
            problem(layout, context, wrong)
        _draw_known(layout, context, settings.capture)


class CaptureMenu(bpy.types.Menu):
    """What is wanted less often than an import."""

    bl_idname = Panels.CAPTURE_MENU
    bl_label = "Capture"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        # A dialog and file browsers come first.
        layout.operator_context = "INVOKE_DEFAULT"
        layout.operator(Operators.CAPTURE_FROM_CLIP, text="Cameras from Movie Clip...", icon="TRACKER")
        layout.operator(Operators.ATTACH_PICTURES, text="Attach Pictures to Cameras...", icon="IMAGE_DATA")
        layout.separator()
        layout.operator(Operators.EXPORT_TRANSFORMS, text="Export as transforms.json...", icon="EXPORT")
        layout.operator(Operators.EXPORT_COLMAP, text="Export as COLMAP...", icon="EXPORT")


def _draw_known(layout: bpy.types.UILayout, context: bpy.types.Context, capture: bpy.types.Collection) -> None:
    """Show what the import told of the capture."""
    known = of_collection(capture)
    if not known.format:
        return
    row = layout.row()
    row.label(text=f"From {known.format}", icon="FILE")
    if known.points is not None:
        row.prop(known.points, "hide_viewport", text="Points", emboss=False)
    row = layout.row()
    sentence(row, context, ", ".join(capture_report.lines(capture)))
    if known.left_out:
        row.operator(Operators.CAPTURE_DETAILS, text="", icon="INFO", emboss=False)
    note = capture_report.unit_note(context.scene, capture)
    if note is not None:
        sentence(layout, context, note, "INFO")


CLASSES = (CapturePanel, CaptureMenu)
