"""Gaussians: made from photographs, rendered, from files and to files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy.props import BoolProperty, StringProperty

from ..inference.errors import SightlineError
from ..inference.gaussian_ply import write_gaussians
from ..scene import reconstruction, splatting
from ..scene.gaussian_checks import allow_transparency, show_colours
from ..scene.gaussian_files import import_gaussians
from ..scene.gaussians import gaussians_of, is_gaussians
from ..scene.job import Job
from ..scene.names import Operators
from ..scene.synthesis import synthesize
from .modal import JobOperator, Outcome
from .sentence import SentenceOperator


class CreateGaussians(JobOperator, bpy.types.Operator):
    """Make Gaussians of the person that the sources show."""

    bl_idname = Operators.CREATE_GAUSSIANS
    bl_label = "Create Gaussians"
    bl_description = (
        "Make 3D Gaussians of the person that the capture's cameras stand around, and add them as an object, placed "
        "and sized as the cameras are. Every photograph needs a mask. The Gaussians are kept as PLY beside the results"
    )
    bl_options = {"UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return super().poll(context) and _possible(cls, reconstruction.obstacle(context))

    def job(self, context: bpy.types.Context) -> Job:
        asked = reconstruction.order(context)
        return Job("Creating Gaussians", lambda job: reconstruction.create(job, asked))


class RenderGaussians(JobOperator, bpy.types.Operator):
    """Make the picture that the target camera has of the Gaussians."""

    bl_idname = Operators.RENDER_GAUSSIANS
    bl_label = "Render Gaussians"
    bl_description = (
        "Make the target camera's picture of the selected Gaussians, or of all visible ones where none are selected, "
        "with Sightline's own splatting: all of them, with the colours they have from there. Shown and saved as "
        "Synthesize View does"
    )
    bl_options = {"UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return super().poll(context) and _possible(cls, splatting.obstacle(context))

    def job(self, context: bpy.types.Context) -> Job:
        asked = splatting.order(context)
        return Job("Rendering Gaussians", lambda job: synthesize(job, asked))


class ImportGaussians(SentenceOperator, bpy.types.Operator):
    """Bring in Gaussians from a PLY file."""

    bl_idname = Operators.IMPORT_GAUSSIANS
    bl_label = "Import Gaussians"
    bl_description = (
        "Read 3D Gaussians from a PLY file as 3D Gaussian Splatting writes it, and add them as an object that renders"
    )
    bl_options = {"UNDO"}

    if TYPE_CHECKING:
        filepath: str
        filter_glob: str
        sequence: bool
    else:
        filepath: StringProperty(subtype="FILE_PATH")
        filter_glob: StringProperty(default="*.ply", options={"HIDDEN"})
        sequence: BoolProperty(
            name="Sequence",
            description="The file is one of many that have the number of their frame in their names, as walk.0001.ply. "
            "The object shows the file of the current frame",
        )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> Outcome:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def work(self, context: bpy.types.Context) -> str:
        obj = import_gaussians(context, Path(bpy.path.abspath(self.filepath)), self.sequence)
        return f"Imported the Gaussians '{obj.name}'"


class ExportGaussians(SentenceOperator, bpy.types.Operator):
    """Write the active object's Gaussians to a PLY file."""

    bl_idname = Operators.EXPORT_GAUSSIANS
    bl_label = "Export Gaussians"
    bl_description = (
        "Write the active object's Gaussians, where they are in the scene, to a PLY file as 3D Gaussian Splatting "
        "writes it"
    )

    if TYPE_CHECKING:
        filepath: str
        filter_glob: str
        check_existing: bool
    else:
        filepath: StringProperty(subtype="FILE_PATH")
        filter_glob: StringProperty(default="*.ply", options={"HIDDEN"})
        check_existing: BoolProperty(default=True, options={"HIDDEN"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not is_gaussians(context.active_object):
            cls.poll_message_set("The active object has no Gaussians")
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> Outcome:
        if not self.filepath:
            self.filepath = bpy.path.clean_name(context.active_object.name) + ".ply"
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def check(self, context: bpy.types.Context) -> bool:
        named = bpy.path.ensure_ext(self.filepath, ".ply")
        changed = named != self.filepath
        self.filepath = named
        return changed

    def work(self, context: bpy.types.Context) -> str:
        if not self.filepath:
            raise SightlineError("No file is named; choose one to write to.")
        gaussians = gaussians_of(context.active_object, context.evaluated_depsgraph_get())
        path = Path(bpy.path.abspath(self.filepath))
        write_gaussians(path, gaussians)
        return f"Wrote {len(gaussians):,} Gaussians to {path}"


class AllowTransparency(bpy.types.Operator):
    """Let Cycles see through many Gaussians."""

    bl_idname = Operators.ALLOW_TRANSPARENCY
    bl_label = "Allow Transparency"
    bl_description = (
        "Raise Cycles' limit of transparent bounces for this scene: every Gaussian that a ray passes counts as one, "
        "and beyond the limit the picture is black"
    )
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> Outcome:
        allow_transparency(context.scene)
        return {"FINISHED"}


class ShowColours(bpy.types.Operator):
    """Show this view's Gaussians in colour."""

    bl_idname = Operators.SHOW_COLOURS
    bl_label = "Show in Material Preview"
    bl_description = "Switch this 3D view from Solid to Material Preview, in which Gaussians have their colours"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return isinstance(context.space_data, bpy.types.SpaceView3D)

    def execute(self, context: bpy.types.Context) -> Outcome:
        space = context.space_data
        assert isinstance(space, bpy.types.SpaceView3D)
        show_colours(space)
        return {"FINISHED"}


def _possible(cls: type[bpy.types.Operator], obstacle: str) -> bool:
    """Say in the tooltip what stands in the way, if anything."""
    if obstacle:
        cls.poll_message_set(obstacle)
    return not obstacle


CLASSES = (CreateGaussians, RenderGaussians, ImportGaussians, ExportGaussians, AllowTransparency, ShowColours)
