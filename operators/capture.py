"""Captures: import one, or call a collection one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy.props import StringProperty

from ..inference.errors import SightlineError
from ..scene.captures import camera_collection, import_capture
from ..scene.handles import Handle
from ..scene.job import Job
from ..scene.names import Operators
from ..scene.properties import of_camera, of_scene
from ..scene.sources import cameras_in
from .modal import JobOperator, Outcome


class ImportCapture(JobOperator, bpy.types.Operator):
    """Bring in calibrated photographs: a COLMAP model, or a transforms.json."""

    bl_idname = Operators.IMPORT_CAPTURE
    bl_label = "Import Capture"
    bl_description = (
        "Read calibrated photographs (a COLMAP model's folder or a transforms.json) and add a camera for each, with "
        "its photograph behind. Lens distortion is removed from the photographs where there is any"
    )
    bl_options = {"UNDO"}

    if TYPE_CHECKING:
        filepath: str
        filter_glob: str
    else:
        filepath: StringProperty(subtype="FILE_PATH")
        filter_glob: StringProperty(default="*.json;*.bin;*.txt", options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> Outcome:
        if not self.filepath:
            context.window_manager.fileselect_add(self)
            return {"RUNNING_MODAL"}
        return super().invoke(context, event)

    def execute(self, context: bpy.types.Context) -> Outcome:
        # The file browser ends with execute, in a window.
        if self.options.is_invoke and context.window is not None and not bpy.app.background:
            return self.begin(context)
        return super().execute(context)

    def job(self, context: bpy.types.Context) -> Job:
        if not self.filepath:
            raise SightlineError("No capture is named; choose a COLMAP folder or a transforms.json.")
        path = Path(bpy.path.abspath(self.filepath))
        scene = Handle.to(context.scene, "scenes")
        return Job("Importing a capture", lambda job: import_capture(job, scene, path))


class CaptureFromCollection(bpy.types.Operator):
    """Use the active collection as the capture."""

    bl_idname = Operators.CAPTURE_FROM_COLLECTION
    bl_label = "Use Active Collection"
    bl_description = (
        "Use the collection that is active in the Outliner as the capture. Its cameras need their photographs as "
        "background images, as photogrammetry importers leave them"
    )
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> Outcome:
        try:
            of_scene(context.scene).capture = camera_collection(context)
        except SightlineError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class ToggleSources(bpy.types.Operator):
    """Switch all sources on; if all are on, switch them off."""

    bl_idname = Operators.TOGGLE_SOURCES
    bl_label = "All Sources On/Off"
    bl_description = "Switch all sources on; if all are on already, switch them all off"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return of_scene(context.scene).capture is not None

    def execute(self, context: bpy.types.Context) -> Outcome:
        capture = of_scene(context.scene).capture
        assert capture is not None
        settings = [of_camera(obj.data) for obj in cameras_in(capture) if isinstance(obj.data, bpy.types.Camera)]
        wanted = not all(one.enabled for one in settings)
        for one in settings:
            one.enabled = wanted
        return {"FINISHED"}


CLASSES = (ImportCapture, CaptureFromCollection, ToggleSources)
