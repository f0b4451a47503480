"""The rendered viewport: a coarse picture at once, finer ones while the view stands still; kept frames as they come."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar
from weakref import WeakSet

import bpy

from ..inference.errors import BackendError, SightlineError
from ..inference.frame_cache import from_sixteen_bits
from ..scene.cameras import target_camera, view_camera
from ..scene.handles import Handle
from ..scene.job import Job, Step, rendering
from ..scene.placement import WHOLE, Place, camera_frame
from ..scene.properties import of_scene
from ..scene.world import background_colour
from . import drawing
from .path_frames import PathFrames
from .view_pictures import Look, Made, Rgba, Shown, made

# Longer sides of the first pictures of a view that stands still; then comes that of the scene's settings.
COARSE = (128, 384)
# So long a view stands still before its finer pictures are made (seconds).
STILL = 0.2
# The timer's pace (seconds), and what it may use of each tick.
INTERVAL, TICK = 0.03, 0.012


class Viewport:
    """What one view shows and has in the making. All of it happens on Blender's main thread."""

    alive: ClassVar[WeakSet[Viewport]] = WeakSet()

    def __init__(self, engine: bpy.types.RenderEngine) -> None:
        self._engine: Any = engine
        self._look: Look | None = None
        self._stale = self._hurry = True
        self._since = 0.0
        self._next = 0
        self._steps: Generator[Step, None, Made] | None = None
        self._frames = PathFrames()
        self._picture: Rgba | None = None
        self._texture: Any = None
        self._shown = Shown()
        self._said = ""
        self._timer = self._tick  # one object: Blender knows a timer by its identity
        Viewport.alive.add(self)

    def changed(self, depsgraph: bpy.types.Depsgraph) -> None:
        """Take note that the scene is another; at another frame it always is."""
        self._stale = True
        if self._look is not None and depsgraph.scene.frame_current == self._look.frame and _edited(depsgraph):
            self._frames.forget()

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the newest picture; have a finer one made where there can be one."""
        try:
            place = self._looked(context)
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
        self._finish()
        self._frames.drop()
        if bpy.app.timers.is_registered(self._timer):
            bpy.app.timers.unregister(self._timer)

    def _looked(self, context: bpy.types.Context) -> Place:
        """Take note of what the view looks at, and return where in it the picture belongs.

        Raises:
            CameraError: If the view cannot be shown.
        """
        view, region, scene = context.region_data, context.region, context.scene
        window = view_camera(view.window_matrix, view.view_matrix, region.width, region.height)
        camera, place = window, WHOLE
        through_camera = view.view_perspective == "CAMERA" and scene.camera is not None
        if through_camera:
            camera = target_camera(scene, scene.camera, context.evaluated_depsgraph_get())
            place = camera_frame(camera, window)
        side = of_scene(scene).live_side
        sides = (*(coarse for coarse in COARSE if coarse < side), side)
        handle = Handle.to(scene, "scenes")
        look = Look(handle, context.view_layer.name, scene.frame_current, camera, through_camera, sides)
        if self._stale or not look.same_view(self._look):
            self._take(look)
        return place

    def _take(self, look: Look) -> None:
        """Begin anew with what the view looks at now."""
        before, self._look, self._stale = self._look, look, False
        self._drop()
        if before is None or before.through_camera != look.through_camera:
            self._frames.drop()
            self._clear()  # what is shown is of quite another view
        elif before.frame != look.frame:
            self._frames.turn(backwards=look.frame < before.frame)
        self._next, self._since = 0, time.monotonic()
        self._hurry = not self._show_kept(look)
        if not bpy.app.timers.is_registered(self._timer):
            bpy.app.timers.register(self._timer, first_interval=0.0)

    def _show_kept(self, look: Look) -> bool:
        """Show the frame where it is kept, else a kept one nearer than what is shown; return whether it is the frame.

        What is kept of a frame is what it was when it was read: it is asked again as soon as the view stands still.
        """
        nearest = self._frames.nearest(look.frame)
        if nearest is None:
            return False
        shown, right = self._shown, nearest == look.frame
        if right and shown.frame == look.frame and shown.rung == look.last:
            return True
        if not right and shown.frame is not None and abs(shown.frame - look.frame) <= abs(nearest - look.frame):
            return False
        found = self._frames.picture(nearest)
        if found is None:
            return False
        frame, key = found
        self._picture, self._shown = from_sixteen_bits(frame.rgba), Shown(key, look.last, nearest)
        self._say(self._stands_in())
        return right

    def _tick(self) -> float | None:
        """Bring on what is in the making (timer); return when to do so again."""
        try:
            self._bring_on_all()
        except SightlineError as error:
            self._finish()
            self._clear()
            self._say(str(error))
        except ReferenceError:  # the view, or its scene, is gone
            self._finish()
            return None
        return INTERVAL if self._unfinished or self._steps is not None or self._frames.pending else None

    @property
    def _unfinished(self) -> bool:
        return self._look is not None and self._next <= self._look.last

    @property
    def _due(self) -> bool:
        """Whether the next rung is: the first one at once, others when the view has stood still."""
        return (self._hurry and self._next == 0) or time.monotonic() - self._since > STILL

    def _bring_on_all(self) -> None:
        busy, playing = Job.current is not None or rendering(), _playing()
        if busy:
            self._frames.pause()
        elif self._unfinished and self._steps is None and not playing and self._due:  # nobody waits for passing frames
            self._begin()
        if self._steps is not None:
            self._bring_on()
        elif not busy and self._look is not None and (playing or not self._unfinished):
            try:
                self._frames.bring_on(self._look, playing)
            except BackendError as error:  # what is shown is right all the same
                self._say(str(error))

    def _begin(self) -> None:
        """Begin with the next rung."""
        assert self._look is not None
        self._frames.make_way(self._look.frame)
        self._steps = made(self._look, self._next, self._shown, partial(self._frames.remember, self._look))

    def _bring_on(self) -> None:
        """Bring on the view's own picture."""
        assert self._steps is not None
        end = time.perf_counter() + TICK
        try:
            while time.perf_counter() < end:
                step = next(self._steps)
                self._say(step.message if self._shown.rung < 0 else self._stands_in())
                if step.waiting:
                    return
        except StopIteration as stop:
            self._steps = None
            picture, self._shown = stop.value
            self._next = self._shown.rung + 1
            self._say("")
            if picture is not None:
                self._picture = picture
                self._engine.tag_redraw()

    def _stands_in(self) -> str:
        """Return what is shown instead of the frame, if it is not the frame."""
        if self._look is None or self._shown.frame in (None, self._look.frame):
            return ""
        return f"Frame {self._shown.frame}, until {self._look.frame} is made"

    def _drop(self) -> None:
        """Let go of the view's own picture in the making."""
        if self._steps is not None:
            self._steps.close()
            self._steps = None

    def _finish(self) -> None:
        """Make no more pictures of this view."""
        self._drop()
        if self._look is not None:
            self._next = self._look.last + 1

    def _clear(self) -> None:
        """Show nothing."""
        self._texture, self._picture, self._shown = None, None, Shown()

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


def _edited(depsgraph: bpy.types.Depsgraph) -> bool:
    """Whether something changed that other frames may depend on.

    A selection tells of the scene, and the temporary scene of a camera path of the objects' and collections' relations
    as well, none of which is a change of them.
    """
    return any(
        update.is_updated_transform
        or (update.is_updated_geometry and not isinstance(update.id, bpy.types.Collection))
        or not isinstance(update.id, bpy.types.Scene | bpy.types.Object | bpy.types.Collection)
        for update in depsgraph.updates
    )


def _playing() -> bool:
    """Whether an animation plays in any window."""
    return any(window.screen.is_animation_playing for window in bpy.data.window_managers[0].windows)
