"""Synthesize Animation."""

from __future__ import annotations

import bpy

from ..scene.animation import order, synthesize
from ..scene.job import Job
from ..scene.names import Operators
from .modal import JobOperator


class SynthesizeAnimation(JobOperator, bpy.types.Operator):
    """Make the pictures that the target camera would have taken along its path."""

    bl_idname = Operators.SYNTHESIZE_ANIMATION
    bl_label = "Synthesize Animation"
    bl_description = (
        "Make the target camera's picture at every frame of the scene's frame range, as files beside the other "
        "results, and put them behind the camera's view. Frames that are there and still right are left as they are"
    )
    bl_options = {"UNDO"}

    def job(self, context: bpy.types.Context) -> Job:
        asked = order(context)
        return Job("Synthesizing an animation", lambda job: synthesize(job, asked))


CLASSES = (SynthesizeAnimation,)
