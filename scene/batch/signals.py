"""Signals that ask a command to stop: noted, and heeded between two steps of a job."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Generator
from types import FrameType, TracebackType
from typing import Any, Self, TypeVar

from ...inference.errors import Cancelled
from .. import backend
from ..job import Job, Step, Steps

T = TypeVar("T")


class Stopped(Cancelled):
    """A signal has ended a command, whose exit status says which."""

    def __init__(self, number: int) -> None:
        super().__init__("Stopped.")
        self.status = 128 + number


class Signals:
    """Hears the signals that ask to stop while it is entered, instead of what else they do."""

    def __init__(self) -> None:
        self._received: list[int] = []
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)  # None: Blender's own

    def run(
        self,
        title: str,
        work: Callable[[Job], Generator[Step, None, T]],
        tell: Callable[[Step], None] = lambda _step: None,
    ) -> tuple[T, list[str]]:
        """Do a job, and return its result and what it warns of. A signal ends it at once, and the worker with it.

        Args:
            title: Of the job.
            work: Called with the job; returns its steps.
            tell: Called with each step.

        Raises:
            Stopped: If a signal has come.
            SightlineError: What became of the job, if it failed.
        """

        def heeded(job: Job) -> Steps:
            with contextlib.closing(work(job)) as steps:
                while True:
                    try:
                        step = next(steps)
                    except StopIteration as stop:
                        return {"result": stop.value}
                    if self._received:
                        raise Cancelled()
                    tell(step)
                    yield step

        job = Job(title, heeded)
        try:
            job.run()
        except Cancelled:
            if not self._received:
                raise
            backend.close()
            raise Stopped(self._received[0]) from None
        result: T = job.facts["result"]
        return result, job.warnings

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._received.append(number)
