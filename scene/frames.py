"""Frames of a camera path, one after another, into files; what is there and still right is left alone."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from ..inference.errors import BackendError, Cancelled, OutputError, SightlineError, WeightsError
from ..inference.file_stamp import read_stamp
from .backend import client, pictures_folder
from .camera_path import CameraPath
from .frame_files import check_space, is_foreign
from .gathering import depsgraph_of, read_sources, there
from .job import Job, Step, answer, at_once, part, rendering
from .numbered_files import file_at
from .recipes import Recipe, settled
from .requests import PictureRequest, picture_request, worker_params
from .sources import write_pictures
from .words import duration, spelled

# Requests are read until this much of a step is used up (seconds).
_READING = 0.01

# So many frames in a row without a place to write to, or so many first frames without a living worker, are enough.
_ENOUGH = 3


@dataclass(frozen=True)
class Frames:
    """What is to be made, in references that outlive undo.

    Args:
        recipe: With a target.
        numbers: The frames, in the order in which they are made.
        pattern: Of their files.
        resume: Whether a file that is right already is left as it is.
    """

    recipe: Recipe
    numbers: tuple[int, ...]
    pattern: Path
    resume: bool = True


@dataclass(frozen=True)
class Outcome:
    """What has become of a frame: made in so many seconds, there already (``seconds`` is ``None``), or failed."""

    frame: int
    path: Path
    seconds: float | None = None
    error: SightlineError | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


def make_frames(
    job: Job, asked: Frames, tell: Callable[[Outcome], None] = lambda _outcome: None
) -> Generator[Step, None, list[Outcome]]:
    """Make frames, and return what has become of each. One that fails does not stop the others.

    Args:
        job: The running one; takes warnings, each with the frames it is about.
        asked: The frames.
        tell: Called with each outcome as soon as it is known.

    Raises:
        SightlineError: If what is wrong has nothing to do with a frame: no backend, no depth range, no space; or
            :class:`Cancelled`. Frames that were finished stay.
    """
    client()  # where there is none, that is said before anything is read
    yield Step(0.0, "Reading cameras")
    files: dict[int, Path] = {}
    recipe = yield from _prepared(job, asked, files)
    notes = _Notes(job)
    outcomes: list[Outcome] = []
    read: deque[PictureRequest | SightlineError] = deque()
    checked = False
    for index, frame in enumerate(asked.numbers):
        shown = _progress(outcomes, len(asked.numbers))
        start, end = (place / len(asked.numbers) for place in (index, index + 1))
        yield Step(start, shown)
        while not read:
            if rendering():
                yield Step(start, f"{shown}: waiting for Blender's render", waiting=True)
            else:
                read.extend(_requests(recipe, asked.numbers[index:], files))
        request = read.popleft()
        if not checked and isinstance(request, PictureRequest):
            missing = sum(not file_at(asked.pattern, number).exists() for number in asked.numbers)
            check_space(asked.pattern, missing, request.size)
            checked = True
        outcome = yield from part(_frame(job, asked, frame, request), start, end, f"{shown}: ")
        notes.take(frame, request)
        outcomes.append(outcome)
        tell(outcome)
        if _hopeless(outcomes):
            rest = asked.numbers[index + 1 :]
            outcomes += [Outcome(number, file_at(asked.pattern, number), error=outcome.error) for number in rest]
            break
    notes.tell()
    return outcomes


def failures_in_words(outcomes: Sequence[Outcome]) -> str:
    """Return which frames failed and why, as a sentence; empty where none did."""
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    if not failed:
        return ""
    numbers = spelled([outcome.frame for outcome in failed])
    return f"{numbers.capitalize()} could not be made: {failed[0].error}"


def _prepared(job: Job, asked: Frames, files: dict[int, Path]) -> Generator[Step, None, Recipe]:
    """Return the settled recipe, and have pictures that only Blender has written in small steps."""
    recipe = asked.recipe
    stage = recipe.stage
    frame: int = there(stage.scene, "The scene").frame_current
    graph = partial(depsgraph_of, stage)

    def ask(method: str, params: dict[str, Any]) -> Generator[Step, None, dict[str, Any]]:
        return answer(job, client(), method, params, 0.0, 0.0)

    depsgraph_of(stage, update=True)
    recipe = yield from part(settled(recipe, frame, graph, ask), 0.0, 0.0)
    if recipe.capture is not None:
        for source in (yield from part(read_sources(stage, recipe.capture, frame, graph), 0.0, 0.0)):
            if not source.reason:
                for _ in write_pictures(source, files, pictures_folder()):
                    yield Step(0.0, f"Writing the picture of {source.name}")
    return recipe


def _requests(recipe: Recipe, frames: Sequence[int], files: dict[int, Path]) -> list[PictureRequest | SightlineError]:
    """Read the first of some frames, as many as a step has time for, at least one; errors stand for their frames."""
    found: list[PictureRequest | SightlineError] = []
    end = time.perf_counter() + _READING
    with CameraPath(recipe) as path:
        for frame in frames:
            try:
                camera = path.camera(frame)
                found.append(at_once(picture_request(recipe, camera, frame, path.graph, files)))
            except SightlineError as error:
                found.append(error)
            if time.perf_counter() > end:
                break
    return found


def _frame(
    job: Job, asked: Frames, frame: int, request: PictureRequest | SightlineError
) -> Generator[Step, None, Outcome]:
    """Make one frame, unless that is there; where the worker dies of it, another one tries once more."""
    path = file_at(asked.pattern, frame)
    if isinstance(request, SightlineError):
        return Outcome(frame, path, error=request)
    if asked.resume and path.is_file() and read_stamp(path) == request.key:
        return Outcome(frame, path)
    if is_foreign(path):
        sentence = f"'{path}' was not made by Sightline, or was changed since; move it or choose another name."
        return Outcome(frame, path, error=SightlineError(sentence))
    began = time.perf_counter()
    params = worker_params(request, save=path)
    try:
        try:
            data = yield from answer(job, client(), request.method, params, 0.0, 1.0)
        except BackendError:
            data = yield from answer(job, client(), request.method, params, 0.0, 1.0)
    except Cancelled:
        raise
    except SightlineError as error:
        return Outcome(frame, path, error=error)
    metadata = dict(data.get("metadata", {})) | request.known
    return Outcome(frame, path, seconds=time.perf_counter() - began, metadata=metadata)


def _hopeless(outcomes: Sequence[Outcome]) -> bool:
    """Whether what is wrong is wrong with all frames, so that the others need not be tried."""
    errors = [outcome.error for outcome in outcomes]
    if isinstance(errors[-1], WeightsError):
        return True
    if len(errors) < _ENOUGH:
        return False
    full = all(isinstance(error, OutputError) for error in errors[-_ENOUGH:])
    return full or all(isinstance(error, BackendError) for error in errors)


def _progress(outcomes: Sequence[Outcome], number: int) -> str:
    """Return which frame is at work, and how long the rest may take by the last ones that were made."""
    text = f"Frame {len(outcomes) + 1} of {number}"
    seconds = [outcome.seconds for outcome in outcomes if outcome.seconds is not None][-10:]
    if not seconds:
        return text
    return f"{text}, {duration(fmean(seconds) * (number - len(outcomes)))} left"


class _Notes:
    """Warnings about frames, said once for all the frames they are about."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._start = len(job.warnings)
        self._unused: dict[str, tuple[str, list[int]]] = {}
        self._said: dict[str, list[int]] = {}

    def take(self, frame: int, request: PictureRequest | SightlineError) -> None:
        """Take what the job was warned of since the last frame, and the sources that a frame does without."""
        for sentence in self._job.warnings[self._start :]:
            self._said.setdefault(sentence, []).append(frame)
        del self._job.warnings[self._start :]
        if isinstance(request, PictureRequest):
            for name, reason in request.unused.items():
                self._unused.setdefault(name, (reason, []))[1].append(frame)

    def tell(self) -> None:
        """Give them back to the job."""
        for name, (reason, frames) in self._unused.items():
            self._job.warnings.append(f"'{name}' is not used at {spelled(frames)}: {reason}")
        for sentence, frames in self._said.items():
            self._job.warnings.append(f"{spelled(frames).capitalize()}: {sentence}")
