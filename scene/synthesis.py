"""Synthesize View as a job: the scene's cameras to the worker, its picture into the scene."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import bpy

from ..inference.errors import TargetError
from . import results
from .backend import client
from .gathering import depsgraph_of, read_target, there
from .handles import Handle
from .job import Job, Step, Steps, answer
from .recipes import Recipe, recipe_of, settled
from .requests import FrameRequest, picture_request, worker_params
from .targets import target_of


@dataclass(frozen=True)
class Order:
    """A picture of the target camera at a frame, in references that outlive undo."""

    recipe: Recipe
    frame: int


def order(context: bpy.types.Context) -> Order:
    """Return what the scene's settings ask for.

    Raises:
        SightlineError: If something is missing; the sentence says what.
    """
    scene = context.scene
    return Order(recipe_of(scene, context.view_layer, needed_target(scene)), scene.frame_current)


def needed_target(scene: bpy.types.Scene) -> bpy.types.Object:
    """Return the target camera.

    Raises:
        TargetError: If there is none.
    """
    target = target_of(scene)
    if target is None:
        raise TargetError("There is no target camera; choose one or add one to the scene.")
    return target


def synthesize(job: Job, asked: Order) -> Steps:
    """Make the picture and put it into the scene.

    Raises:
        SightlineError: If it cannot be made. Nothing of the scene has changed then.
    """
    client()  # where there is none, that is said before anything is read
    yield Step(0.0, "Reading cameras")
    stage = asked.recipe.stage
    camera = read_target(stage)
    graph = partial(depsgraph_of, stage)

    def ask(method: str, params: dict[str, Any]) -> Generator[Step, None, dict[str, Any]]:
        return answer(job, client(), method, params, 0.05, 0.1)

    recipe = yield from settled(asked.recipe, asked.frame, graph, ask)
    request = yield from picture_request(recipe, camera, asked.frame, graph, {})
    job.warnings.extend(f"'{name}' is not used: {reason}" for name, reason in request.unused.items())
    return (yield from _ask_for_picture(job, recipe, request))


def _ask_for_picture(job: Job, recipe: Recipe, request: FrameRequest) -> Steps:
    """Ask the worker for the target's picture, and put that into the scene."""
    target = recipe.stage.target
    assert target is not None
    path = results.reserve(there(recipe.stage.scene, "The scene"), target.name)
    try:
        yield Step(0.1, "Sending the request")
        params = worker_params(request, save=path)
        data = yield from answer(job, client(), request.method, params, 0.1, 1.0)
    finally:
        results.give_up(path)
    metadata = dict(data.get("metadata", {})) | {"target": target.name} | request.known
    return _show(job, target, path, metadata)


def _show(job: Job, handle: Handle[bpy.types.Object], path: Path, metadata: dict[str, Any]) -> dict[str, Any]:
    """Put a written result into the scene, as far as that is still there."""
    image = results.adopt(path, metadata)
    target = handle.resolve()
    if target is None or not isinstance(target.data, bpy.types.Camera):
        image.use_fake_user = True
        job.warnings.append(f"The target camera '{handle.name}' was deleted; the picture is in '{path}'.")
    else:
        results.show_as_background(image, target)
    results.show_in_editor(image)
    sentence = f"{path.name}: {results.summary(metadata)}"
    return {"image": image.name, "path": str(path), "metadata": metadata, "sentence": sentence}
