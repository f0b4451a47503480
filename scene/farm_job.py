"""Export Farm Job as a job: test frames, a copy of the scene that stays as it is, and what a farm reads of it."""

from __future__ import annotations

import math
import shutil
import uuid
from collections.abc import Generator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import bpy

from ..farm.job import FarmJob, Memory
from ..farm.openjd import requirements, write_bundle
from ..inference.errors import OutputError, SightlineError
from . import checks, reconstruction
from .backend import ROOT
from .farm_assets import find_assets
from .frame_files import cloud_pattern, free_pattern
from .frame_ranges import frames_as_text, frames_of
from .frame_run import make_frames
from .frames import Frames, Outcome
from .frozen_copy import file_name, save_copy
from .job import Job, Step, Steps, at_once, part
from .properties import of_scene
from .recipes import cloud_recipe, recipe_of
from .results import make_folder, numbered_name, output_folder
from .synthesis import needed_target
from .words import counted

# What Flamenco's Manager takes.
FLAMENCO_FOLDER = ROOT / "farm" / "flamenco"

# What a task takes before its first frame (seconds): two on a warm machine (benchmarks/farm.py), fifteen where kernels
# are compiled or all comes from a cold disk, which is nearer to what a farm has.
_START_UP = 15.0

# So much of a task may that be, and so many frames a task has at most for it.
_SHARE, _MOST = 0.1, 100


@dataclass(frozen=True)
class Order:
    """What a farm is to make, in references that outlive undo.

    Args:
        frames: With the place where the farm puts them.
        folder: In which the job's own folder is made.
        chunk: Frames in a task; 0 where that is to be chosen.
        movie: Whether the farm makes a movie in the end.
    """

    frames: Frames
    folder: Path
    chunk: int = 0
    movie: bool = False


def order(context: bpy.types.Context, folder: Path) -> Order:
    """Return what the scene's settings ask for.

    Raises:
        SightlineError: If something is missing; the sentence says what.
    """
    settings = of_scene(context.scene)
    clouds = settings.farm_kind == "gaussians"
    frames = _clouds(context) if clouds else _pictures(context)
    return Order(
        replace(frames, device=settings.farm_device), folder, settings.farm_chunk, settings.farm_movie and not clouds
    )


def obstacle(context: bpy.types.Context) -> str:
    """Return what stands in the way of a job, as a sentence; empty where nothing is known to."""
    if of_scene(context.scene).farm_kind == "gaussians":
        return reconstruction.obstacle(context)
    problem = (
        checks.backend_problem()
        or checks.capture_problem(context)
        or checks.gaussians_problem(context)
        or checks.target_problem(context)
    )
    return "" if problem is None else problem.sentence


def export(job: Job, asked: Order) -> Steps:
    """Make the first and the last frame, and write the job if they succeed.

    The job's folder is a new one: one that a farm may be at work on never changes.

    Raises:
        SightlineError: If a frame cannot be made, or the job cannot be written. Nothing is left behind then.
    """
    final = _new_folder(make_folder(asked.folder))
    aside = final.with_name(f".{final.name}.{uuid.uuid4().hex[:8]}")
    try:
        aside.mkdir()
        outcomes = yield from part(_test_frames(job, asked.frames, aside / "test"), 0.0, 0.8)
        assets = yield from part(find_assets(asked.frames), 0.8, 0.9)
        yield Step(0.9, "Saving a copy of the scene")
        scene_file = aside / f"{numbered_name(file_name(), 0)}.blend"
        save_copy(scene_file)
        made = _farm_job(asked, outcomes, final / scene_file.name, tuple(sorted(assets.files)))
        write_bundle(aside, made)
        aside.rename(final)
    except ValueError as error:
        raise SightlineError(str(error)) from None
    except OSError as error:
        raise OutputError(
            f"The job cannot be written to '{asked.folder}' ({error.strerror or error}); choose another folder."
        ) from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    job.warnings.extend(assets.warnings)
    return {"path": str(final), "sentence": f"Wrote {final}: {_in_words(made, len(asked.frames.numbers))}"}


def _pictures(context: bpy.types.Context) -> Frames:
    """Return the frames of the target, as a batch makes them and where Synthesize Animation puts them."""
    scene = context.scene
    target, numbers = needed_target(scene), tuple(frames_of(scene))
    pattern = at_once(free_pattern(output_folder(scene), target.name, of_scene(scene).frame_format, numbers))
    return Frames(recipe_of(scene, scene.view_layers[0], target, render=True), numbers, pattern)


