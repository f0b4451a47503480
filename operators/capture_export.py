"""Captures for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy.props import BoolProperty, StringProperty

from ..inference.errors import SightlineError
from ..scene.exporting import export_capture
from ..scene.gathering import capture_of, stage_of
from ..scene.job import Job
from ..scene.names import Operators
from ..scene.properties import of_scene
from .into_folder import IntoFolder
from .modal import AskingJobOperator, Outcome


class ExportOperator(AskingJobOperator):
    """Writes the capture as it stands in the scene."""

    kind = ""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if of_scene(context.scene).capture is None:
            cls.poll_message_set("There is no capture in this scene")  # type: ignore[attr-defined]
            return False
        return super().poll(context)

    def job_for(self, context: bpy.types.Context, path: str) -> Job:
        """Return the job that writes to a path.

        Raises:
            SightlineError: If it is empty, or there is no capture.
        """
        if not path:
            raise SightlineError("No place is named; choose where to write the capture.")
        stage, capture = stage_of(context, with_target=False), capture_of(context.scene)
        out = Path(bpy.path.abspath(path)).absolute()
        return Job("Exporting the capture", lambda job: export_capture(job, stage, capture, out, self.kind))


class ExportTransforms(ExportOperator, bpy.types.Operator):
    """Write the capture as transforms.json."""

    bl_idname = Operators.EXPORT_TRANSFORMS
    bl_label = "Export as transforms.json"
    bl_description = (
        "Write the capture's cameras, where they are in the scene, as a transforms.json in the form of nerfstudio. "
        "Pictures from elsewhere are copied into a folder beside it; cameras that are switched off are left out"
    )
    kind = "transforms"

    if TYPE_CHECKING:
        filepath: str
        filter_glob: str
        check_existing: bool
    else:
        filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
        filter_glob: StringProperty(default="*.json", options={"HIDDEN"})
        check_existing: BoolProperty(default=True, options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> Outcome:
        if not self.filepath:
            self.filepath = "transforms.json"
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def check(self, context: bpy.types.Context) -> bool:
        named = bpy.path.ensure_ext(self.filepath, ".json")
        changed = named != self.filepath
        self.filepath = named
        return changed

    def job(self, context: bpy.types.Context) -> Job:
        return self.job_for(context, self.filepath)


class ExportColmap(IntoFolder, ExportOperator, bpy.types.Operator):
    """Write the capture as a COLMAP model."""

    bl_idname = Operators.EXPORT_COLMAP
    bl_label = "Export as COLMAP"
    bl_description = (
        "Write the capture's cameras, where they are in the scene, as a COLMAP model in text (sparse/0) with the "
        "pictures beside it (images), into the folder that you choose. Cameras that are switched off are left out"
    )
    kind = "colmap"

    def job(self, context: bpy.types.Context) -> Job:
        return self.job_for(context, self.directory)


CLASSES = (ExportTransforms, ExportColmap)
