"""Bring recordings into step with the scene."""

from __future__ import annotations

import bpy

from ..scene.names import Operators
from ..scene.properties import of_scene
from ..scene.sources import cameras_in
from ..scene.timing import match_rate
from ..scene.words import counted
from .modal import Outcome


class MatchFrameRates(bpy.types.Operator):
    """Read every movie clip at its own rate."""

    bl_idname = Operators.MATCH_FRAME_RATES
    bl_label = "Match Frame Rates"
    bl_description = (
        "Read the movie clip of every source at the rate that it was recorded at, in the time of the scene. Image "
        "sequences state no rate: type in their speed"
    )
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return of_scene(context.scene).capture is not None

    def execute(self, context: bpy.types.Context) -> Outcome:
        capture = of_scene(context.scene).capture
        assert capture is not None
        datas = [obj.data for obj in cameras_in(capture) if isinstance(obj.data, bpy.types.Camera)]
        matched = sum(match_rate(data, context.scene) for data in datas)
        if not matched:
            self.report({"WARNING"}, "No source is a movie clip that states its rate; type in the speeds.")
            return {"CANCELLED"}
        self.report({"INFO"}, f"{counted(matched, 'movie clip')} matched to the scene's frame rate")
        return {"FINISHED"}


CLASSES = (MatchFrameRates,)
