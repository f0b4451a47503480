"""Signals that ask a command to stop: noted, and heeded between two steps of a job."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Any

from ...inference.errors import Cancelled
from ..job import Step, Steps

# Exit status of a command that a signal has stopped, less the signal's number.
STOPPED = 128


@contextlib.contextmanager
def heard_signals() -> Iterator[list[int]]:
    """Note the signals that ask to stop, instead of what else they do."""
    received: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        received.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)  # None: Blender's own


def heeding(steps: Steps, received: list[int]) -> Steps:
    """Take steps until a signal comes.

    Raises:
        Cancelled: When it has come.
    """
    with contextlib.closing(steps):
        while True:
            try:
                step: Step = next(steps)
            except StopIteration as stop:
                facts: dict[str, Any] = stop.value
                return facts
            if received:
                raise Cancelled()
            yield step
