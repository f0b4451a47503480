"""Create Gaussians as a job: the scene's cameras to the worker, a cloud or one for each frame into the scene."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..inference.errors import Cancelled, GaussiansError, SightlineError
from ..inference.gaussian_ply import read_gaussians
from ..inference.gaussians import Gaussians
from . import checks, results
from .backend import client
from .frame_files import cloud_pattern
from .frame_ranges import frames_of
from .frame_run import make_frames
from .frames import Frames, Outcome
from .gathering import Stage, capture_of, depsgraph_of, read_target, stage_of, there
from .gaussian_sequences import file_for, files_of, follow
from .gaussians import create_object, is_gaussians
from .handles import Handle
from .hanging import hang, root_of
from .job import Job, Step, Steps, answer, aside
from .names import RESULT_KEY
from .numbered_files import file_at
from .properties import of_object, of_scene
from .recipes import cloud_recipe
from .requests import cloud_request, worker_params
from .worker_pool import preferred_workers


@dataclass(frozen=True)
class Order:
    """What is to be made, in references that outlive undo; the stage has a target where the Gaussians are for one."""

    stage: Stage
    capture: Handle[bpy.types.Collection]
    quality: str
    frame: int
    frames: tuple[int, ...] | None
    missing: bool


def order(context: bpy.types.Context) -> Order:
    """Return what the scene's settings ask for.

    Raises:
        SightlineError: If something is missing; the sentence says what.
    """
    scene = context.scene
    settings = of_scene(scene)
    return Order(
        capture=capture_of(scene),
        stage=stage_of(context, with_target=settings.gaussians_coverage == "TARGET"),
        quality=settings.quality,
        frame=scene.frame_current,
        frames=tuple(frames_of(scene)) if settings.gaussians_span == "RANGE" else None,
        missing=settings.gaussians_missing,
    )


def obstacle(context: bpy.types.Context) -> str:
    """Return what stands in the way of making Gaussians, as a sentence; empty where nothing is known to."""
    for problem in (checks.backend_problem(), checks.capture_problem(context)):
        if problem is not None:
            return problem.sentence
    try:
        order(context)
    except SightlineError as error:
        return str(error)
    return ""


def create(job: Job, asked: Order) -> Steps:
    """Make Gaussians, keep them as PLY beside the other results, and add their object to the scene.

    The one step whose time grows with the cloud is the last: Blender takes attributes only all at once (a quarter of a
    second a million Gaussians).

    Raises:
        SightlineError: If they cannot be made. Nothing of the scene has changed then; files of finished frames stay.
    """
    client()  # where there is none, that is said before anything is read
    yield Step(0.0, "Reading cameras")
    return (yield from (_still(job, asked) if asked.frames is None else _sequence(job, asked, asked.frames)))


def _still(job: Job, asked: Order) -> Steps:
    """Make the Gaussians of the current frame, and an object of them."""
    path = results.reserve_new(results.output_folder(_scene(asked)), asked.capture.name, ".ply")
    try:
        depsgraph_of(asked.stage, update=True)
        camera = None if asked.stage.target is None else read_target(asked.stage)
        graph = partial(depsgraph_of, asked.stage)
        request = yield from cloud_request(
            cloud_recipe(asked.stage, asked.capture, asked.quality), camera, asked.frame, graph, {}
        )
        job.warnings.extend(f"'{name}' is not used: {reason}" for name, reason in request.unused.items())
        data = yield from answer(job, client(), request.method, worker_params(request, save=path), 0.05, 0.95)
        metadata = dict(data.get("metadata", {})) | request.known
        gaussians = yield from _read_cloud(job, path)
        obj = _add(asked, gaussians, metadata)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    sentence = f"{obj.name}: {len(gaussians):,} Gaussians, {results.summary(metadata)}"
    return {"object": obj.name, "path": str(path), "metadata": metadata, "sentence": sentence}


def _sequence(job: Job, asked: Order, frames: tuple[int, ...]) -> Steps:
    """Make a file for every frame, and one object that follows the frame."""
    pattern = _pattern(asked)
    _check_unmoved(asked, pattern)
    wanted = tuple(frame for frame in frames if not file_at(pattern, frame).exists())
    told: list[Outcome] = []
    try:
        recipe = cloud_recipe(asked.stage, asked.capture, asked.quality)
        asked_frames = Frames(recipe, wanted, pattern, clouds=True, workers=preferred_workers())
        outcomes = yield from make_frames(job, asked_frames, told.append)
    except Cancelled:
        raise Cancelled(_kept(sum(outcome.error is None for outcome in told), pattern)) from None
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    if failed and len(failed) == len(outcomes):
        assert failed[0].error is not None
        raise failed[0].error
    job.warnings.extend(f"Frame {outcome.frame} is left out: {outcome.error}" for outcome in failed)
    metadata = next((outcome.metadata for outcome in reversed(outcomes) if outcome.error is None), {})
    obj = _follower(asked, pattern)
    held: int | None = None
    if obj is None:
        path, held = file_for(pattern, asked.frame)
        obj = _add(asked, (yield from _read_cloud(job, path)), metadata)
    follow(obj, results.stored(pattern), _scene(asked).frame_current, held)
    sentence = f"{obj.name}: {len(outcomes) - len(failed)} frames, {pattern.name}"
    return {"object": obj.name, "path": str(pattern), "metadata": metadata, "sentence": sentence}


def _read_cloud(job: Job, path: Path) -> Generator[Step, None, Gaussians]:
    return (yield from aside(lambda: read_gaussians(path), Step(0.95, "Reading the Gaussians")))


def _add(asked: Order, gaussians: Gaussians, metadata: dict[str, Any]) -> bpy.types.Object:
    """Add the object to the scene that was asked from, whichever is open now.

    The bare name of the capture belongs to the empty that its cameras hang on.
    """
    scene = _scene(asked)
    layer = scene.view_layers.get(asked.stage.view_layer) or scene.view_layers[0]
    with bpy.context.temp_override(scene=scene, view_layer=layer):
        obj = create_object(bpy.context, gaussians, f"{asked.capture.name} Gaussians")
    obj[RESULT_KEY] = json.dumps(metadata)
    capture = asked.capture.resolve()
    root = None if capture is None else root_of(capture)
    if root is not None:
        hang(obj, root)
    return obj


def _check_unmoved(asked: Order, pattern: Path) -> None:
    """Check that new frames would lie where those of a sequence lie that is there already.

    Raises:
        GaussiansError: If its object was moved, with its capture or alone.
    """
    obj = _follower(asked, pattern)
    if obj is not None and not np.allclose(np.array(obj.matrix_world), np.eye(4), atol=1e-5):
        raise GaussiansError(
            f"'{obj.name}' was moved since its first frames were made, and new ones would lie elsewhere; switch off "
            "Only Missing Frames to make all of them."
        )


def _follower(asked: Order, pattern: Path) -> bpy.types.Object | None:
    """Return the scene's object that follows a sequence already."""
    for obj in _scene(asked).objects:
        sequence = of_object(obj).sequence
        if sequence and Path(bpy.path.abspath(sequence)) == pattern and is_gaussians(obj):
            return obj
    return None


def _pattern(asked: Order) -> Path:
    """Return the pattern of a new sequence; where only missing frames are made, of the last one there is.

    Raises:
        OutputError: If there can be no files there.
    """
    folder = results.make_folder(results.output_folder(_scene(asked)))
    last: Path | None = None
    for number in count():
        pattern = cloud_pattern(folder, asked.capture.name, number)
        if not files_of(pattern):
            return last if asked.missing and last is not None else pattern
        last = pattern
    raise AssertionError


def _kept(made: int, pattern: Path) -> str:
    """Return what a cancel leaves behind, as a sentence."""
    if not made:
        return "Cancelled."
    return f"Cancelled; {made} finished frames are kept ({pattern.name}), and Only Missing Frames goes on from there."


def _scene(asked: Order) -> bpy.types.Scene:
    scene: bpy.types.Scene = there(asked.stage.scene, "The scene")
    return scene
