"""Render Gaussians: which are rendered, and what stands in the way."""

from __future__ import annotations

import bpy

from ..inference.errors import SightlineError
from . import checks
from .gathering import Stage
from .handles import Handle
from .methods import SPLATTING
from .properties import of_scene
from .recipes import Recipe, handles_of, visible_gaussians
from .synthesis import Order, needed_target


def order(context: bpy.types.Context) -> Order:
    """Return the picture of the selected visible objects of Gaussians, of all visible ones where none is selected.

    Raises:
        TargetError: If there is no target.
        GaussiansError: If there are no Gaussians.
    """
    scene, layer = context.scene, context.view_layer
    target = Handle.to(needed_target(scene), "objects")
    visible = visible_gaussians(layer)
    chosen = [obj for obj in visible if obj.select_get(view_layer=layer)] or visible
    settings = of_scene(scene)
    recipe = Recipe(
        stage=Stage(Handle.to(scene, "scenes"), layer.name, target),
        method=SPLATTING,
        quality=settings.quality,
        source_count=settings.source_count,
        objects=handles_of(chosen),
    )
    return Order(recipe, scene.frame_current)


def obstacle(context: bpy.types.Context) -> str:
    """Return what stands in the way of rendering, as a sentence; empty where nothing does."""
    missing = checks.backend_problem()
    if missing is not None:
        return missing.sentence
    try:
        order(context)
    except SightlineError as error:
        return str(error)
    return ""
