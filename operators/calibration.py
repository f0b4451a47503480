"""Find the cameras of photographs, and check those that are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy
from bpy.props import CollectionProperty, StringProperty

from ..inference.errors import SightlineError
from ..scene.calibration import calibrate_photographs, check_calibration, disable_bad, picture_files
from ..scene.gathering import capture_order
from ..scene.handles import Handle
from ..scene.job import Job
from ..scene.names import Operators
from ..scene.properties import of_scene
from ..scene.words import counted
from .modal import AskingJobOperator, JobOperator, Outcome
from .sentence import SentenceOperator


class CalibratePhotographs(AskingJobOperator, bpy.types.Operator):
    """Find the cameras of photographs without calibration."""

    bl_idname = Operators.CALIBRATE_PHOTOGRAPHS
    bl_label = "Calibrate Photographs"
    bl_description = (
        "Find out where photographs were taken from, by what they have in common (structure from motion), and make a "
        "capture of them: choose a folder, several pictures, a movie, or the movies of a synchronised rig"
    )
    bl_options = {"UNDO"}

    if TYPE_CHECKING:
        directory: str
        files: bpy.types.bpy_prop_collection[bpy.types.OperatorFileListElement]
        filter_folder: bool
        filter_image: bool
        filter_movie: bool
    else:
        directory: StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE"})
        files: CollectionProperty(type=bpy.types.OperatorFileListElement, options={"SKIP_SAVE", "HIDDEN"})
        filter_folder: bpy.props.BoolProperty(default=True, options={"HIDDEN"})
        filter_image: bpy.props.BoolProperty(default=True, options={"HIDDEN"})
        filter_movie: bpy.props.BoolProperty(default=True, options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> Outcome:
        if not self.directory:
            context.window_manager.fileselect_add(self)
            return {"RUNNING_MODAL"}
        return super().invoke(context, event)

    def job(self, context: bpy.types.Context) -> Job:
        if not self.directory:
            raise SightlineError("No photographs are named; choose their folder.")
        images = picture_files(self.directory, [file.name for file in self.files])
        scene = Handle.to(context.scene, "scenes")
        return Job("Calibrating photographs", lambda job: calibrate_photographs(job, scene, images))


class CheckCalibration(JobOperator, bpy.types.Operator):
    """See how well the cameras fit their photographs."""

    bl_idname = Operators.CHECK_CALIBRATION
    bl_label = "Check Calibration"
    bl_description = (
        "Match the photographs with each other and measure how well the cameras fit. Names what is wrong with a "
        "calibration (axes, focal length, principal point, turned or swapped pictures, moved cameras); ranks them"
    )
    bl_options = {"UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return of_scene(context.scene).capture is not None and super().poll(context)

    def job(self, context: bpy.types.Context) -> Job:
        asked = capture_order(context)
        return Job("Checking the calibration", lambda job: check_calibration(job, asked))


class DisableBadCameras(SentenceOperator, bpy.types.Operator):
    """Do without the cameras that do not fit."""

    bl_idname = Operators.DISABLE_BAD_CAMERAS
    bl_label = "Disable Bad Cameras"
    bl_description = "Switch off the sources whose cameras do not fit their photographs, by the last check"
    bl_options = {"REGISTER", "UNDO"}

    def work(self, context: bpy.types.Context) -> str:
        return f"{counted(disable_bad(context), 'source')} switched off"


class LookThroughSource(bpy.types.Operator):
    """Look through a source."""

    bl_idname = Operators.LOOK_THROUGH_SOURCE
    bl_label = "Look Through Source"
    bl_description = "Look through this camera in this 3D view, at its photograph; the scene's camera stays what it is"
    bl_options = {"INTERNAL"}

    if TYPE_CHECKING:
        camera: str
    else:
        camera: StringProperty(options={"HIDDEN"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return isinstance(context.space_data, bpy.types.SpaceView3D)

    def execute(self, context: bpy.types.Context) -> Outcome:
        view = context.space_data
        camera: bpy.types.Object | None = context.scene.objects.get(self.camera)
        if not isinstance(view, bpy.types.SpaceView3D) or camera is None:
            self.report({"ERROR"}, f"The camera '{self.camera}' is not in this scene any more.")
            return {"CANCELLED"}
        view.use_local_camera = True
        view.camera = camera
        view.region_3d.view_perspective = "CAMERA"
        return {"FINISHED"}


CLASSES = (CalibratePhotographs, CheckCalibration, DisableBadCameras, LookThroughSource)
