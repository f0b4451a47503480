"""What Blender calls to render; the work is done elsewhere."""

from __future__ import annotations

import bpy

from ..scene.names import ENGINE
from . import final
from .pixels import COMBINED, DEPTH
from .viewport import viewport_of


class SightlineRenderEngine(bpy.types.RenderEngine):
    """The scene camera's view, synthesized."""

    bl_idname = ENGINE
    bl_label = "Sightline"
    bl_use_eevee_viewport = True  # for Material Preview

    def update_render_passes(
        self, scene: bpy.types.Scene | None = None, renderlayer: bpy.types.ViewLayer | None = None
    ) -> None:
        """Tell Blender's compositor and file formats what there will be. Depth costs nothing, so it is always there."""
        self.register_pass(scene, renderlayer, COMBINED, 4, "RGBA", "COLOR")
        self.register_pass(scene, renderlayer, DEPTH, 1, "Z", "VALUE")

    def render(self, depsgraph: bpy.types.Depsgraph) -> None:  # type: ignore[override]
        """Render one view layer of one frame; in a thread where there is a window."""
        final.render(self, depsgraph)

    def view_update(self, context: bpy.types.Context, depsgraph: bpy.types.Depsgraph) -> None:
        """Take note that something has changed."""
        viewport_of(self).changed(depsgraph)

    def view_draw(self, context: bpy.types.Context, depsgraph: bpy.types.Depsgraph) -> None:
        """Draw what there is of the view's picture, and have it made where it is not there."""
        viewport_of(self).draw(context)


CLASSES = (SightlineRenderEngine,)
