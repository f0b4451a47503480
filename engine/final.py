"""The final picture of a dependency graph.

Where there is a window, this runs in a thread of Blender's: what is Blender's is read here and never changed.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar

import bpy

from ..inference.camera import Camera
from ..inference.errors import Cancelled, SightlineError
from ..inference.frame_cache import StoredFrame, to_sixteen_bits
from ..inference.worker.client import Request
from ..scene import hidden_capture
from ..scene.backend import client
from ..scene.job import Step
from ..scene.recipes import recipe_of, settled
from ..scene.render_camera import render_camera
from ..scene.requests import FrameRequest, cache, picture_request, worker_params
from ..scene.results import summary
from ..scene.world import background_colour
from . import pixels

T = TypeVar("T")


def render(engine: bpy.types.RenderEngine, depsgraph: bpy.types.Depsgraph) -> None:
    """Write one view layer's picture into the render result, or say why there is none.

    An engine that returns without a result, raises, or only calls ``error_set`` has Blender write an empty picture and
    go on (or crash, where the format is multi-layer OpenEXR). A *report* of an error ends the render before anything is
    written, be it a still or an animation, and is shown once; with ``error_set`` as well it would be shown twice.
    """
    try:
        picture, camera = _picture(engine, depsgraph)
        _write(engine, depsgraph, picture, camera)
    except Cancelled as stopped:
        if not engine.test_break():  # not the user's Esc: the worker was ended, and the frame is missing
            engine.report({"ERROR"}, str(stopped))
    except SightlineError as error:
        engine.report({"ERROR"}, str(error))
    except Exception as error:
        engine.report({"ERROR"}, f"Sightline could not render this frame ({error}); the console says where.")
        raise


def _picture(engine: bpy.types.RenderEngine, depsgraph: bpy.types.Depsgraph) -> tuple[StoredFrame, Camera]:
    """Return the picture of a view layer, from the cache where it is there, and the camera it is for.

    Raises:
        SightlineError: If there is none; :class:`Cancelled` where the user wants none.
    """
    scene, frame = depsgraph.scene, depsgraph.scene.frame_current
    camera = None if engine.camera_override is None else engine.camera_override.original
    view = render_camera(scene, camera, depsgraph)

    def graph() -> bpy.types.Depsgraph:
        return depsgraph

    def ask(method: str, params: dict[str, Any]) -> Generator[Step, None, dict[str, Any]]:
        yield Step(0.0, "Asking the worker")
        return _answer(engine, method, params)

    recipe = recipe_of(scene, depsgraph.view_layer, camera, render=True)
    recipe = _taken(engine, settled(recipe, frame, graph, ask, remember=False))
    request = _taken(engine, picture_request(recipe, view, frame, graph, {}))
    if recipe.capture is not None and (stale := hidden_capture.sentence(scene, render=True)):
        engine.report({"WARNING"}, stale)
    for name, reason in request.unused.items():
        engine.report({"WARNING"}, f"'{name}' is not used: {reason}")
    return cache().read(request.key) or _made(engine, request), view


def _made(engine: bpy.types.RenderEngine, request: FrameRequest) -> StoredFrame:
    data = _answer(engine, request.method, worker_params(request))
    # As the cache has it, so that both give the same render.
    return StoredFrame(to_sixteen_bits(data["rgba"]), data["depth"], data["metadata"])


def _answer(engine: bpy.types.RenderEngine, method: str, params: dict[str, Any]) -> dict[str, Any]:
    """Ask the worker, show how far it is, and stop it where the user stops the render.

    Raises:
        SightlineError: The worker's; :class:`Cancelled` where the user wants no picture.
    """
    shown: tuple[str, float] | None = None

    def look(request: Request) -> None:
        nonlocal shown
        if engine.test_break():
            worker.cancel(request)
        state = request.message, round(request.fraction, 2)
        if request.message and state != shown:  # in background mode every call prints a line
            shown = state
            engine.update_stats("", request.message)
            engine.update_progress(request.fraction)

    worker = client()
    request = worker.submit(method, params)
    worker.wait(request, look)
    for warning in request.warnings:
        engine.report({"WARNING"}, warning)
    return worker.take(request)


def _taken(engine: bpy.types.RenderEngine, steps: Generator[Step, None, T]) -> T:
    """Take all steps of something short, unless the user stops the render.

    Raises:
        Cancelled: If so.
    """
    try:
        while True:
            next(steps)
            if engine.test_break():
                steps.close()
                raise Cancelled
    except StopIteration as stop:
        result: T = stop.value
        return result


def _write(
    engine: bpy.types.RenderEngine, depsgraph: bpy.types.Depsgraph, picture: StoredFrame, camera: Camera
) -> None:
    """Hand a picture to Blender; what it was made by goes into the files as well. A preview is enlarged."""
    scene = depsgraph.scene_eval
    background = None if scene.render.film_transparent else background_colour(scene)
    width, height = camera.width, camera.height
    result = engine.begin_result(0, 0, width, height, layer=depsgraph.view_layer.name)
    passes: Any = result.layers[0].passes
    combined = pixels.enlarged(pixels.combined(picture.rgba, background), width, height)
    passes[pixels.COMBINED].rect.foreach_set(combined.ravel())
    depth = pixels.enlarged(pixels.depth(picture.depth), width, height, blend=False)
    passes[pixels.DEPTH].rect.foreach_set(depth.ravel())
    result.stamp_data_add_field("Sightline", summary(picture.metadata))
    engine.end_result(result)
