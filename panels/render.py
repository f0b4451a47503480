"""The Render properties: what this engine asks for, and Blender's own panels that hold for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy

from ..scene import checks
from ..scene.names import ENGINE, Panels
from ..scene.properties import of_scene
from .common import problem
from .method import draw_method

# Beside those that Blender marks as every engine's: the world is the background of an opaque film, and materials show
# in Material Preview.
_ALSO = frozenset(
    {
        "EEVEE_WORLD_PT_surface",
        "EEVEE_MATERIAL_PT_context_material",
        "EEVEE_MATERIAL_PT_surface",
        "MATERIAL_PT_preview",
    }
)


class RenderPanel(bpy.types.Panel):
    """What is rendered, how, and what stands in the way."""

    bl_idname = Panels.RENDER
    bl_label = "Novel View"
    bl_space_type = "PROPERTIES"
    bl_region_type = "WINDOW"
    bl_context = "render"
    COMPAT_ENGINES = {ENGINE}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.scene.render.engine in cls.COMPAT_ENGINES

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(of_scene(context.scene), "capture")
        draw_method(layout, context)
        layout.prop(context.scene.render, "film_transparent", text="Transparent")
        for found in checks.render_problems(context):
            problem(layout, context, found)
        for found in checks.render_notes(context):
            problem(layout, context, found, icon="INFO")


CLASSES = (RenderPanel,)


def register() -> None:
    """Have Blender's panels show for this engine."""
    for panel in _blender_panels():
        panel.COMPAT_ENGINES.add(ENGINE)


def unregister() -> None:
    """Take that back."""
    for panel in _blender_panels():
        panel.COMPAT_ENGINES.discard(ENGINE)


def _blender_panels() -> Iterator[Any]:
    """Yield Blender's panels that hold for every engine; Freestyle draws lines of meshes, which are not rendered."""
    for panel in bpy.types.Panel.__subclasses__():
        engines = getattr(panel, "COMPAT_ENGINES", ())
        every = "BLENDER_RENDER" in engines and "freestyle" not in panel.__name__
        if every or panel.__name__ in _ALSO:
            yield panel
