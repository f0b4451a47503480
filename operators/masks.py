"""Masks of the sources."""

from __future__ import annotations

import bpy

from ..scene.job import Job
from ..scene.mask_preview import active_source, copy_to_all, key_from_border, order, preview
from ..scene.names import Operators
from .modal import JobOperator, Outcome
from .result import show_image


class PreviewMask(JobOperator, bpy.types.Operator):
    """Show what the active source's mask leaves of its photograph."""

    bl_idname = Operators.PREVIEW_MASK
    bl_label = "Preview Mask"
    bl_description = (
        "Show the subject of the active source over a checkerboard, as the methods for people see it, in the open "
        "Image Editor or in a new window where there is none; and say what is wrong with the mask"
    )
    bl_options = {"UNDO"}

    def job(self, context: bpy.types.Context) -> Job:
        asked = order(context)
        return Job("Previewing a mask", lambda job: preview(job, asked))

    def _finish(self, job: Job) -> Outcome:
        show_image(bpy.data.images[job.facts["image"]])
        return super()._finish(job)


class KeyFromBorder(JobOperator, bpy.types.Operator):
    """Find the key colour in the photograph."""

    bl_idname = Operators.KEY_FROM_BORDER
    bl_label = "Key from Border"
    bl_description = "Take as the key the strong colour that the top and the sides of the photograph show most"
    bl_options = {"UNDO"}

    def job(self, context: bpy.types.Context) -> Job:
        asked = order(context)
        return Job("Looking for the key colour", lambda job: key_from_border(job, asked))


class CopyMask(bpy.types.Operator):
    """Give all sources the mask's settings."""

    bl_idname = Operators.COPY_MASK
    bl_label = "Copy to All Sources"
    bl_description = (
        "Give all cameras of the capture the active one's kind of mask, key colour, tolerance and threshold. Mask "
        "images and clean plates stay each camera's own"
    )
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return active_source(context.scene) is not None

    def execute(self, context: bpy.types.Context) -> Outcome:
        self.report({"INFO"}, f"{copy_to_all(context.scene)} other cameras have these settings now")
        return {"FINISHED"}


CLASSES = (PreviewMask, KeyFromBorder, CopyMask)
