"""Makes frames into files with one worker or several; what is there and still right is left alone."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any, TypeAlias

from ..inference.errors import (
    BackendError,
    Cancelled,
    GaussiansError,
    OutputError,
    PictureError,
    SightlineError,
    WeightsError,
)
from ..inference.file_stamp import read_stamp
from ..inference.worker.client import WorkerClient
from .backend import client, pictures_folder
from .camera_path import CameraPath
from .frame_claims import Claims
from .frame_files import check_space, is_foreign
from .frame_notes import FrameNotes
from .frames import Frames, Outcome
from .gathering import depsgraph_of, read_sources, there
from .job import Job, Step, answer, at_once, part, rendering
from .numbered_files import file_at
from .recipes import Recipe, settled
from .requests import FrameRequest, cloud_request, picture_request, worker_params
from .sources import write_pictures
from .words import counted, duration
from .worker_pool import Worker, close_workers, open_workers

# Requests are read until this much of a step is used up (seconds).
_READING = 0.01

# So many frames in a row without a place to write to, or without a living worker, are enough.
_ENOUGH = 3

# After so many frames in a row that a worker has died of, the others go on without it.
_STRIKES = 2

# What may be otherwise a while later: a share that was out of reach, a full disk, a worker that the system killed.
_PASSING = (BackendError, GaussiansError, OutputError, PictureError)

# Seconds before failed frames are tried again: the first time, and at most; each time three times as long.
_PAUSE, _LONGEST_PAUSE = 10.0, 300.0

# How often a frame that another process has claimed is looked at (seconds).
_LOOK = 0.5

Tell: TypeAlias = Callable[[Outcome], None]
Asked: TypeAlias = FrameRequest | SightlineError


def make_frames(job: Job, asked: Frames, tell: Tell = lambda _outcome: None) -> Generator[Step, None, list[Outcome]]:
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
    workers = yield from open_workers(job, asked.workers)
    try:
        recipe = yield from _prepared(job, asked.recipe, files, workers[0].client)
        with contextlib.ExitStack() as stack:
            claims = stack.enter_context(Claims()) if asked.share else None
            run = FrameRun(job, asked, recipe, files, workers, claims, tell)
            stack.callback(run.stop)
            return (yield from run.steps())
    finally:
        close_workers(workers)


def _prepared(job: Job, recipe: Recipe, files: dict[int, Path], worker: WorkerClient) -> Generator[Step, None, Recipe]:
    """Return the settled recipe, and have pictures that only Blender has written in small steps."""
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


@dataclass
class _Lane:
    """A worker, the frame that it is at, and how far that is."""

    worker: Worker
    frame: int = 0
    steps: Generator[Step, None, Outcome] | None = None
    fraction: float = 0.0
    message: str = ""
    waiting: bool = False
    strikes: int = 0


class FrameRun:
    """The making of frames: hands them to workers as these are ready, and takes what comes back.

    Args:
        job: The running one.
        asked: The frames.
        recipe: The settled one.
        files: Pictures that only Blender has and that are written already; takes more.
        workers: At least one.
        claims: Where other processes make frames of the same range.
        tell: Called with each outcome.
    """

    def __init__(
        self,
        job: Job,
        asked: Frames,
        recipe: Recipe,
        files: dict[int, Path],
        workers: Sequence[Worker],
        claims: Claims | None,
        tell: Tell,
    ) -> None:
        self._job, self._asked, self._recipe, self._files = job, asked, recipe, files
        self._claims, self._tell = claims, tell
        self._lanes = [_Lane(worker) for worker in workers]
        self._notes = FrameNotes(job)
        self._outcomes: dict[int, Outcome] = {}
        self._failing: list[SightlineError | None] = []  # errors of the last attempts, in their order
        self._todo: deque[int] = deque()
        self._again: list[int] = []
        self._read: dict[int, Asked] = {}
        self._not_before: dict[int, float] = {}
        self._killers: dict[int, list[_Lane]] = {}  # which workers have died of a frame
        self._left_out: list[str] = []
        self._last_attempt = True
        self._space_checked = False

    def steps(self) -> Generator[Step, None, list[Outcome]]:
        """Make all frames; return their outcomes in the order of the frames.

        Raises:
            Cancelled: If the job was cancelled.
            OutputError: If the frames do not fit onto the disk.
        """
        pause = _PAUSE
        self._todo.extend(self._asked.numbers)
        for attempt in range(1, self._asked.attempts + 1):
            self._last_attempt = attempt == self._asked.attempts
            yield from self._attempt()
            if not self._again:
                break
            yield from self._rest(pause)
            pause = min(3 * pause, _LONGEST_PAUSE)
            self._todo.extend(self._again)
            self._again.clear()
        self._notes.tell()
        self._job.warnings += self._left_out
        return [self._outcomes[frame] for frame in self._asked.numbers]

    def stop(self) -> None:
        """Drop what workers are at; they are told."""
        for lane in self._lanes:
            if lane.steps is not None:
                lane.steps.close()

    def _attempt(self) -> Generator[Step, None, None]:
        """Try every frame that is to be made once."""
        self._failing.clear()
        while self._todo or self._busy():
            if self._job.cancelled and not self._busy():
                raise Cancelled()
            waiting = True
            for lane in self._busy():
                self._advance(lane)
                waiting = waiting and lane.waiting
            idle = next((lane for lane in self._lanes if lane.steps is None), None)
            if idle is not None and self._todo:
                if rendering():
                    idle.message = "Waiting for Blender's render"
                elif (frame := self._next(idle)) is not None:
                    self._begin(idle, frame)
                    waiting = False
            if self._hopeless():
                self._give_up()
            yield Step(*self._state(), waiting)

    def _next(self, lane: _Lane) -> int | None:
        """Take the first frame off the list that may be tried now by a worker that has not died of it."""
        now = time.monotonic()
        for frame in self._todo:
            killed = self._killers.get(frame, [])
            others = any(other not in killed for other in self._lanes)
            if self._not_before.get(frame, now) <= now and not (lane in killed and others):
                self._todo.remove(frame)
                return frame
        return None

    def _begin(self, lane: _Lane, frame: int) -> None:
        """Have a worker make a frame, unless there is nothing to make or somebody else is at it."""
        path = file_at(self._asked.pattern, frame)
        request = self._request(frame)
        if isinstance(request, SightlineError):
            self._take(lane, Outcome(frame, path, error=request))
        elif self._is_right(path, request):
            self._take(lane, Outcome(frame, path))
        elif is_foreign(path):
            sentence = f"'{path}' was not made by Sightline, or was changed since; move it or choose another name."
            self._take(lane, Outcome(frame, path, error=SightlineError(sentence)))
        else:
            try:
                claimed = self._claims is None or self._claims.take(path)
            except OutputError as error:
                self._take(lane, Outcome(frame, path, error=error))
                return
            if not claimed:
                lane.message = f"Frame {frame} is being made on {self._owner(path)}"
                self._not_before[frame] = time.monotonic() + _LOOK
                self._todo.append(frame)
            elif self._claims is not None and self._is_right(path, request):  # since it was looked at
                self._take(lane, Outcome(frame, path))
            else:
                self._check_space(request)
                lane.frame, lane.fraction, lane.steps = frame, 0.0, self._made(lane.worker, frame, path, request)

    def _advance(self, lane: _Lane) -> None:
        """Take one step of what a worker is at."""
        assert lane.steps is not None
        try:
            step = next(lane.steps)
        except StopIteration as stop:
            lane.steps, lane.message = None, ""
            self._take(lane, stop.value)
        else:
            lane.fraction, lane.message, lane.waiting = step.fraction, step.message, step.waiting

    def _made(self, worker: Worker, frame: int, path: Path, request: FrameRequest) -> Generator[Step, None, Outcome]:
        """Make one frame; where the worker dies of it, another one in its place tries once more."""
        began = time.perf_counter()
        params = worker_params(request, save=path, device=self._asked.device)
        try:
            try:
                data = yield from answer(self._job, worker.client, request.method, params, 0.0, 1.0)
            except BackendError:
                data = yield from answer(self._job, worker.client, request.method, params, 0.0, 1.0)
        except Cancelled:
            raise
        except SightlineError as error:
            return Outcome(frame, path, error=error, maker=worker.label)
        metadata = dict(data.get("metadata", {})) | request.known
        return Outcome(frame, path, time.perf_counter() - began, metadata=metadata, maker=worker.label)

    def _take(self, lane: _Lane, outcome: Outcome) -> None:
        """Enter what has become of a frame, and decide whether it is tried again."""
        frame = outcome.frame
        if self._claims is not None:
            self._claims.release(outcome.path)
        if self._goes_elsewhere(lane, outcome):
            return
        request = self._read.pop(frame)
        self._notes.take(frame, request)
        self._failing.append(outcome.error)
        if isinstance(outcome.error, _PASSING) and not self._last_attempt:
            self._again.append(frame)
            self._tell(replace(outcome, again=True))
            return
        self._outcomes[frame] = outcome
        self._tell(outcome)

    def _goes_elsewhere(self, lane: _Lane, outcome: Outcome) -> bool:
        """Whether a frame that its worker has died of is given to another; a worker that dies too often is left out."""
        if not isinstance(outcome.error, BackendError):
            lane.strikes = 0
            return False
        if len(self._lanes) == 1:
            return False
        killed = self._killers.setdefault(outcome.frame, [])
        killed.append(lane)
        lane.strikes += 1
        if lane.strikes == _STRIKES:
            self._lanes.remove(lane)
            self._left_out.append(f"{lane.worker.label} was not used any more: {outcome.error}")
        if len(killed) > 1:  # then it is the frame's fault
            return False
        self._todo.appendleft(outcome.frame)
        return True

    def _request(self, frame: int) -> Asked:
        """Return a frame's request. Where it is read, those of the frames after it are too, as the time allows."""
        if frame not in self._read:
            ahead = [number for number in self._todo if number not in self._read]
            self._read |= _requests(self._recipe, [frame, *ahead], self._files, clouds=self._asked.clouds)
        return self._read[frame]

    def _is_right(self, path: Path, request: FrameRequest) -> bool:
        wanted = self._asked.resume or self._asked.share
        return wanted and path.is_file() and read_stamp(path) == request.key

    def _check_space(self, request: FrameRequest) -> None:
        """Check once, before the first picture, that all fit onto the disk; how large Gaussians are is not known."""
        if not self._space_checked and request.size is not None:
            missing = sum(not file_at(self._asked.pattern, number).exists() for number in self._asked.numbers)
            check_space(self._asked.pattern, missing, request.size)
        self._space_checked = True

    def _owner(self, path: Path) -> str:
        return (self._claims and self._claims.owner(path)) or "another machine"

    def _busy(self) -> list[_Lane]:
        return [lane for lane in self._lanes if lane.steps is not None]

    def _hopeless(self) -> bool:
        """Whether what is wrong is wrong with all frames, so that the others need not be tried now."""
        if not self._failing:
            return False
        if isinstance(self._failing[-1], WeightsError):
            return True
        last = self._failing[-_ENOUGH:]
        kinds = (OutputError, BackendError)
        return len(last) == _ENOUGH and any(all(isinstance(error, kind) for error in last) for kind in kinds)

    def _give_up(self) -> None:
        """Take all other frames as failed like the last one, or leave them for the next attempt."""
        error = self._failing[-1]
        self.stop()
        rest = [*(lane.frame for lane in self._busy()), *self._todo]
        for lane in self._busy():
            lane.steps = None
            if self._claims is not None:
                self._claims.release(file_at(self._asked.pattern, lane.frame))
        self._todo.clear()
        if not self._last_attempt and isinstance(error, _PASSING):
            self._again.extend(rest)
            return
        for frame in [*rest, *self._again]:
            self._outcomes[frame] = Outcome(frame, file_at(self._asked.pattern, frame), error=error)
        self._again.clear()

    def _rest(self, seconds: float) -> Generator[Step, None, None]:
        """Wait before the next attempt."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self._job.cancelled:
                raise Cancelled()
            fraction, _ = self._state()
            yield Step(fraction, f"{counted(len(self._again), 'frame')} to try again in {left:.0f} s", waiting=True)

    def _state(self) -> tuple[float, str]:
        """Return how far all is, which frame is at work, and how long the rest may take by the last that were made."""
        number, done = len(self._asked.numbers), len(self._outcomes)
        busy = self._busy()
        fraction = (done + sum(lane.fraction for lane in busy)) / number
        text = f"Frame {min(done + 1, number)} of {number}"
        made = [outcome.seconds for outcome in self._outcomes.values() if outcome.seconds is not None][-10:]
        if made:
            text += f", {duration(fmean(made) * (number - done) / len(self._lanes))} left"
        if len(busy) > 1:
            return fraction, f"{text}, {len(busy)} at work"
        message = (busy or self._lanes)[0].message
        return fraction, f"{text}: {message}" if message else text


def _requests(recipe: Recipe, frames: Sequence[int], files: dict[int, Path], *, clouds: bool) -> dict[int, Asked]:
    """Read the first of some frames, as many as a step has time for, at least one; errors stand for their frames."""
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
