"""Jobs for render farms."""

from __future__ import annotations

import bpy

from ..scene.farm_job import FLAMENCO_FOLDER, obstacle
from ..scene.names import Operators, Panels
from ..scene.properties import job_state, of_scene
from .common import SidebarPanel, sentence, settings_column


class FarmPanel(SidebarPanel, bpy.types.Panel):  # type: ignore[misc]
    """Have a farm make the frames."""

    bl_idname = Panels.FARM
    bl_label = "Render Farm"
    bl_parent_id = Panels.ANIMATION
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        settings = of_scene(context.scene)
        column = settings_column(layout)
        column.prop(settings, "farm_kind")
        column.prop(settings, "farm_device")
        column.prop(settings, "farm_chunk")
        if settings.farm_kind == "frames":
            column.prop(settings, "farm_movie")
        if not job_state().running:  # the Result panel shows how far it is
            layout.operator(Operators.EXPORT_FARM_JOB, icon="EXPORT")
            if found := obstacle(context):
                sentence(layout, context, found, "ERROR")
        sentence(layout, context, "Flamenco takes no export: its Manager needs sightline.js.", "INFO")
        layout.operator("wm.path_open", text="Show sightline.js", icon="FILE_FOLDER").filepath = str(FLAMENCO_FOLDER)
        sentence(layout, context, "A farm without Sightline renders a baked copy.", "INFO")
        if not job_state().running:
            layout.operator(Operators.BAKE_FILE, icon="FILE_BLEND")


CLASSES = (FarmPanel,)
