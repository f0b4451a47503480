"""Export Farm Job, and Bake for Any Blender."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy.props import BoolProperty, StringProperty

from ..inference.errors import SightlineError
from ..scene.bake_job import bake_aside
from ..scene.farm_job import export, obstacle, order
from ..scene.job import Job
from ..scene.names import Operators
from .modal import AskingJobOperator, Outcome


class _IntoFolder(AskingJobOperator):
    """A job that asks for a folder before."""

    if TYPE_CHECKING:
        directory: str
        filter_folder: bool
    else:
        directory: StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE"})
        filter_folder: BoolProperty(default=True, options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> Outcome:
        context.window_manager.fileselect_add(self)  # type: ignore[arg-type]
        return {"RUNNING_MODAL"}

    def folder(self) -> Path:
        """Return the folder that was chosen.

        Raises:
            SightlineError: If none was.
        """
        if not self.directory:
            raise SightlineError("No folder is named; choose one.")
        return Path(bpy.path.abspath(self.directory)).absolute()


class ExportFarmJob(_IntoFolder, bpy.types.Operator):
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


class BakeFile(_IntoFolder, bpy.types.Operator):
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
