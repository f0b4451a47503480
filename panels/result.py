"""The result: the button, progress, what came out."""

from __future__ import annotations

import bpy

from ..scene import checks
from ..scene.names import ENGINE, Operators, Panels
from ..scene.properties import job_state
from ..scene.results import metadata_of, result_of, summary
from ..scene.targets import target_of
from .common import SidebarPanel, sentence


class ResultPanel(SidebarPanel, bpy.types.Panel):  # type: ignore[misc]
    """Make the picture."""

    bl_idname = Panels.RESULT
    bl_label = "Result"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        state = job_state()
        if state.running:
            row = layout.row(align=True)
            row.progress(factor=state.fraction, text=f"{state.title} {state.fraction:.0%}")
            row.operator(Operators.CANCEL, text="", icon="CANCEL")
            sentence(layout, context, state.message)
            return
        row = layout.row()
        row.scale_y = 1.4
        row.enabled = checks.ready(context)
        row.operator(Operators.SYNTHESIZE_VIEW, icon="RENDER_STILL")
        if context.scene.render.engine != ENGINE:
            layout.operator(Operators.USE_ENGINE, icon="SCENE")
        if state.error:
            sentence(layout.box(), context, state.error, "ERROR")
        for warning in filter(None, state.warnings.split("\n")):
            sentence(layout, context, warning, "INFO")
        image = result_of(target_of(context.scene))
        if image is None:
            return
        row = layout.row(align=True)
        row.label(text=image.name, icon="IMAGE_DATA")
        row.operator(Operators.OPEN_RESULT, text="Open", icon="WINDOW")
        made = metadata_of(image)
        if made.get("method"):
            layout.label(text=summary(made))


CLASSES = (ResultPanel,)
