"""Export Farm Job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy.props import BoolProperty, StringProperty

from ..inference.errors import SightlineError
from ..scene.farm_job import export, obstacle, order
from ..scene.job import Job
from ..scene.names import Operators
from .modal import AskingJobOperator, Outcome


class ExportFarmJob(AskingJobOperator, bpy.types.Operator):
    """Write the frame range as a job for a render farm."""

    bl_idname = Operators.EXPORT_FARM_JOB
    bl_label = "Export Farm Job"
    bl_description = (
        "Write a job for farms that take Open Job Description, such as AWS Deadline Cloud, into a new folder in the "
        "one that you choose: a copy of the scene, its frames in tasks, and what a machine needs for them. The "
        "first and the last one are made before, to measure that"
    )

    if TYPE_CHECKING:
        directory: str
        filter_folder: bool
    else:
        directory: StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE"})
        filter_folder: BoolProperty(default=True, options={"HIDDEN"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if found := obstacle(context):
            cls.poll_message_set(found)
            return False
        return super().poll(context)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> Outcome:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def job(self, context: bpy.types.Context) -> Job:
        if not self.directory:
            raise SightlineError("No folder is named; choose where to write the job.")
        asked = order(context, Path(bpy.path.abspath(self.directory)).absolute())
        return Job("Exporting a farm job", lambda job: export(job, asked))


CLASSES = (ExportFarmJob,)
