"""How the cameras were found, and how well they fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from ..scene.calibration import Check, check_of, in_words
from ..scene.checks import Problem, backend_problem
from ..scene.names import Operators, Panels
from ..scene.properties import of_camera, of_collection, of_scene
from .common import SidebarPanel, problem, sentence

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import IconItems

# So many of the worst cameras have a line.
_WORST = 6
_ICONS: dict[str, IconItems] = {"good": "CHECKMARK", "fair": "CHECKMARK", "bad": "ERROR", "unknown": "QUESTION"}


class CalibrationPanel(SidebarPanel, bpy.types.Panel):  # type: ignore[misc]
    """Calibrate, check."""

    bl_idname = Panels.CALIBRATION
    bl_label = "Calibration"
    bl_parent_id = Panels.CAPTURE
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        column = layout.column()
        column.enabled = backend_problem() is None
        column.operator(Operators.CALIBRATE_PHOTOGRAPHS, icon="CAMERA_DATA")
        capture = of_scene(context.scene).capture
        if capture is None:
            return
        column.operator(Operators.CHECK_CALIBRATION, icon="VIEWZOOM")
        check = check_of(capture)
        if check is not None:
            _draw_check(layout, context, capture, check)


def _draw_check(
    layout: bpy.types.UILayout, context: bpy.types.Context, capture: bpy.types.Collection, check: Check
) -> None:
    """Show what the last check has found."""
    sentence(layout, context, in_words(check), "ERROR" if check.bad or check.diagnoses else "CHECKMARK")
    for diagnosis in check.diagnoses:
        problem(layout, context, Problem(diagnosis))
    column = layout.column(align=True)
    for name in list(check.cameras)[:_WORST]:
        _draw_camera(column, capture, name, check)
    if check.bad:
        layout.operator(Operators.DISABLE_BAD_CAMERAS)
    layout.prop(of_collection(capture), "show_matches")


def _draw_camera(layout: bpy.types.UILayout, capture: bpy.types.Collection, name: str, check: Check) -> None:
    """Show one camera: its switch, its error, and the way to look through it."""
    obj: bpy.types.Object | None = capture.all_objects.get(name)
    camera = check.cameras[name]
    if obj is None or not isinstance(obj.data, bpy.types.Camera):
        return
    row = layout.row(align=True)
    row.prop(of_camera(obj.data), "enabled", text="")
    split = row.split(factor=0.6)
    split.label(text=name, icon=_ICONS[camera["verdict"]])
    split.label(text="?" if camera["epipolar"] is None else f"{camera['epipolar']:.2f} px")
    row.operator(Operators.LOOK_THROUGH_SOURCE, text="", icon="HIDE_OFF", emboss=False).camera = name


CLASSES = (CalibrationPanel,)
