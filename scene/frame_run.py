"""Makes frames into files with one worker or several; what is there and still right is left alone."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import TypeAlias

from ..inference.errors import BackendError, Cancelled, OutputError, SightlineError
from ..inference.file_stamp import read_stamp
from .backend import client
from .frame_claims import Claims
from .frame_files import check_space, is_foreign
from .frame_notes import FrameNotes
from .frame_queue import FrameQueue
from .frame_requests import Asked, prepared, read_requests
from .frames import Frames, Outcome
from .job import Job, Step, answer, rendering
from .numbered_files import file_at
from .recipes import Recipe
from .requests import FrameRequest, worker_params
from .words import counted, duration
from .worker_pool import Worker, close_workers, open_workers

# After so many frames in a row that a worker has died of, the others go on without it.
_STRIKES = 2

# How often a frame that another process has claimed is looked at (seconds).
_LOOK = 0.5

Tell: TypeAlias = Callable[[Outcome], None]


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
        recipe = yield from prepared(job, asked.recipe, files, workers[0].client)
        with contextlib.ExitStack() as stack:
            claims = stack.enter_context(Claims()) if asked.share else None
            run = FrameRun(job, asked, recipe, files, workers, claims, tell)
            stack.callback(run.stop)
            return (yield from run.steps())
    finally:
        close_workers(workers)


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
        self._queue = FrameQueue(asked.numbers, asked.attempts)
        self._read: dict[int, Asked] = {}
        self._killers: dict[int, list[_Lane]] = {}  # which workers have died of a frame
        self._left_out: list[str] = []
        self._made_here: set[int] = set()
        self._space_checked = False

    def steps(self) -> Generator[Step, None, list[Outcome]]:
        """Make all frames; return their outcomes in the order of the frames.

        Raises:
            Cancelled: If the job was cancelled.
            OutputError: If the frames do not fit onto the disk.
        """
        yield from self._round()
        while (seconds := self._queue.end_round()) is not None:
            yield from self._rest(seconds)
            self._read.clear()  # a picture may be there now
            self._queue.begin_round()
            yield from self._round()
        for frame, error in self._queue.given_up().items():
            self._outcomes[frame] = Outcome(frame, file_at(self._asked.pattern, frame), error=error)
        self._notes.tell()
        self._job.warnings += self._left_out
        return [self._outcomes[frame] for frame in self._asked.numbers]

    def stop(self) -> None:
        """Drop what workers are at; they are told."""
        for lane in self._lanes:
            if lane.steps is not None:
                lane.steps.close()

    def _round(self) -> Generator[Step, None, None]:
        """Try every frame that is to be made once, unless so many fail that the others had better wait."""
        while self._queue.todo or self._busy():
            if self._job.cancelled and not self._busy():
                raise Cancelled()
            waiting = True
            for lane in self._busy():
                self._advance(lane)
                waiting = waiting and lane.waiting
            idle = next((lane for lane in self._lanes if lane.steps is None), None)
            if idle is not None and self._queue.todo:
                if rendering():
                    idle.message = "Waiting for Blender's render"
                elif (frame := self._next(idle)) is not None:
                    self._begin(idle, frame)
                    waiting = False
            if self._queue.breaks_off():
                self._put_back()
                return
            yield Step(*self._state(), waiting)

    def _next(self, lane: _Lane) -> int | None:
        """Take the next frame that this worker has not died of, unless all have."""

        def suits(frame: int) -> bool:
            killed = self._killers.get(frame, [])
            return lane not in killed or all(other in killed for other in self._lanes)

        return self._queue.take(suits)

    def _begin(self, lane: _Lane, frame: int) -> None:
        """Have a worker make a frame, unless there is nothing to make or somebody else is at it."""
        path = file_at(self._asked.pattern, frame)
        request = self._request(frame)
        if isinstance(request, SightlineError):
            self._take(lane, Outcome(frame, path, error=request))
        elif self._is_right(frame, path, request):
            if self._claims is not None:
                self._claims.clear(path)  # of a machine that was lost when the file was there
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
                self._queue.postpone(frame, _LOOK)
            elif self._claims is not None and self._is_right(frame, path, request):  # since it was looked at
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
            except BackendError as error:
                self._tell(Outcome(frame, path, error=error, maker=worker.label, again=True))
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
        if outcome.error is None:
            # A picture that was out of reach may have cost a source: that is asked anew, when it is there again.
            assert isinstance(request, FrameRequest)
            self._made_here.add(frame)
            again = self._queue.succeeded(frame, wholly=not request.unused)
        else:
            again = self._queue.failed(frame, outcome.error)
        if again:
            self._notes.drop()
            self._tell(replace(outcome, again=True))
            return
        self._notes.take(frame, request)
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
        self._queue.put_back(outcome.frame)
        return True

    def _request(self, frame: int) -> Asked:
        """Return a frame's request. Where it is read, those of the frames after it are too, as the time allows."""
        if frame not in self._read:
            ahead = [number for number in self._queue.todo if number not in self._read]
            self._read |= read_requests(self._recipe, [frame, *ahead], self._files, clouds=self._asked.clouds)
        return self._read[frame]

    def _is_right(self, frame: int, path: Path, request: FrameRequest) -> bool:
        wanted = self._asked.resume or self._asked.share or frame in self._made_here
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

    def _put_back(self) -> None:
        """Drop what workers are at, and leave it for later."""
        self.stop()
        for lane in self._busy():
            lane.steps = None
            self._queue.put_back(lane.frame)
            if self._claims is not None:
                self._claims.release(file_at(self._asked.pattern, lane.frame))

    def _rest(self, seconds: float) -> Generator[Step, None, None]:
        """Wait before the next round."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self._job.cancelled:
                raise Cancelled()
            fraction, _ = self._state()
            sentence = f"Going on with {counted(self._queue.left, 'frame')} in {left:.0f} s"
            yield Step(fraction, sentence, waiting=True)

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
