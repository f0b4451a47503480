"""Gaussians from files and to files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy.props import BoolProperty, StringProperty

from ..inference.errors import SightlineError
from ..inference.gaussian_ply import write_gaussians
from ..scene.gaussian_checks import allow_transparency
from ..scene.gaussian_files import import_gaussians
from ..scene.gaussians import gaussians_of, is_gaussians
from ..scene.names import Operators
from .modal import Outcome


class ImportGaussians(bpy.types.Operator):
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

    def execute(self, context: bpy.types.Context) -> Outcome:
        try:
            obj = import_gaussians(context, Path(bpy.path.abspath(self.filepath)), self.sequence)
        except SightlineError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"Imported the Gaussians '{obj.name}'")
        return {"FINISHED"}


class ExportGaussians(bpy.types.Operator):
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

    def execute(self, context: bpy.types.Context) -> Outcome:
        try:
            if not self.filepath:
                raise SightlineError("No file is named; choose one to write to.")
            gaussians = gaussians_of(context.active_object, context.evaluated_depsgraph_get())
            path = Path(bpy.path.abspath(self.filepath))
            write_gaussians(path, gaussians)
        except SightlineError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"Wrote {len(gaussians):,} Gaussians to {path}")
        return {"FINISHED"}


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


CLASSES = (ImportGaussians, ExportGaussians, AllowTransparency)
