"""A camera path in the rendered viewport: which frames are kept, and those ahead made before they are wanted."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import ClassVar
from weakref import WeakSet

import bpy

from ..inference.errors import BackendError, SightlineError
from ..inference.frame_cache import StoredFrame
from .backend import client
from .camera_path import CameraPath
from .job import Step, at_once, waited
from .recipes import Recipe
from .requests import FrameRequest, cache, picture_request, worker_params
from .words import counted

# Requests are read until this much of a tick is used up (seconds). Few long ticks are better than many short ones: the
# temporary scene of each has Blender look through the user's scene once more.
_READING = 0.02


class Timeline:
    """Requests for the frames of a recipe's target, read once, and which of their pictures are in the cache.

    Nothing here notices that the scene changes: who holds it has it :meth:`forget` then.

    Args:
        recipe: A settled one with a target.
        side: Longer side of the pictures.
    """

    alive: ClassVar[WeakSet[Timeline]] = WeakSet()

    def __init__(self, recipe: Recipe, side: int) -> None:
        self.recipe, self.side = recipe, side
        self.wanted: Sequence[int] = ()
        self.making: int | None = None
        self._requests: dict[int, FrameRequest | None] = {}  # None: no picture can be made
        self._kept: set[int] = set()
        self._files: dict[int, Path] = {}
        Timeline.alive.add(self)

    def agrees(self, recipe: Recipe, side: int, frame: int, request: FrameRequest) -> bool:
        """Whether this is of that recipe, and knows nothing else of the frame than that request."""
        known = self._requests.get(frame)
        return (self.recipe, self.side) == (recipe, side) and (known is None or known.key == request.key)

    def forget(self) -> None:
        """Read every frame anew."""
        self._requests, self._kept, self._files = {}, set(), {}

    def take(self, frame: int, request: FrameRequest) -> None:
        """Take a request that was read elsewhere."""
        self._requests[frame] = request
        self._look_for(frame)

    def nearest(self, frame: int) -> int | None:
        """Return the nearest frame whose picture is kept, the frame itself where it is; ``None`` if there is none."""
        return min(self._kept, key=lambda number: abs(number - frame), default=None)

    def picture(self, frame: int) -> tuple[StoredFrame, str] | None:
        """Return the kept picture of a frame without its depth, and its key."""
        request = self._requests.get(frame)
        if request is None:
            return None
        found = cache().read(request.key, depth=False)
        if found is None:
            self._kept.discard(frame)
            return None
        self._kept.add(frame)
        return found, request.key

    def ahead(self, wanted: Callable[[], Sequence[int]]) -> Generator[Step, None, None]:
        """Make frames that may be wanted soon, one after another, until all are kept.

        Args:
            wanted: Returns them, the most wanted first; a frame that is none of them any more is dropped.

        Raises:
            BackendError: If there is no worker to make them.
        """
        while True:
            self.wanted = wanted()
            unknown = [frame for frame in self.wanted if frame not in self._requests]
            if unknown:
                self._read(unknown)
                yield Step(0.0, "Reading cameras", waiting=True)  # Blender has its turn
                continue
            frame = next((frame for frame in self.wanted if self._missing(frame)), None)
            if frame is None:
                return
            yield from self._make(frame, wanted)

    def in_words(self) -> str:
        """Return how many of the wanted frames are kept."""
        ready = sum(frame in self._kept for frame in self.wanted)
        return f"{ready} of {counted(len(self.wanted), 'frame')} ahead ready"

    def _missing(self, frame: int) -> bool:
        return frame not in self._kept and self._requests[frame] is not None

    def _look_for(self, frame: int) -> None:
        request = self._requests[frame]
        if request is not None and cache().has(request.key):
            self._kept.add(frame)

    def _read(self, frames: Sequence[int]) -> None:
        """Read the requests of the first of some frames, as many as there is time for, at least one."""
        end = time.perf_counter() + _READING
        with CameraPath(self.recipe) as path:
            for frame in frames:
                try:
                    camera = path.camera(frame).fitted(self.side)
                    self.take(frame, at_once(picture_request(self.recipe, camera, frame, path.graph, self._files)))
                except SightlineError:
                    self._requests[frame] = None  # whoever goes there is told why
                if time.perf_counter() > end:
                    return

    def _make(self, frame: int, wanted: Callable[[], Sequence[int]]) -> Generator[Step, None, None]:
        """Have the worker make a frame, unless it is not wanted any more."""
        request = self._requests[frame]
        assert request is not None
        worker = client()
        asked = worker.submit(request.method, worker_params(request))
        self.making = frame
        try:
            with closing(waited(worker, asked)) as steps:
                for step in steps:
                    self.wanted = wanted()
                    if frame not in self.wanted:
                        return
                    yield step
        finally:
            self.making = None
            worker.release(asked)
        if isinstance(asked.error, BackendError):
            raise asked.error
        if asked.error is not None:
            self._requests[frame] = None
        else:
            self._look_for(frame)
            if frame not in self._kept:
                self._requests[frame] = None  # the cache does not take it: making it again would not help


def timeline_in_words(scene: bpy.types.Scene) -> str:
    """Return how many frames ahead are ready in a viewport that looks through the scene's camera; empty without one."""
    for timeline in Timeline.alive:
        if timeline.recipe.stage.scene.uid == scene.session_uid and timeline.wanted:
            return timeline.in_words()
    return ""


def redraw_sidebars() -> None:
    """Have the panels of all 3D views drawn again."""
    for window in bpy.data.window_managers[0].windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                for region in area.regions:
                    if region.type == "UI":
                        region.tag_redraw()
