"""What a batch prints, each line at once: whoever started it reads along."""

from __future__ import annotations

import sys

from ..frames import Outcome
from ..job import Job
from ..words import spelled


class Report:
    """Says what becomes of the frames.

    Args:
        number: How many frames there are to be.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._outcomes: list[Outcome] = []

    def tell(self, outcome: Outcome) -> None:
        """Say what has become of a frame."""
        self._outcomes.append(outcome)
        place = f"Frame {outcome.frame} ({len(self._outcomes)} of {self._number})"
        if outcome.error is not None:
            print(f"{place} failed: {outcome.error}", file=sys.stderr, flush=True)
        elif outcome.seconds is None:
            print(f"{place}, there already", flush=True)
        else:
            print(f"Saved: '{outcome.path}'", flush=True)
            print(f"{place}, {outcome.seconds:.1f} s", flush=True)

    def stopped(self) -> None:
        """Say that a signal ended it."""
        done = sum(outcome.error is None for outcome in self._outcomes)
        print(f"Stopped; {done} of {self._number} frames are there, --resume goes on from them.", file=sys.stderr)

    def finished(self, job: Job) -> None:
        """Say what the user should know of it all."""
        for warning in job.warnings:
            print(f"Warning: {warning}", file=sys.stderr)
        if failed := job.facts["failed"]:
            sentence = f"{len(failed)} of {self._number} frames failed: {spelled(failed)}."
            print(sentence, file=sys.stderr, flush=True)
