"""Exposure and white balance of the sources."""

from __future__ import annotations

import bpy

from ..scene import colour_balance
from ..scene.gathering import capture_order
from ..scene.job import Job
from ..scene.names import Operators
from .modal import JobOperator, Outcome


class EvenOut(JobOperator, bpy.types.Operator):
    """Make the photographs agree."""

    bl_idname = Operators.EVEN_OUT
    bl_label = "Even Out Exposure"
    bl_description = (
        "Find a gain and an offset for each camera and channel from what neighbouring photographs show of the same "
        "points, so that exposure and white balance agree. The photographs stay as they are, and their mean brightness "
        "too; Reset takes it back"
    )
    bl_options = {"UNDO"}

    def job(self, context: bpy.types.Context) -> Job:
        asked = capture_order(context)
        return Job("Evening out exposure", lambda job: colour_balance.even_out(job, asked))


class ResetColours(bpy.types.Operator):
    """Use the photographs as they are."""

    bl_idname = Operators.RESET_COLOURS
    bl_label = "Reset Exposure"
    bl_description = "Set gain 1 and offset 0 for all cameras of the capture: the photographs are used as they are"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return colour_balance.evened_out(context.scene)

    def execute(self, context: bpy.types.Context) -> Outcome:
        self.report({"INFO"}, f"{colour_balance.reset(context.scene)} cameras use their photographs as they are")
        return {"FINISHED"}


CLASSES = (EvenOut, ResetColours)
