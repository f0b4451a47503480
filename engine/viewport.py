"""The rendered viewport: a coarse picture at once, finer ones while the view stands still."""

from __future__ import annotations

import time
from collections.abc import Generator, Hashable
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar
from weakref import WeakSet

import bpy
import numpy as np
from numpy.typing import NDArray

from ..inference.camera import Camera
from ..inference.errors import SightlineError
from ..inference.frame_cache import from_sixteen_bits
from ..scene.backend import client
from ..scene.cameras import target_camera, view_camera
from ..scene.gathering import depsgraph_of, there
from ..scene.handles import Handle
from ..scene.job import Job, Step, rendering, waited
from ..scene.recipes import recipe_of, settled
from ..scene.requests import PictureRequest, cache, picture_request, worker_params
from ..scene.world import background_colour
from . import drawing

# Longer sides of the pictures of a view that stands still, one after the other.
SIDES = (256, 512, 960)
# So long a view stands still before its finer pictures are made (seconds).
STILL = 0.2
# The timer's pace (seconds), and what it may use of each tick.
INTERVAL, TICK = 0.03, 0.012

Rgba = NDArray[np.float32]
# What a view's picture is of, whatever its size, and its rung.
Shown = tuple[str, int]
NOTHING: Shown = ("", -1)
# A new picture, ``None`` where what is shown is still right; and what is shown then.
Made = tuple[Rgba | None, Shown]
Place = tuple[float, float, float, float]
WHOLE: Place = (-1.0, -1.0, 1.0, 1.0)


class Viewport:
    """What one view shows and has in the making. All of it happens on Blender's main thread."""

    alive: ClassVar[WeakSet[Viewport]] = WeakSet()

    def __init__(self, engine: bpy.types.RenderEngine) -> None:
        self._engine: Any = engine
        self._looked: tuple[Hashable, ...] = ()
        self._camera: Camera | None = None
        self._where: tuple[Handle[bpy.types.Scene], str] | None = None
        self._through_camera = False
        self._stale, self._since = True, 0.0
        self._next = 0
        self._steps: Generator[Step, None, Made] | None = None
        self._picture: Rgba | None = None
        self._texture: Any = None
        self._shown = NOTHING
        self._said = ""
        self._timer = self._tick  # one object: Blender knows a timer by its identity
        Viewport.alive.add(self)

    def changed(self) -> None:
        """Take note that the scene is another."""
        self._stale = True

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the newest picture; have a finer one made where there can be one."""
        try:
            place = self._look(context)
        except SightlineError as error:
            self.stop()
            self._clear()
            self._say(str(error))
            return
        if self._picture is not None:
            self._texture, self._picture = drawing.texture_of(self._picture), None
        if self._texture is not None:
            scene = context.scene
            drawing.draw(self._texture, place, None if scene.render.film_transparent else background_colour(scene))

    def stop(self) -> None:
        """Let go of what is in the making."""
        self._next = len(SIDES)
        if self._steps is not None:
            self._steps.close()
            self._steps = None
        if bpy.app.timers.is_registered(self._timer):
            bpy.app.timers.unregister(self._timer)

    def _look(self, context: bpy.types.Context) -> Place:
        """Take note of the view's camera, and return where in the view its picture belongs.

        Raises:
            CameraError: If the view cannot be shown.
        """
        view, region, scene = context.region_data, context.region, context.scene
        window = view_camera(view.window_matrix, view.view_matrix, region.width, region.height)
        camera, place = window, WHOLE
        through_camera = view.view_perspective == "CAMERA" and scene.camera is not None
        if through_camera != self._through_camera:
            self._through_camera = through_camera
            self._clear()  # what is shown is of quite another view
        if through_camera:
            camera = target_camera(scene, scene.camera, context.evaluated_depsgraph_get())
            place = _frame(camera, window)
        looked = (scene.session_uid, scene.frame_current, *_numbers(camera))
        if looked != self._looked or self._stale:
            self.stop()
            self._looked, self._stale, self._camera = looked, False, camera
            self._where = Handle.to(scene, "scenes"), context.view_layer.name
            self._next, self._since = 0, time.monotonic()
            bpy.app.timers.register(self._timer, first_interval=0.0)
        return place

    def _tick(self) -> float | None:
        """Bring on what is in the making (timer); return when to do so again."""
        try:
            busy = Job.current is not None or rendering()
            due = self._next == 0 or time.monotonic() - self._since > STILL
            if self._steps is None and self._next < len(SIDES) and due and not busy:
                self._steps = self._made(self._next)
            if self._steps is not None:
                self._bring_on()
        except SightlineError as error:
            self._steps, self._next = None, len(SIDES)
            self._clear()
            self._say(str(error))
        except ReferenceError:  # the view, or its scene, is gone
            self._steps = None
            return None
        return INTERVAL if self._next < len(SIDES) else None

    def _bring_on(self) -> None:
        end = time.perf_counter() + TICK
        assert self._steps is not None
        try:
            while time.perf_counter() < end:
                step = next(self._steps)
                self._say(step.message if self._texture is None else "")
                if step.waiting:
                    return
        except StopIteration as stop:
            self._steps = None
            picture, self._shown = stop.value
            self._next = self._shown[1] + 1
            self._say("")
            if picture is not None:
                self._picture = picture
                self._engine.tag_redraw()

    def _clear(self) -> None:
        """Show nothing."""
        self._texture, self._picture, self._shown = None, None, NOTHING

    def _made(self, rung: int) -> Generator[Step, None, Made]:
        """Make the picture of a rung; that of the last one comes at once where it is kept.

        Blender tells of every change, a selection too: what is shown stays where nothing of it has changed.
        """
        assert self._camera is not None and self._where is not None
        scene: bpy.types.Scene = there(self._where[0], "The scene")
        frame, layer = scene.frame_current, scene.view_layers.get(self._where[1]) or scene.view_layers[0]
        recipe = recipe_of(scene, layer, scene.camera if self._through_camera else None, quality="full")
        graph = partial(depsgraph_of, recipe.stage)
        recipe = yield from settled(recipe, frame, graph, _asked)
        files: dict[int, Any] = {}
        last = len(SIDES) - 1
        finest = yield from picture_request(recipe, self._camera.fitted(SIDES[last]), frame, graph, files)
        if rung == 0 and finest.key == self._shown[0]:
            return None, self._shown
        if self._through_camera:
            kept = cache().read(finest.key, depth=False)
            if kept is not None:
                return from_sixteen_bits(kept.rgba), (finest.key, last)
        if rung == last or max(self._camera.width, self._camera.height) <= SIDES[rung]:
            return (yield from _picture(finest, kept=self._through_camera)), (finest.key, last)
        request = yield from picture_request(recipe, self._camera.fitted(SIDES[rung]), frame, graph, files)
        return (yield from _picture(request, kept=False)), (finest.key, rung)

    def _say(self, sentence: str) -> None:
        if sentence != self._said:
            self._said = sentence
            self._engine.update_stats("", sentence)
            self._engine.tag_redraw()


def viewport_of(engine: Any) -> Viewport:
    """Return the viewport that an engine's instance shows; Blender makes one instance for each view."""
    if not hasattr(engine, "viewport"):
        engine.viewport = Viewport(engine)
    found: Viewport = engine.viewport
    return found


