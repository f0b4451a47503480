"""Run by ``animation.py`` in a process of its own, which is a Blender. Prints JSON.

python -m benchmarks.animation_process METHOD WIDTH HEIGHT
"""

from __future__ import annotations

import importlib
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from examples.in_blender import PACKAGE, blender, open_example

from .example import EXAMPLE
from .measure import medians

FRAMES = 100  # of the path
SMALL = 500  # frames while memory is watched
SMALL_SIZE = (128, 72)


def main(method: str, width: int, height: int) -> None:
    """Measure one method."""
    with tempfile.TemporaryDirectory() as folder, blender():
        import bpy

        open_example(EXAMPLE, Path(folder))
        scene: Any = bpy.context.scene
        scene.sightline.method = method
        target = scene.sightline.target
        target.keyframe_insert("location", frame=1)
        target.location.x += 0.05
        target.keyframe_insert("location", frame=FRAMES)
        path = _Path(width, height)
        found: dict[str, Any] = {"frames": SMALL, **path.asked(), **path.made(), "memory": _memory()}
    print(json.dumps(found), flush=True)
    os._exit(0)  # Blender's module may hang while it is torn down


class _Path:
    """The frames of the target's path at a size."""

    def __init__(self, width: int, height: int) -> None:
        import bpy

        self._scene: Any = importlib.import_module(f"{PACKAGE}.scene.requests")
        scene: Any = bpy.context.scene
        scene.render.resolution_x, scene.render.resolution_y = width, height
        job, recipes = (importlib.import_module(f"{PACKAGE}.scene.{name}") for name in ("job", "recipes"))
        self._at_once = job.at_once
        self._client = importlib.import_module(f"{PACKAGE}.scene.backend").client
        self._camera_path = importlib.import_module(f"{PACKAGE}.scene.camera_path").CameraPath
        recipe = recipes.recipe_of(scene, bpy.context.view_layer, scene.sightline.target)
        self._recipe = self._at_once(recipes.settled(recipe, 1, bpy.context.evaluated_depsgraph_get, self._ask))
        self._files: dict[int, Path] = {}
        self.requests: list[Any] = []

    def asked(self) -> dict[str, float]:
        """Make the request of every frame."""
        seconds = []
        with self._camera_path(self._recipe) as path:
            for frame in range(1, FRAMES + 1):
                started = time.perf_counter()
                steps = self._scene.picture_request(self._recipe, path.camera(frame), frame, path.graph, self._files)
                self.requests.append(self._at_once(steps))
                seconds.append(time.perf_counter() - started)
        return {"asked": statistics.median(seconds), "slowest": max(seconds)}

    def made(self) -> dict[str, float]:
        """Make every frame of the path, the first of which loads photographs and weights; read them from the cache."""
        seconds = []
        for request in self.requests:
            started = time.perf_counter()
            self.make(request)
            seconds.append(time.perf_counter() - started)
        cache = self._scene.cache()
        frame = cache.read(self.requests[0].key, depth=False).rgba
        copy = np.empty_like(frame)
        turn = itertools.cycle([request.key for request in self.requests])
        times = medians(
            {
                "read": lambda: cache.read(next(turn), depth=False),
                "copied": lambda: np.copyto(copy, frame),
            },
            repeats=FRAMES,
        )
        found = {way: timing.wall for way, timing in times.items()}
        return {"path": FRAMES, "made": statistics.fmean(seconds), "longest": max(seconds), **found}

    def make(self, request: Any) -> None:
        """Have the worker make a picture."""
        client = self._client()
        asked = client.submit(request.method, self._scene.worker_params(request))
        client.wait(asked)
        client.release(asked)

    def _ask(self, method: str, params: dict[str, Any]) -> Any:
        client = self._client()
        return client.wait(client.submit(method, params))
        yield


def _memory() -> dict[str, tuple[float, float]]:
    """Return the MiB that Blender and the worker hold after a fifth of many small frames, and after all."""
    backend: Any = importlib.import_module(f"{PACKAGE}.scene.backend")
    path = _Path(*SMALL_SIZE)
    early: dict[str, float] = {}
    done = 0
    while done < SMALL:
        path.requests.clear()
        path.asked()
        for request in path.requests[: min(FRAMES, SMALL - done)]:
            # Other keys than those of the last turn, which would be found in the cache.
            path.make(type(request)(request.method, request.params, f"{request.key}-{done}", request.size))
            done += 1
            if done == SMALL // 5:
                early = _resident(backend.client().pid)
    late = _resident(backend.client().pid)
    return {process: (early[process], late[process]) for process in late}


def _resident(worker: int) -> dict[str, float]:
    """Return the MiB of memory that each process holds (Linux)."""
    held = {}
    for name, pid in (("Blender", os.getpid()), ("the worker", worker)):
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        held[name] = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    return held


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
