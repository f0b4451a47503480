"""The capture: where the photographs come from. The first panel, so it also says when the backend is missing."""

from __future__ import annotations

import bpy

from ..scene import checks
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
        layout.prop(settings, "capture", text="")
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
        known = of_collection(settings.capture)
        if known.path:
            row = layout.row()
            row.label(text=f"From {known.format}", icon="FILE")
            if known.points is not None:
                row.prop(known.points, "hide_viewport", text="Points", emboss=False)


CLASSES = (CapturePanel,)
