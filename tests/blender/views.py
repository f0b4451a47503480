"""A 3D view without a window, for what draws into one."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import bpy
from mathutils import Matrix


class Engine:
    """What a viewport asks of Blender's engine."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def tag_redraw(self) -> None: ...

    def update_stats(self, _stats: str, sentence: str) -> None:
        self.said.append(sentence)


def projection(fx: float, fy: float, offset: tuple[float, float]) -> Matrix:
    """An OpenGL projection with off-centre axis."""
    near, far = 0.1, 100.0
    depth = [0, 0, -(far + near) / (far - near), -2 * far * near / (far - near)]
    return Matrix([[fx, 0, offset[0], 0], [0, fy, offset[1], 0], depth, [0, 0, -1, 0]])


def view_through_target() -> Any:
    """A view of 192 x 144 through the target of the made-up capture, which becomes the scene's camera."""
    scene = bpy.context.scene
    scene.camera = scene.sightline.target
    return SimpleNamespace(
        region_data=SimpleNamespace(
            window_matrix=projection(2 * 90 / 192, 2 * 90 / 144, (0, 0)),
            view_matrix=scene.camera.matrix_world.inverted(),
            view_perspective="CAMERA",
        ),
        region=SimpleNamespace(width=192, height=144),
        scene=scene,
        view_layer=bpy.context.view_layer,
        evaluated_depsgraph_get=bpy.context.evaluated_depsgraph_get,
    )


def tick_until(viewport: Any, done: Callable[[], bool]) -> None:
    """Let a viewport's timer tick until something is so."""
    end = time.monotonic() + 90
    while not done():
        assert time.monotonic() < end
        viewport._tick()
        time.sleep(0.005)
