"""How the picture is made: method, quality, depth range, output."""

from __future__ import annotations

import bpy

from ..scene import checks
from ..scene.methods import SPLATTING, most_sources, uses_pairs
from ..scene.names import Panels
from ..scene.properties import SceneSettings, of_collection, of_scene
from .common import SidebarPanel, problem, sentence

# What the worker calls the origin of a depth range, in the user's words.
ORIGINS = {
    "given": "the calibration",
    "sparse points": "the calibration's points",
    "triangulated": "matching the photographs",
}


class MethodPanel(SidebarPanel, bpy.types.Panel):  # type: ignore[misc]
    """Method and quality."""

    bl_idname = Panels.METHOD
    bl_label = "Method"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        draw_method(layout, context)
        layout.prop(of_scene(context.scene), "output_folder")


def draw_method(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the method, the quality, and what else the method asks for."""
    settings = of_scene(context.scene)
    layout.prop(settings, "method", text="")  # the panel says what it is, and names are long
    layout.row().prop(settings, "quality", expand=True)
    if settings.method == SPLATTING:
        missing = checks.gaussians_problem(context)
        if missing is not None:
            problem(layout, context, missing)
    elif uses_pairs(settings.method):
        missing = checks.mask_problem(context)
        if missing is not None:
            problem(layout, context, missing)
    else:
        _nearest(layout, context, settings)


def _nearest(layout: bpy.types.UILayout, context: bpy.types.Context, settings: SceneSettings) -> None:
    """Draw what applies to methods that search depth in the nearest sources."""
    layout.prop(settings, "source_count")
    most = most_sources(settings.method)
    if settings.source_count > most:
        sentence(layout, context, f"This network uses the {most} nearest.", "INFO")
    layout.prop(settings, "depth_mode")
    column = layout.column(align=True)
    if settings.depth_mode == "MANUAL":
        column.prop(settings, "depth_near")
        column.prop(settings, "depth_far")
    elif settings.capture is not None and of_collection(settings.capture).depth_origin:
        known = of_collection(settings.capture)
        near, far = (_length(context.scene, value) for value in (known.depth_near, known.depth_far))
        column = layout.column()
        column.active = False
        sentence(column, context, f"{near} to {far} from {ORIGINS.get(known.depth_origin, known.depth_origin)}")


def _length(scene: bpy.types.Scene, value: float) -> str:
    """Return a length in the scene's units."""
    units = scene.unit_settings
    return bpy.utils.units.to_string(units.system, "LENGTH", value * units.scale_length, precision=2)


CLASSES = (MethodPanel,)
