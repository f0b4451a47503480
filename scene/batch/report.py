"""What a batch says, each line at once: whoever started it reads along, and a log keeps it."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from ...inference.errors import OutputError, SightlineError
from ..frames import Outcome
from ..job import Step
from ..words import spelled

# Progress is told so often at most (seconds).
_OFTEN = 2.0


class Report:
    """Says what becomes of the frames.

    Args:
        number: How many frames there are to be.
        log: A file to which everything is added with time, machine and process: several processes may share it.
        openjd: Whether to print progress, and what has failed, as Open Job Description reads them from the output.

    Raises:
        OutputError: If the log cannot be written.
    """

    def __init__(self, number: int, *, log: Path | None = None, openjd: bool = False) -> None:
        self._number, self._log, self._openjd = number, log, openjd
        self._outcomes: list[Outcome] = []
        self._next_progress = 0.0
        if log is not None:
            try:
                log.parent.mkdir(parents=True, exist_ok=True)
                log.open("a").close()
            except OSError as error:
                raise OutputError(f"The log {log} cannot be written: {error.strerror or error}.") from None

    def started(self, what: str, frames: tuple[int, ...]) -> None:
        """Enter the beginning into the log."""
        self._keep(f"{what}, {spelled(frames)}")

    def tell(self, outcome: Outcome) -> None:
        """Say what has become of a frame: in our words, and in those of Blender's renders, which farms look for."""
        if outcome.again:
            how = "was made without a source that was meant, and is looked at again"
            if outcome.error is not None:
                how = f"failed and is tried again: {outcome.error}"
            self._complain(f"Frame {outcome.frame} {how}")
            return
        self._outcomes.append(outcome)
        place = f"Frame {outcome.frame} ({len(self._outcomes)} of {self._number})"
        if outcome.error is not None:
            self._complain(f"{place} failed: {outcome.error}")
        elif outcome.seconds is None:
            print(f"skipping existing frame {outcome.frame}", flush=True)
            self._say(f"{place}, there already")
        else:
            minutes, seconds = divmod(round(outcome.seconds, 2), 60)
            print(f"Saved: '{outcome.path}'\nTime: {minutes:02.0f}:{seconds:05.2f}", flush=True)
            self._say(f"{place}, {outcome.seconds:.1f} s{f', {outcome.maker}' if outcome.maker else ''}")

    def progress(self, step: Step) -> None:
        """Tell how far all is."""
        if self._openjd and time.monotonic() >= self._next_progress:
            self._next_progress = time.monotonic() + _OFTEN
            print(f"openjd_progress: {100 * step.fraction:.1f}", flush=True)
            print(f"openjd_status: {step.message}", flush=True)

    def stopped(self) -> None:
        """Say that a signal ended it."""
        done = sum(outcome.error is None for outcome in self._outcomes)
        self._complain(f"Stopped; {done} of {self._number} frames are there, --resume goes on from them.")

    def failed(self, error: SightlineError) -> None:
        """Enter into the log what has ended it."""
        self._keep(f"Error: {error}")

    def finished(self, failed: Sequence[int], warnings: Sequence[str]) -> int:
        """Say what the user should know of it all, and return the exit status."""
        for warning in warnings:
            self._complain(f"Warning: {warning}")
        if failed:
            sentence = f"{len(failed)} of {self._number} frames failed: {spelled(failed)}."
            self._complain(sentence)
            if self._openjd:
                print(f"openjd_fail: {sentence}", flush=True)
            return 1
        self._keep(f"All of {self._number} frames are there.")
        return 0

    def _say(self, sentence: str) -> None:
        print(sentence, flush=True)
        self._keep(sentence)

    def _complain(self, sentence: str) -> None:
        print(sentence, file=sys.stderr, flush=True)
        self._keep(sentence)

    def _keep(self, sentence: str) -> None:
        """Add a line to the log, where there is room: a full disk is no reason to end."""
        if self._log is None:
            return
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        line = f"{now} {socket.gethostname()} {os.getpid()}: {' '.join(sentence.split())}\n"
        try:
            with self._log.open("a", encoding="utf-8") as file:
                file.write(line)
        except OSError:
            pass
