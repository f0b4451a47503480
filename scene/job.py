"""Long work in small steps: one description, two drivers.

A job is a generator that does at most a few milliseconds of work between two ``yield``s and waits for the worker by
yielding steps marked so. A modal timer drives it in a window (``operators/modal.py``), :meth:`Job.run` does headless.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeVar

import bpy

from ..inference.errors import Cancelled, SightlineError
from ..inference.worker.client import Request, WorkerClient
from . import error_log
from .properties import job_state

# A driver does further steps until this much of a tick is used up (seconds).
TICK = 0.015
# How long a headless job sleeps while the worker works (seconds).
NAP = 0.01


@dataclass(frozen=True)
class Step:
    """How far a job is; ``waiting`` where nothing but time brings it on."""

    fraction: float
    message: str
    waiting: bool = False


T = TypeVar("T")
Steps = Generator[Step, None, dict[str, Any]]


class Job:
    """Work in progress, shown on ``WindowManager.sightline``. There is one at a time.

    Args:
        title: What it does, for the panel.
        work: Called with this job; returns its steps. Their return value is the job's ``facts``.
    """

    current: ClassVar[Job | None] = None

    def __init__(self, title: str, work: Callable[[Job], Steps]) -> None:
        self.title = title
        self.error: SightlineError | None = None
        self.facts: dict[str, Any] = {}
        self.warnings: list[str] = []
        self.cancelled = False
        self.finished = False
        self.fraction = 0.0
        self.message = ""
        self._waiting = True
        self._steps = work(self)

    def start(self) -> None:
        """Become the current job.

        Raises:
            SightlineError: If there is one already.
        """
        if Job.current is not None:
            raise SightlineError(f"{Job.current.title} is still running; wait for it or cancel it.")
        Job.current = self
        state = job_state()
        state.running, state.title, state.fraction, state.message = True, self.title, 0.0, ""
        state.error = state.error_code = state.warnings = state.facts = ""

    def cancel(self) -> None:
        """Stop at the next step; a waiting job tells the worker first."""
        self.cancelled = True

    def step(self) -> bool:
        """Do one step; return whether there are more. Errors of the right kind end up in ``error``."""
        if self.finished:  # abandoned, and its timer ticks once more
            return False
        try:
            stop_it = self.cancelled and not self._waiting
            step = self._steps.throw(Cancelled()) if stop_it else next(self._steps)
        except StopIteration as stop:
            self.facts = stop.value
            self._finish()
        except SightlineError as error:
            self.error = error
            self._finish()
        except BaseException:
            self._finish()
            raise
        else:
            self._waiting = step.waiting
            self.fraction, self.message = step.fraction, step.message
            state = job_state()
            state.fraction, state.message = step.fraction, step.message
        return not self.finished

    def tick(self) -> bool:
        """Do as many steps as fit into a tick of the timer; return whether there are more."""
        end = time.perf_counter() + TICK
        while self.step():
            if self._waiting or time.perf_counter() > end:
                return True
        return False

    def run(self) -> None:
        """Do all of it.

        Raises:
            SightlineError: What became of it, if it failed.
        """
        self.start()
        try:
            while self.step():
                if self._waiting:
                    time.sleep(NAP)
        except BaseException:
            self.abandon()
            raise
        if self.error is not None:
            raise self.error

    def abandon(self) -> None:
        """Drop it where it stands: its window or file is gone."""
        if not self.finished:
            self._steps.close()
            self._finish()

    def _finish(self) -> None:
        self.finished = True
        if Job.current is self:
            Job.current = None
        state = job_state()
        state.running, state.message = False, ""
        state.warnings = "\n".join(self.warnings)
        if self.error is not None and not isinstance(self.error, Cancelled):
            state.error, state.error_code = str(self.error), self.error.code
            error_log.remember(self.title, str(self.error))
        state.facts = str(self.facts.get("sentence", ""))


def rendering() -> bool:
    """Whether Blender renders just now, when nothing of its data may change."""
    app: Any = bpy.app
    return bool(app.is_job_running("RENDER"))


@bpy.app.handlers.persistent  # type: ignore[untyped-decorator]
def forget_last(_file: str) -> None:
    """Clear what another session's last job left in the file that was opened: a window manager is saved with it."""
    if Job.current is None:
        job_state().property_unset("running")
        for name in ("error", "error_code", "warnings", "facts", "message"):
            job_state().property_unset(name)


def waited(client: WorkerClient, request: Request) -> Generator[Step, None, None]:
    """Yield a step at a time until a request is finished; whoever closes these steps cancels it."""
    try:
        while not request.finished:
            yield Step(request.fraction, request.message or "Waiting for the worker ...", waiting=True)
            client.poll()
    finally:
        client.cancel(request)  # does nothing to a finished one


def answer(
    job: Job, client: WorkerClient, method: str, params: dict[str, Any], start: float, end: float
) -> Generator[Step, None, dict[str, Any]]:
    """Ask the worker and wait; the request's 0..1 is ``start``..``end`` of the job.

    The caller releases nothing: arrays of the answer are dropped with the job.

    Raises:
        SightlineError: The worker's error; :class:`Cancelled` if the job was cancelled.
    """
    request: Request = client.submit(method, params)
    with closing(waited(client, request)) as steps:
        for step in steps:
            if job.cancelled:
                client.cancel(request)
            message = "Cancelling ..." if job.cancelled else step.message
            yield replace(step, fraction=start + (end - start) * step.fraction, message=message)
    job.warnings.extend(request.warnings)
    if request.error is not None:
        raise request.error
    data = request.data or {}
    client.release(request)
    return {key: value for key, value in data.items() if key not in {"rgba", "depth", "confidence"}}


def aside(work: Callable[[], T], step: Step) -> Generator[Step, None, T]:
    """Do in a thread what takes long and touches nothing of Blender's, and wait for it in steps like ``step``.

    Raises:
        SightlineError: What ``work`` raises.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="sightline") as thread:  # its end waits for the work, come what may
        future = thread.submit(work)
        while not future.done():
            yield replace(step, waiting=True)
    yield step  # where a cancelled job stops
    return future.result()


def part(steps: Generator[Step, None, T], start: float, end: float, prefix: str = "") -> Generator[Step, None, T]:
    """Yield the steps of a part of a job, whose 0..1 is ``start``..``end``, with a prefix to their messages."""
    try:
        while True:
            step = next(steps)
            yield replace(step, fraction=start + (end - start) * step.fraction, message=prefix + step.message)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        steps.close()


def at_once(steps: Generator[Step, None, T]) -> T:
    """Take all steps of something short."""
    try:
        while True:
            next(steps)
    except StopIteration as stop:
        result: T = stop.value
        return result
