"""Put a capture where it belongs, and pick the points that tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy
import numpy as np
from bpy.props import EnumProperty, FloatProperty

from ..scene.alignment import WAYS, add_marker, align, pick_points, picked_points
from ..scene.names import Operators
from .modal import Outcome
from .sentence import SentenceOperator


class AlignCapture(SentenceOperator, bpy.types.Operator):
    """Align the capture."""

    bl_idname = Operators.ALIGN_CAPTURE
    bl_label = "Align Capture"
    bl_description = "Move, turn or scale the capture, and all that was made from it, to where it belongs in the scene"
    bl_options = {"REGISTER", "UNDO"}

    if TYPE_CHECKING:
        way: str
        distance: float
    else:
        way: EnumProperty(name="Way", items=WAYS, options={"HIDDEN"})
        distance: FloatProperty(
            name="Distance",
            description="How far the two picked points are from each other",
            subtype="DISTANCE",
            min=1e-6,
            default=1.0,
        )

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        way: str = properties.way
        return next(text for name, _, text in WAYS if name == way)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> Outcome:
        if self.way != "DISTANCE":
            return self.execute(context)
        points = picked_points(context)
        if len(points) == 2:
            self.distance = float(np.linalg.norm(points[0] - points[1]))
        return context.window_manager.invoke_props_dialog(self)

    def draw(self, _context: bpy.types.Context) -> None:
        if self.way == "DISTANCE":
            self.layout.prop(self, "distance")

    def work(self, context: bpy.types.Context) -> str:
        return align(context, self.way, self.distance)


class PickPoints(SentenceOperator, bpy.types.Operator):
    """Pick points of the capture."""

    bl_idname = Operators.PICK_POINTS
    bl_label = "Pick Points"
    bl_description = (
        "Show the capture's points in Edit Mode: click one, and others with Shift. Tab ends it; aligning ends it too"
    )
    bl_options = {"REGISTER", "UNDO"}

    def work(self, context: bpy.types.Context) -> str:
        pick_points(context)
        return ""


class AddMarker(SentenceOperator, bpy.types.Operator):
    """Add a marker at the 3D cursor."""

    bl_idname = Operators.ADD_MARKER
    bl_label = "Add Marker"
    bl_description = (
        "Add an empty at the 3D cursor that moves with the capture: the points to align by where the capture has none "
        "of its own, in the order of their names"
    )
    bl_options = {"REGISTER", "UNDO"}

    def work(self, context: bpy.types.Context) -> str:
        return f"{add_marker(context).name} hangs on the capture now"


CLASSES = (AlignCapture, PickPoints, AddMarker)
