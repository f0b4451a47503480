"""Where the capture stands: closed until somebody wants it elsewhere."""

from __future__ import annotations

import bpy

from ..scene.alignment import picked_points
from ..scene.names import Operators, Panels
from ..scene.properties import of_collection, of_scene
from ..scene.words import counted
from .common import SidebarPanel, sentence


class AlignmentPanel(SidebarPanel, bpy.types.Panel):  # type: ignore[misc]
    """Align the capture."""

    bl_idname = Panels.ALIGNMENT
    bl_label = "Alignment"
    bl_parent_id = Panels.CAPTURE
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return of_scene(context.scene).capture is not None

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        row = layout.row(align=True)
        row.operator(Operators.ALIGN_CAPTURE, text="Upright", icon="ORIENTATION_GLOBAL").way = "UPRIGHT"
        row.operator(Operators.ALIGN_CAPTURE, text="On the Ground", icon="AXIS_TOP").way = "GROUND"
        capture = of_scene(context.scene).capture
        row = layout.row(align=True)
        if of_collection(capture).points is not None:
            row.operator(Operators.PICK_POINTS, icon="VERTEXSEL")
        row.operator(Operators.ADD_MARKER, icon="EMPTY_AXIS")
        number = len(picked_points(context))
        sentence(layout, context, f"{counted(number, 'point')} picked" if number else "No points are picked")
        row = layout.row(align=True)
        for way, text, needed in (("POINTS", "Three Points", 3), ("DISTANCE", "Distance", 2)):
            button = row.row(align=True)
            button.enabled = number == needed
            button.operator(Operators.ALIGN_CAPTURE, text=text).way = way


CLASSES = (AlignmentPanel,)
