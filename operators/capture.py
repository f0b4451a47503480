"""Captures: import one, make one of what is in the scene, look at what is known of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy.props import BoolProperty, IntProperty, StringProperty

from ..inference.errors import SightlineError
from ..scene import attaching, movie_clips
from ..scene.capture_report import left_out
from ..scene.captures import ENDINGS, camera_collection, import_capture
from ..scene.handles import Handle
from ..scene.job import Job
from ..scene.names import Operators, Panels
from ..scene.properties import of_camera, of_scene
from ..scene.sources import cameras_in
from .modal import AskingJobOperator, Outcome
from .sentence import SentenceOperator

# What a popup has room for.
_MOST_LINES = 25


class ImportCapture(AskingJobOperator, bpy.types.Operator):
    """Bring in calibrated photographs."""

    bl_idname = Operators.IMPORT_CAPTURE
    bl_label = "Import Capture"
    bl_description = (
        "Read the calibration of photographs, of whichever program it is: choose its file or its folder. Every "
        "photograph becomes a camera, with the photograph behind; lens distortion is removed on the way"
    )
    bl_options = {"UNDO"}

    if TYPE_CHECKING:
        filepath: str
        filter_glob: str
    else:
        filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
        filter_glob: StringProperty(default=";".join(f"*{ending}" for ending in ENDINGS), options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> Outcome:
        if not self.filepath:
            context.window_manager.fileselect_add(self)
            return {"RUNNING_MODAL"}
        return super().invoke(context, event)

    def job(self, context: bpy.types.Context) -> Job:
        if not self.filepath:
            raise SightlineError("No capture is named; choose the file of a calibration or its folder.")
        path = Path(bpy.path.abspath(self.filepath))
        scene = Handle.to(context.scene, "scenes")
        return Job("Importing a capture", lambda job: import_capture(job, scene, path))


class DropCapture(bpy.types.FileHandler):
    """Import a calibration that is dropped into the 3D view."""

    bl_idname = Panels.CAPTURE_DROP
    bl_label = "Sightline Capture"
    bl_import_operator = Operators.IMPORT_CAPTURE
    bl_file_extensions = ";".join(ENDINGS)

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        return context.area is not None and context.area.type == "VIEW_3D"


class CaptureFromCollection(SentenceOperator, bpy.types.Operator):
    """Use the active collection as the capture."""

    bl_idname = Operators.CAPTURE_FROM_COLLECTION
    bl_label = "Use Active Collection"
    bl_description = (
        "Use the collection that is active in the Outliner as the capture. Its cameras need their photographs as "
        "background images, as photogrammetry importers leave them"
    )
    bl_options = {"REGISTER", "UNDO"}

    def work(self, context: bpy.types.Context) -> str:
        of_scene(context.scene).capture = camera_collection(context)
        return ""


class CaptureFromClip(AskingJobOperator, bpy.types.Operator):
    """Make a capture of a movie clip whose camera motion is solved."""

    bl_idname = Operators.CAPTURE_FROM_CLIP
    bl_label = "Cameras from Movie Clip"
    bl_description = (
        "Make source cameras of frames of a movie clip whose camera motion is solved, where the Camera Solver "
        "constraint has the camera. Lens distortion is removed from the frames where there is any"
    )
    bl_options = {"UNDO"}

    if TYPE_CHECKING:
        clip: str
        step: int
    else:
        clip: StringProperty(name="Clip", description="A movie clip that is tracked and solved", options={"SKIP_SAVE"})
        step: IntProperty(
            name="Every",
            description="Which of the solved frames are taken: 1 is all, 10 is every tenth",
            min=1,
            options={"SKIP_SAVE"},
        )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> Outcome:
        try:
            clip = movie_clips.chosen_clip(self.clip or self._active(context))
        except SightlineError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.clip, self.step = clip.name, movie_clips.usual_step(clip)
        return context.window_manager.invoke_props_dialog(self, title=self.bl_label, confirm_text="Add Cameras")

    def draw(self, context: bpy.types.Context) -> None:
        column = self.layout.column()
        column.use_property_split = True
        column.prop_search(self, "clip", bpy.data, "movieclips", icon="SEQUENCE")
        column.prop(self, "step")

    def job(self, context: bpy.types.Context) -> Job:
        clip = movie_clips.chosen_clip(self.clip)
        step = self.step if self.properties.is_property_set("step") else movie_clips.usual_step(clip)
        scene, handle = Handle.to(context.scene, "scenes"), Handle.to(clip, "movieclips")
        return Job("Adding the clip's cameras", lambda job: movie_clips.import_clip(job, scene, handle, step))

    def _active(self, context: bpy.types.Context) -> str:
        """Return the scene's own clip where it is solved."""
        clip = context.scene.active_clip
        return clip.name if clip is not None and clip in movie_clips.solved_clips() else ""


class AttachPictures(bpy.types.Operator):
    """Put pictures behind the cameras that are called like them."""

    bl_idname = Operators.ATTACH_PICTURES
    bl_label = "Attach Pictures"
    bl_description = (
        "Put the pictures of a folder behind the cameras of the active collection (the selected ones, if any are) that "
        "are called like them, and use those as the capture: for cameras from FBX, Alembic, USD or other importers"
    )
    bl_options = {"REGISTER", "UNDO"}

    if TYPE_CHECKING:
        directory: str
        filter_folder: bool
        filter_image: bool
    else:
        directory: StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE"})
        filter_folder: BoolProperty(default=True, options={"HIDDEN"})
        filter_image: BoolProperty(default=True, options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> Outcome:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> Outcome:
        try:
            if not self.directory:
                raise SightlineError("No folder is named; choose the one that the pictures lie in.")
            attached = attaching.attach_pictures(context, Path(bpy.path.abspath(self.directory)))
        except SightlineError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        complete = not attached.cameras and not attached.pictures
        self.report({"INFO" if complete else "WARNING"}, attached.sentence)
        return {"FINISHED"}


class CaptureDetails(bpy.types.Operator):
    """Show which cameras of the calibration were left out, and why."""

    bl_idname = Operators.CAPTURE_DETAILS
    bl_label = "Skipped Cameras"
    bl_description = "Show which cameras of the calibration were left out, and why"
    bl_options = {"INTERNAL"}

    @classmethod
    def description(cls, context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        return "\n".join(cls._lines(context))

    @classmethod
    def _lines(cls, context: bpy.types.Context) -> list[str]:
        capture = of_scene(context.scene).capture
        lines = [] if capture is None else left_out(capture)
        return lines if len(lines) <= _MOST_LINES else [*lines[:_MOST_LINES], f"and {len(lines) - _MOST_LINES} more"]

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> Outcome:
        return context.window_manager.invoke_popup(self, width=500)

    def draw(self, context: bpy.types.Context) -> None:
        self.layout.label(text=self.bl_label)
        column = self.layout.column(align=True)
        for line in self._lines(context):
            column.label(text=line)

    def execute(self, context: bpy.types.Context) -> Outcome:
        for line in self._lines(context):
            self.report({"INFO"}, line)
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


CLASSES = (
    ImportCapture,
    DropCapture,
    CaptureFromCollection,
    CaptureFromClip,
    AttachPictures,
    CaptureDetails,
    ToggleSources,
)
