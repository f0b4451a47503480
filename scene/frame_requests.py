"""The requests of a camera path's frames, read from the scene in small batches."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from ..inference.errors import SightlineError
from ..inference.worker.client import WorkerClient
from .backend import pictures_folder
from .camera_path import CameraPath
from .gathering import depsgraph_of, read_sources, there
from .job import Job, Step, answer, at_once, part
from .recipes import Recipe, settled
from .requests import FrameRequest, cloud_request, picture_request
from .sources import write_pictures

# Requests are read until this much of a step is used up (seconds).
_READING = 0.01

# A frame's request, or why it has none.
Asked: TypeAlias = FrameRequest | SightlineError


def prepared(job: Job, recipe: Recipe, files: dict[int, Path], worker: WorkerClient) -> Generator[Step, None, Recipe]:
    """Return the settled recipe, and have pictures that only Blender has written in small steps.

    Args:
        job: The running one.
        recipe: As the scene asks for it.
        files: Takes the pictures that are written.
        worker: Is asked for the depth range, where that is not known.

    Raises:
        SightlineError: If there is no depth range to be found, or a picture cannot be written.
    """
    stage = recipe.stage
    frame: int = there(stage.scene, "The scene").frame_current
    graph = partial(depsgraph_of, stage)

    def ask(method: str, params: dict[str, Any]) -> Generator[Step, None, dict[str, Any]]:
        return answer(job, worker, method, params, 0.0, 0.0)

    depsgraph_of(stage, update=True)
    recipe = yield from part(settled(recipe, frame, graph, ask), 0.0, 0.0)
    if recipe.capture is not None:
        for source in (yield from part(read_sources(stage, recipe.capture, frame, graph), 0.0, 0.0)):
            if not source.reason:
                for _ in write_pictures(source, files, pictures_folder()):
                    yield Step(0.0, f"Writing the picture of {source.name}")
    return recipe


def read_requests(recipe: Recipe, frames: Sequence[int], files: dict[int, Path], *, clouds: bool) -> dict[int, Asked]:
    """Read the requests of the first of some frames, as many as a step has time for, at least one.

    Args:
        recipe: A settled one.
        frames: The frames, the first one first.
        files: Pictures that only Blender has and that are written already; takes more.
        clouds: Whether Gaussians are made, and not pictures.
    """
    found: dict[int, Asked] = {}
    end = time.perf_counter() + _READING
    with CameraPath(recipe) as path:
        for frame in frames:
            try:
                found[frame] = at_once(_request_at(path, recipe, frame, files, clouds=clouds))
            except SightlineError as error:
                found[frame] = error
            if time.perf_counter() > end:
                break
    return found


def _request_at(
    path: CameraPath, recipe: Recipe, frame: int, files: dict[int, Path], *, clouds: bool
) -> Generator[Step, None, FrameRequest]:
    if recipe.stage.target is None:
        path.at(frame)
        return (yield from cloud_request(recipe, None, frame, path.graph, files))
    make = cloud_request if clouds else picture_request
    return (yield from make(recipe, path.camera(frame), frame, path.graph, files))