def _clouds(context: bpy.types.Context) -> Frames:
    """Return the Gaussians of all frames, as Create Gaussians makes and names them."""
    asked, scene = reconstruction.order(context), context.scene
    recipe = cloud_recipe(asked.stage, asked.capture, asked.quality)
    pattern = cloud_pattern(output_folder(scene), asked.capture.name)
    return Frames(recipe, tuple(frames_of(scene)), pattern, clouds=True)


def _test_frames(job: Job, asked: Frames, folder: Path) -> Generator[Step, None, list[Outcome]]:
    """Make two frames here: a job that cannot work is not worth sending, and what a frame takes is measured.

    One would tell the wrong time: the first frame of a process waits for what is compiled and loaded on the way.

    Raises:
        SightlineError: If one cannot be made.
    """
    folder.mkdir()
    numbers = tuple(dict.fromkeys((asked.numbers[0], asked.numbers[-1])))
    tested = replace(asked, numbers=numbers, pattern=folder / asked.pattern.name, device="auto", workers=1)
    outcomes = yield from make_frames(job, tested)
    shutil.rmtree(folder)
    for outcome in outcomes:
        if outcome.error is not None:
            raise outcome.error
    return outcomes


def _farm_job(asked: Order, outcomes: list[Outcome], scene_file: Path, assets: tuple[Path, ...]) -> FarmJob:
    frames, recipe = asked.frames, asked.frames.recipe
    name = file_name()
    shown = recipe.stage.target or recipe.capture
    return FarmJob(
        name=name if shown is None else f"{name}, {shown.name}",
        scene_file=scene_file,
        scene=recipe.stage.scene.name,
        blender="blender",
        frames=frames_as_text(frames.numbers),
        chunk=asked.chunk or _chunk(min(map(_seconds, outcomes))),
        kind="gaussians" if frames.clouds else "frames",
        method=recipe.method,
        quality=recipe.quality,
        device=frames.device,
        output=frames.pattern,
        movie=frames.pattern.parent / f"{numbered_name(name, 0)}.mp4" if asked.movie else None,
        assets=assets,
        memory=_memory(outcomes, frames.device),
    )


def _seconds(outcome: Outcome) -> float:
    """Return what a frame takes once the network is loaded, also where this one came from the cache."""
    seconds = outcome.metadata.get("seconds")
    if not isinstance(seconds, dict):
        return outcome.seconds or 0.0
    return float(sum(value for stage, value in seconds.items() if stage != "network loading"))


def _chunk(seconds: float) -> int:
    """Return how many frames a task needs for starting up to be a small share of it."""
    wanted = _START_UP * (1 - _SHARE) / _SHARE / max(seconds, 1e-3)
    return min(max(math.ceil(wanted), 1), _MOST)


def _memory(outcomes: list[Outcome], device: str) -> Memory | None:
    """Return the most that was measured, where it is known and was measured on what the farm is to compute on."""
    told = (outcome.metadata.get("memory") for outcome in outcomes)
    found = [
        Memory(entry["device"], entry["label"], entry["device_bytes"], entry["host_bytes"])
        for entry in told
        if entry is not None and device in {"auto", entry["device"]}
    ]
    return max(found, key=lambda memory: (memory.device_bytes or 0, memory.host_bytes or 0), default=None)


def _new_folder(folder: Path) -> Path:
    """Return the first folder for a job of the open file that is not there yet."""
    name = f"{numbered_name(file_name(), 0)} farm job"
    return next(path for number in count() if not (path := folder / numbered_name(name, number)).exists())


def _in_words(made: FarmJob, number: int) -> str:
    """Return how large a job is and what it needs."""
    size = f"{counted(number, 'frame')} in {counted(math.ceil(number / made.chunk), 'task')}"
    wanted = {} if made.memory is None else requirements(made.memory)
    needs = [f"{wanted['amount.worker.memory']:,} MiB of memory"] if "amount.worker.memory" in wanted else []
    if "amount.worker.gpu.memory" in wanted:
        needs.insert(0, f"a GPU with {wanted['amount.worker.gpu.memory']:,} MiB")
    return f"{size}, for machines with {' and '.join(needs)}" if needs else f"{size}; what they need was not measured"
