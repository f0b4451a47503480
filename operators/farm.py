"""Export Farm Job, and Bake for Any Blender."""

from __future__ import annotations

import bpy

from ..scene.bake_job import bake_aside
from ..scene.farm_job import export, obstacle, order
from ..scene.job import Job
from ..scene.names import Operators
from .into_folder import IntoFolder
from .modal import AskingJobOperator


class ExportFarmJob(IntoFolder, AskingJobOperator, bpy.types.Operator):
    """Write the frame range as a job for a render farm."""

    bl_idname = Operators.EXPORT_FARM_JOB
    bl_label = "Export Farm Job"
    bl_description = (
        "Write a job for farms that take Open Job Description, such as AWS Deadline Cloud, into a new folder in the "
        "one that you choose: a copy of the scene, its frames in tasks, and what a machine needs for them. The "
        "first and the last one are made before, to measure that"
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if found := obstacle(context):
            cls.poll_message_set(found)
            return False
        return super().poll(context)

    def job(self, context: bpy.types.Context) -> Job:
        asked = order(context, self.folder())
        return Job("Exporting a farm job", lambda job: export(job, asked))


class BakeFile(IntoFolder, AskingJobOperator, bpy.types.Operator):
    """Write a copy of the file that needs no Sightline."""

    bl_idname = Operators.BAKE_FILE
    bl_label = "Bake for Any Blender"
    bl_description = (
        "Make all pictures that the file's scenes need of Sightline, and write them into the folder that you choose "
        "with a copy of the file that shows them: any Blender renders it, on farms without Sightline too. A second "
        "Blender makes them; what is there and still right is not made again"
    )

    def job(self, context: bpy.types.Context) -> Job:
        folder = self.folder()
        return Job("Baking", lambda job: bake_aside(job, folder))


CLASSES = (ExportFarmJob, BakeFile)
