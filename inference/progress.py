"""How long work says how far it is, and learns that it should stop."""

from __future__ import annotations

from collections.abc import Callable

# Called with the fraction done (0..1) and the name of the stage; raises errors.Cancelled where the user asked to stop.
Progress = Callable[[float, str], None]


def silent(fraction: float, stage: str) -> None:
    """Report to nobody."""


def part(progress: Progress, start: float, end: float) -> Progress:
    """Return a progress whose 0..1 is ``start``..``end`` of ``progress``."""
    return lambda fraction, stage: progress(start + (end - start) * fraction, stage)
