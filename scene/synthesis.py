"""Synthesize View as a job: the scene's cameras to the worker, its picture into the scene."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from ..inference.errors import DepthRangeError
from ..inference.view import Capture
from . import depth_range, results
from .backend import client
from .gathering import Stage, capture_of, read_sources, read_target, stage_of, there, unused, write_capture
from .handles import Handle
from .job import Job, Step, Steps, answer
from .methods import uses_pairs
from .properties import SceneSettings, of_scene
from .sources import Source


@dataclass(frozen=True)
class Order:
    """What is to be made, in references that outlive undo."""

    stage: Stage
    capture: Handle[bpy.types.Collection]
    frame: int
    method: str
    quality: str
    source_count: int
    depth: tuple[float, float] | None


def order(context: bpy.types.Context) -> Order:
    """Return what the scene's settings ask for.

    Raises:
        SightlineError: If something is missing; the sentence says what.
    """
    scene = context.scene
    settings: SceneSettings = of_scene(scene)
    capture = capture_of(scene)
    stage = stage_of(context)
    depth = None
    if settings.depth_mode == "MANUAL" and not uses_pairs(settings.method):
        depth = settings.depth_near, settings.depth_far
        if depth[0] >= depth[1]:
            raise DepthRangeError("The nearest distance of the depth range must be below the farthest.")
    return Order(
        stage=stage,
        capture=capture,
        frame=scene.frame_current,
        method=settings.method,
        quality=settings.quality,
        source_count=settings.source_count,
        depth=depth,
    )


def synthesize(job: Job, asked: Order) -> Steps:
    """Make the picture and put it into the scene.

    Raises:
        SightlineError: If it cannot be made. Nothing of the scene has changed then.
    """
    client()  # where there is none, that is said before anything is read
    yield Step(0.0, "Reading cameras")
    target = read_target(asked.stage)
    sources = yield from read_sources(asked.stage, asked.capture, asked.frame)
    job.warnings.extend(f"'{name}' is not used: {reason}" for name, reason in unused(sources).items())
    capture = yield from write_capture(asked.capture.name, sources)
    options: dict[str, Any] = {"method": asked.method, "quality": asked.quality, "device": "auto"}
    if not uses_pairs(asked.method):
        near, far = asked.depth or (yield from _depth_range(job, asked, sources, capture))
        options |= {"sources": asked.source_count, "depth_near": near, "depth_far": far}
    params = {"capture": capture.to_json(), "target": target.to_json(), "options": options}
    return (yield from ask_for_picture(job, asked.stage, "synthesize", params, {"frame": asked.frame}, 0.1))


def ask_for_picture(
    job: Job, stage: Stage, method: str, params: dict[str, Any], known: dict[str, Any], start: float
) -> Steps:
    """Ask the worker for a picture of the target, and put that into the scene.

    Args:
        job: The running one, of which ``start``..1 is left.
        stage: With a target.
        method: The request; its answer is that of ``synthesize``.
        params: Without the file, which is found here.
        known: Added to the picture's metadata.
        start: How far the job is.
    """
    assert stage.target is not None
    path = results.reserve(there(stage.scene, "The scene"), stage.target.name)
    try:
        yield Step(start, "Sending the request")
        data = yield from answer(job, client(), method, params | {"save": str(path)}, start, 1.0)
    finally:
        results.give_up(path)
    metadata = dict(data.get("metadata", {})) | {"target": stage.target.name} | known
    return _show(job, stage.target, path, metadata)


def _depth_range(
    job: Job, asked: Order, sources: list[Source], capture: Capture
) -> Generator[Step, None, tuple[float, float]]:
    """Return the capture's depth range, found once for every arrangement of its cameras."""
    known = depth_range.known(there(asked.capture, "The capture"), sources)
    if known is not None:
        return known
    data = yield from answer(job, client(), "depth_range", {"capture": capture.to_json()}, 0.05, 0.1)
    near, far = float(data["near"]), float(data["far"])
    depth_range.remember(there(asked.capture, "The capture"), sources, near, far, str(data["origin"]))
    return near, far


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
