"""The animation: files of a camera's frames, and the cache of finished ones."""

from __future__ import annotations

import bpy

from ..scene import checks
from ..scene.cache_state import cache_in_words
from ..scene.frame_ranges import frames_of
from ..scene.names import Operators, Panels
from ..scene.properties import job_state, of_scene
from ..scene.timeline import timeline_in_words
from ..scene.words import counted
from .common import SidebarPanel, sentence, settings_column


class AnimationPanel(SidebarPanel, bpy.types.Panel):  # type: ignore[misc]
    """Make the frames; say what is at hand for scrubbing, and what the cache holds."""

    bl_idname = Panels.ANIMATION
    bl_label = "Animation"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        settings = of_scene(context.scene)
        column = settings_column(layout)
        column.prop(settings, "frame_format")
        column.prop(settings, "frames_strip")
        frames = frames_of(context.scene)
        sentence(layout, context, f"{counted(len(frames), 'frame')}, {frames[0]} to {frames[-1]}", "TIME")
        if not job_state().running:  # the Result panel shows how far it is
            row = layout.row()
            row.scale_y = 1.4
            row.enabled = checks.ready(context)
            row.operator(Operators.SYNTHESIZE_ANIMATION, icon="RENDER_ANIMATION")
        column = settings_column(layout)
        column.prop(settings, "live_side")
        column.prop(settings, "prefetch")
        if ready := timeline_in_words(context.scene):
            sentence(layout, context, ready, "PREVIEW_RANGE")
        sentence(layout, context, cache_in_words(), "DISK_DRIVE")
        layout.operator(Operators.EMPTY_CACHE, icon="TRASH")


CLASSES = (AnimationPanel,)
