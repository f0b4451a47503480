"""What a scene's settings ask of a picture, whatever camera and frame it is made for."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import bpy

from ..inference.errors import DepthRangeError, GaussiansError
from . import depth_range
from .gathering import Stage, capture_of, read_sources, there, write_capture
from .gaussians import is_gaussians
from .handles import Handle
from .job import Step
from .methods import PEOPLE, SPLATTING, uses_pairs
from .properties import of_scene

# Asks the worker something and yields steps while that takes.
Ask: TypeAlias = Callable[[str, dict[str, Any]], Generator[Step, None, dict[str, Any]]]
Graph: TypeAlias = Callable[[], bpy.types.Depsgraph]


@dataclass(frozen=True)
class Recipe:
    """How a scene's pictures are made, in references that outlive undo.

    Args:
        stage: The scene, and the camera object whose pictures are made, if there is one.
        method, quality, source_count: As the scene's settings have them.
        depth: Nearest and farthest depth; ``None`` where it is not known yet, or the method needs none.
        capture: Of the methods that make pictures from photographs.
        objects: Gaussians, of the method that makes pictures of those.
    """

    stage: Stage
    method: str
    quality: str
    source_count: int
    depth: tuple[float, float] | None = None
    capture: Handle[bpy.types.Collection] | None = None
    objects: tuple[Handle[bpy.types.Object], ...] = ()


def recipe_of(
    scene: bpy.types.Scene,
    view_layer: bpy.types.ViewLayer,
    target: bpy.types.Object | None,
    *,
    render: bool = False,
    quality: str | None = None,
) -> Recipe:
    """Return what a scene's settings ask for.

    Args:
        scene: The original one, not an evaluated copy.
        view_layer: Of that scene.
        target: The camera object whose pictures are made, which is never a source; ``None`` for a free view.
        render: Whether the objects that render count, or those that show in the viewport.
        quality: Other than the scene's.

    Raises:
        SightlineError: If something is missing; the sentence says what.
    """
    settings = of_scene(scene)
    handle = None if target is None else Handle.to(target, "objects")
    recipe = Recipe(
        stage=Stage(Handle.to(scene, "scenes"), view_layer.name, handle),
        method=settings.method,
        quality=quality or settings.quality,
        source_count=settings.source_count,
    )
    if settings.method == SPLATTING:
        return replace(recipe, objects=handles_of(visible_gaussians(view_layer, render=render)))
    if settings.depth_mode == "MANUAL" and not uses_pairs(settings.method):
        if settings.depth_near >= settings.depth_far:
            raise DepthRangeError("The nearest distance of the depth range must be below the farthest.")
        recipe = replace(recipe, depth=(settings.depth_near, settings.depth_far))
    return replace(recipe, capture=capture_of(scene))


def cloud_recipe(stage: Stage, capture: Handle[bpy.types.Collection], quality: str) -> Recipe:
    """Return what is asked for of a person's Gaussians: for the view of the stage's target, where it has one."""
    return Recipe(stage, PEOPLE, quality, source_count=2, capture=capture)


def visible_gaussians(view_layer: bpy.types.ViewLayer, *, render: bool = False) -> list[bpy.types.Object]:
    """Return the objects of Gaussians that show in a view layer's viewport, or that render."""
    objects = [obj for obj in view_layer.objects if is_gaussians(obj)]
    if render:
        rendering = set(_rendering(view_layer.layer_collection))
        return [obj for obj in objects if obj in rendering and not obj.hide_render]
    return [obj for obj in objects if obj.visible_get(view_layer=view_layer)]


def _rendering(layer: bpy.types.LayerCollection) -> Iterator[bpy.types.Object]:
    """Yield the objects that a view layer's collections let render: one such collection is enough for an object."""
    if not layer.exclude:
        yield from layer.collection.objects
    for child in layer.children:
        if not child.collection.hide_render:
            yield from _rendering(child)


def handles_of(objects: list[bpy.types.Object]) -> tuple[Handle[bpy.types.Object], ...]:
    """Return handles of objects of Gaussians.

    Raises:
        GaussiansError: If there are none.
    """
    if not objects:
        raise GaussiansError("There are no Gaussians to be seen in this scene; create, import or unhide some.")
    return tuple(Handle.to(obj, "objects") for obj in objects)


def needs_depth(recipe: Recipe) -> bool:
    """Whether a recipe's depth range is still to be found."""
    return recipe.capture is not None and recipe.depth is None and not uses_pairs(recipe.method)


def settled(
    recipe: Recipe, frame: int, graph: Graph, ask: Ask, *, remember: bool = True
) -> Generator[Step, None, Recipe]:
    """Return a recipe with its depth range, found once for every arrangement of the capture's cameras.

    Args:
        recipe: As :func:`recipe_of` made it.
        frame: Whose photographs tell.
        graph: Returns the dependency graph of that frame.
        ask: Asks the worker, where the range is not known yet.
        remember: Whether to keep it on the capture; not while Blender renders, when nothing may be changed.

    Raises:
        SightlineError: If it cannot be found.
    """
    if not needs_depth(recipe):
        return recipe
    assert recipe.capture is not None
    sources = yield from read_sources(recipe.stage, recipe.capture, frame, graph)
    known = depth_range.known(there(recipe.capture, "The capture"), sources)
    if known is None:
        capture = yield from write_capture(recipe.capture.name, sources, {})
        data = yield from ask("depth_range", {"capture": capture.to_json()})
        known = float(data["near"]), float(data["far"])
        if remember:
            depth_range.remember(there(recipe.capture, "The capture"), sources, *known, str(data["origin"]))
    return replace(recipe, depth=known)
