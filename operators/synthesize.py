"""Synthesize View, and stopping it."""

from __future__ import annotations

import bpy

from ..scene.job import Job
from ..scene.names import Operators
from ..scene.synthesis import order, synthesize
from .modal import JobOperator, Outcome


class SynthesizeView(JobOperator, bpy.types.Operator):
    """Make the picture that the target camera would have taken."""

    bl_idname = Operators.SYNTHESIZE_VIEW
    bl_label = "Synthesize View"
    bl_description = (
        "Make the picture that the target camera would have taken, from the photographs of the sources around it. The "
        "picture is saved, shown in an open Image Editor, and put behind the target camera's view"
    )
    bl_options = {"UNDO"}

    def job(self, context: bpy.types.Context) -> Job:
        asked = order(context)
        return Job("Synthesizing a view", lambda job: synthesize(job, asked))


class CancelJob(bpy.types.Operator):
    """Stop what is running."""

    bl_idname = Operators.CANCEL
    bl_label = "Cancel"
    bl_description = "Stop what is running. Nothing in the scene changes"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return Job.current is not None

    def execute(self, context: bpy.types.Context) -> Outcome:
        if Job.current is not None:
            Job.current.cancel()
        return {"FINISHED"}


CLASSES = (SynthesizeView, CancelJob)
