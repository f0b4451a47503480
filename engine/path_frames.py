"""The frames of the scene camera's path that a view has at hand, and those that may come next."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import bpy

from ..inference.errors import BackendError
from ..inference.frame_cache import StoredFrame
from ..scene.frame_ranges import frames_ahead
from ..scene.gathering import there
from ..scene.job import Step
from ..scene.properties import of_scene
from ..scene.recipes import Recipe
from ..scene.requests import FrameRequest
from ..scene.timeline import Timeline, redraw_sidebars
from .view_pictures import Look


class PathFrames:
    """Kept frames at once, and frames ahead before they are wanted; nothing before the first one is remembered."""

    def __init__(self) -> None:
        self._timeline: Timeline | None = None
        self._steps: Generator[Step, None, None] | None = None
        self._look: Look | None = None
        self._done = self._backwards = self._around = False

    @property
    def pending(self) -> bool:
        """Whether frames ahead may be missing still."""
        return self._timeline is not None and not self._done

    def nearest(self, frame: int) -> int | None:
        """Return the nearest frame that is kept, the frame itself where it is; ``None`` if there is none."""
        return None if self._timeline is None else self._timeline.nearest(frame)

    def picture(self, frame: int) -> tuple[StoredFrame, str] | None:
        """Return a kept frame's picture and its key."""
        return None if self._timeline is None else self._timeline.picture(frame)

    def turn(self, backwards: bool) -> None:
        """Take note that the current frame is another one."""
        self._backwards, self._done = backwards, False

    def remember(self, look: Look, recipe: Recipe, request: FrameRequest) -> None:
        """Keep the request of a frame, and those of other frames where they agree with it."""
        if not look.through_camera:
            return
        side = look.sides[-1]
        if self._timeline is None or not self._timeline.agrees(recipe, side, look.frame, request):
            self.drop()
            self._timeline = Timeline(recipe, side)
        self._timeline.take(look.frame, request)

    def bring_on(self, look: Look, playing: bool) -> None:
        """Bring on the frames ahead.

        Raises:
            BackendError: If there is no worker to make them; they are not tried again until the frame is another one.
        """
        self._look, self._around = look, playing
        if self._steps is None:
            if self._timeline is None or self._done:
                return
            self._steps = self._timeline.ahead(self._wanted)
        ready = self._timeline.in_words() if self._timeline is not None else ""
        try:
            next(self._steps)
        except (StopIteration, BackendError) as end:
            self._steps, self._done = None, True
            if isinstance(end, BackendError):
                raise
        if self._timeline is not None and self._timeline.in_words() != ready:
            redraw_sidebars()

    def make_way(self, frame: int) -> None:
        """Let the worker have its hands free, unless they are on that very frame."""
        if self._timeline is not None and self._timeline.making != frame:
            self.pause()

    def pause(self) -> None:
        """Let go of the frame ahead that is in the making."""
        if self._steps is not None:
            self._steps.close()
            self._steps = None

    def forget(self) -> None:
        """Take note that frames may be others than they were."""
        self.pause()
        self._done = False
        if self._timeline is not None:
            self._timeline.forget()

    def drop(self) -> None:
        """Let go of the path."""
        self.pause()
        self._timeline, self._done = None, False

    def _wanted(self) -> Sequence[int]:
        assert self._look is not None
        scene: bpy.types.Scene = there(self._look.scene, "The scene")
        count = of_scene(scene).prefetch
        return frames_ahead(scene, self._look.frame, count, backwards=self._backwards, around=self._around)
