"""Buttons that mend what a panel warns of. They change what they say and nothing else."""

from __future__ import annotations

import bpy

from ..scene import checks, hidden_capture
from ..scene.names import ENGINE, Operators
from ..scene.properties import of_scene
from ..scene.targets import add_target
from .modal import Outcome
from .sentence import SentenceOperator


class AddTarget(SentenceOperator, bpy.types.Operator):
    """Add a camera between two sources and make it the target."""

    bl_idname = Operators.ADD_TARGET
    bl_label = "Add Target Camera"
    bl_description = "Add a camera half way between two neighbouring sources and make it the target; move it from there"
    bl_options = {"REGISTER", "UNDO"}

    def work(self, context: bpy.types.Context) -> str:
        add_target(context)
        return ""


class MatchRenderSize(bpy.types.Operator):
    """Give the scene's render the size of the photographs."""

    bl_idname = Operators.MATCH_RENDER_SIZE
    bl_label = "Match Render Size"
    bl_description = "Set the scene's resolution to that of the largest photograph, at 100% and with square pixels"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> Outcome:
        if not checks.match_render_size(context):
            self.report({"ERROR"}, "The capture has no usable photographs to take the size from; import one first.")
            return {"CANCELLED"}
        return {"FINISHED"}


class EnableCapture(bpy.types.Operator):
    """Have Blender move the capture's cameras."""

    bl_idname = Operators.ENABLE_CAPTURE
    bl_label = "Enable the Capture"
    bl_description = (
        "Enable the capture's collection in viewports and renders, so that Blender moves its cameras; to hide them, "
        "use the eye in the Outliner"
    )
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return of_scene(context.scene).capture is not None

    def execute(self, context: bpy.types.Context) -> Outcome:
        hidden_capture.enable(of_scene(context.scene).capture)
        return {"FINISHED"}


class SetStandardView(bpy.types.Operator):
    """Show pictures as they are."""

    bl_idname = Operators.SET_STANDARD_VIEW
    bl_label = "Set Standard View"
    bl_description = (
        "Set the scene's view transform to Standard without look, exposure or gamma: only then does a render show "
        "photographs and results with their own colours"
    )
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> Outcome:
        checks.set_standard_view(context.scene)
        return {"FINISHED"}


class UseEngine(bpy.types.Operator):
    """Render with Sightline."""

    bl_idname = Operators.USE_ENGINE
    bl_label = "Use Sightline for Rendering"
    bl_description = (
        "Make Sightline the scene's render engine: renders, animations and the rendered viewport then show what the "
        "scene's camera would have photographed"
    )
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> Outcome:
        context.scene.render.engine = ENGINE  # type: ignore[assignment]
        return {"FINISHED"}


CLASSES = (AddTarget, EnableCapture, MatchRenderSize, SetStandardView, UseEngine)
