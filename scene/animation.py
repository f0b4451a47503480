"""Synthesize Animation as a job: every frame of the range to a file, and the files behind the target's view."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import bpy

from ..inference.errors import Cancelled
from . import results
from .frame_files import free_pattern
from .frame_ranges import frames_of
from .frame_run import make_frames
from .frame_sequence import show_sequence, show_strip
from .frames import Frames, Outcome, failures_in_words
from .gathering import there
from .job import Job, Step, Steps
from .properties import of_scene
from .recipes import Recipe, recipe_of
from .synthesis import needed_target
from .words import counted
from .worker_pool import preferred_workers


@dataclass(frozen=True)
class Order:
    """The frames of a target camera, in references that outlive undo."""

    recipe: Recipe
    frames: tuple[int, ...]
    file_format: str
    strip: bool


def order(context: bpy.types.Context) -> Order:
    """Return what the scene's settings ask for.

    Raises:
        SightlineError: If something is missing; the sentence says what.
    """
    scene = context.scene
    settings = of_scene(scene)
    return Order(
        recipe=recipe_of(scene, context.view_layer, needed_target(scene)),
        frames=tuple(frames_of(scene)),
        file_format=settings.frame_format,
        strip=settings.frames_strip,
    )


def synthesize(job: Job, asked: Order) -> Steps:
    """Make the frames that are not there yet or not right any more, and show them all.

    Raises:
        SightlineError: If there is no frame to show. Nothing of the scene has changed then; finished frames stay.
    """
    outcomes: list[Outcome] = []
    try:
        frames = yield from _frames(asked)
        outcomes = yield from make_frames(job, frames, outcomes.append)
    except Cancelled:
        raise Cancelled(_kept(outcomes)) from None
    there_now = [outcome for outcome in outcomes if outcome.error is None]
    if not there_now:
        assert outcomes[0].error is not None
        raise outcomes[0].error
    if failures := failures_in_words(outcomes):
        job.warnings.append(failures)
    return _show(job, asked, frames, there_now)


def _frames(asked: Order) -> Generator[Step, None, Frames]:
    """Return the frames with the place for their files, in the folder for results."""
    stage = asked.recipe.stage
    assert stage.target is not None
    folder = results.output_folder(there(stage.scene, "The scene"))
    pattern = yield from free_pattern(folder, stage.target.name, asked.file_format, asked.frames)
    results.make_folder(pattern.parent)
    return Frames(asked.recipe, asked.frames, pattern, workers=preferred_workers())


def _show(job: Job, asked: Order, frames: Frames, outcomes: list[Outcome]) -> dict[str, object]:
    """Put finished frames into the scene, as far as that is still there."""
    stage = asked.recipe.stage
    assert stage.target is not None
    files = {outcome.frame: outcome.path for outcome in outcomes}
    made = [outcome for outcome in outcomes if outcome.seconds is not None]
    metadata = {"method": asked.recipe.method, "quality": asked.recipe.quality}
    if made:
        metadata |= made[-1].metadata
    target = stage.target.resolve()
    if target is None or not isinstance(target.data, bpy.types.Camera):
        job.warnings.append(
            f"The target camera '{stage.target.name}' was deleted; the frames are in '{frames.pattern.parent}'."
        )
    else:
        show_sequence(target, files, metadata)
    if asked.strip:
        show_strip(there(stage.scene, "The scene"), f"{stage.target.name} frames", files)
    there_before = len(outcomes) - len(made)
    sentence = f"{frames.pattern.name}: {counted(len(made), 'frame')} made"
    if there_before:
        sentence += f", {there_before} there already"
    return {"path": str(frames.pattern), "made": len(made), "kept": there_before, "sentence": sentence}


def _kept(outcomes: list[Outcome]) -> str:
    """Return what a cancel leaves behind, as a sentence."""
    made = sum(outcome.seconds is not None for outcome in outcomes)
    if not made:
        return "Cancelled."
    kept = "1 finished frame is" if made == 1 else f"{made} finished frames are"
    return f"Cancelled; {kept} kept, and Synthesize Animation goes on from there."
