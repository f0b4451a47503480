"""The pictures of a view, coarse to fine, in small steps."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import bpy
import numpy as np
from numpy.typing import NDArray

from ..inference.camera import Camera
from ..inference.frame_cache import from_sixteen_bits
from ..scene.backend import client
from ..scene.gathering import depsgraph_of, there
from ..scene.handles import Handle
from ..scene.job import Step, waited
from ..scene.recipes import Recipe, recipe_of, settled
from ..scene.requests import FrameRequest, cache, picture_request, worker_params

Rgba = NDArray[np.float32]
# Takes the request of a view's finest picture, and its recipe, once that picture is there.
Remember: TypeAlias = Callable[[Recipe, FrameRequest], None]


@dataclass(frozen=True, eq=False)
class Look:
    """What a view looks at.

    Args:
        scene, view_layer: As named.
        frame: The scene's.
        camera: Of the picture.
        through_camera: Whether it is the scene's camera, whose pictures are worth keeping.
        sides: Longer sides of the pictures, ascending; each is a rung.
    """

    scene: Handle[bpy.types.Scene]
    view_layer: str
    frame: int
    camera: Camera
    through_camera: bool
    sides: tuple[int, ...]

    @property
    def last(self) -> int:
        """The rung of the finest picture."""
        return len(self.sides) - 1

    def same_view(self, other: Look | None) -> bool:
        """Whether another look is of the same view and frame, but for rounding."""
        if other is None or (self.scene, self.view_layer, self.frame) != (other.scene, other.view_layer, other.frame):
            return False
        return self.sides == other.sides and _numbers(self.camera) == _numbers(other.camera)


@dataclass(frozen=True)
class Shown:
    """What a view shows: its finest picture's key, the rung (-1: nothing yet), and the frame where it is a camera's."""

    key: str = ""
    rung: int = -1
    frame: int | None = None


# A new picture, ``None`` where what is shown is still right; and what is shown then.
Made = tuple[Rgba | None, Shown]


def made(look: Look, rung: int, shown: Shown, remember: Remember) -> Generator[Step, None, Made]:
    """Make the picture of a rung; the finest one comes at once where it is kept.

    Blender tells of every change, a selection too: what is shown stays where nothing of it has changed.

    Raises:
        SightlineError: If there is no picture to be had.
    """
    scene: bpy.types.Scene = there(look.scene, "The scene")
    layer = scene.view_layers.get(look.view_layer) or scene.view_layers[0]
    recipe = recipe_of(scene, layer, scene.camera if look.through_camera else None, quality="full")
    graph = partial(depsgraph_of, recipe.stage)
    recipe = yield from settled(recipe, look.frame, graph, _asked)
    files: dict[int, Path] = {}

    def request(side: int) -> Generator[Step, None, FrameRequest]:
        return picture_request(recipe, look.camera.fitted(side), look.frame, graph, files)

    finest = yield from request(look.sides[-1])
    now = Shown(finest.key, look.last, look.frame if look.through_camera else None)
    if rung == 0 and finest.key == shown.key:
        if shown.rung == look.last:
            remember(recipe, finest)
        return None, shown
    kept = cache().read(finest.key, depth=False) if look.through_camera else None
    if kept is not None:
        remember(recipe, finest)
        return from_sixteen_bits(kept.rgba), now
    if rung == look.last or max(look.camera.width, look.camera.height) <= look.sides[rung]:
        picture = yield from _picture(finest, kept=look.through_camera)
        remember(recipe, finest)
        return picture, now
    coarse = yield from request(look.sides[rung])
    return (yield from _picture(coarse, kept=False)), Shown(finest.key, rung, now.frame)


def _picture(request: FrameRequest, *, kept: bool) -> Generator[Step, None, Rgba]:
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


def _numbers(camera: Camera) -> tuple[float, ...]:
    """Return all that a camera without distortion is, but for rounding."""
    pose = np.round(camera.world_to_camera, 7).ravel().tolist()
    return camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy, *pose