def stop_all() -> None:
    """Let go of what any view has in the making: the extension goes."""
    for viewport in list(Viewport.alive):
        with suppress(ReferenceError):
            viewport.stop()


def _picture(request: PictureRequest, *, kept: bool) -> Generator[Step, None, Rgba]:
    """Have a request's picture made; ``kept`` puts it into the cache."""
    data = yield from _asked(request.method, worker_params(request, cached=kept))
    picture: Rgba = data["rgba"]
    return picture


def _asked(method: str, params: dict[str, Any]) -> Generator[Step, None, dict[str, Any]]:
    """Ask the worker; whoever closes these steps cancels the request.

    Raises:
        SightlineError: The worker's.
    """
    worker = client()
    request = worker.submit(method, params)
    yield from waited(worker, request)
    return worker.take(request)


def _frame(camera: Camera, window: Camera) -> Place:
    """Return where in a view that looks through a camera that camera's picture lies; both have one pose."""
    left = window.cx - camera.cx * window.fx / camera.fx
    top = window.cy - camera.cy * window.fy / camera.fy
    right = left + camera.width * window.fx / camera.fx
    low = top + camera.height * window.fy / camera.fy
    across, down = 2 / window.width, 2 / window.height
    return left * across - 1, 1 - low * down, right * across - 1, 1 - top * down


def _numbers(camera: Camera) -> tuple[Hashable, ...]:
    """Return all that a camera without distortion is, but for rounding."""
    pose = tuple(np.round(camera.world_to_camera, 7).ravel().tolist())
    return camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy, *pose
