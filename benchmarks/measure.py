"""Timing several ways of doing one thing against each other, in one run, taking turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Args:
        subject: What is done.
        way: How it is done.
        value: Median, in ``unit``.
        unit: ``ms``, ``s``, ``MiB`` ...
        ratio: ``value`` over that of ``against``; ``None`` for a figure that stands alone.
        against: The way it is compared with.
    """

    subject: str
    way: str
    value: float
    unit: str
    ratio: float | None = None
    against: str = ""


def medians(ways: Mapping[str, Callable[[], object]], repeats: int = 5, warm_up: int = 1) -> dict[str, float]:
    """Return the median seconds of every way.

    The ways take turns, so that what else the machine does falls on all of them alike.

    Args:
        ways: By name.
        repeats: Measured turns.
        warm_up: Turns before them that are not counted.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(warm_up + repeats):
        for name, function in ways.items():
            started = time.perf_counter()
            function()
            elapsed = time.perf_counter() - started
            if turn >= warm_up:
                seconds[name].append(elapsed)
    return {name: statistics.median(values) for name, values in seconds.items()}


def compared(subject: str, seconds: Mapping[str, float], against: str) -> list[Row]:
    """Return a row in milliseconds for every way, each with its ratio to the way ``against``."""
    return [
        Row(subject, way, 1000 * value, "ms", None if way == against else value / seconds[against], against)
        for way, value in seconds.items()
    ]


def table(rows: list[Row]) -> str:
    """Return the rows as text in columns."""
    lines = [("subject", "way", "median", "ratio")]
    for row in rows:
        digits = 0 if row.value >= 100 else 1 if row.value >= 10 else 2
        ratio = "" if row.ratio is None else f"{row.ratio:.2f} x {row.against}"
        lines.append((row.subject, row.way, f"{row.value:.{digits}f} {row.unit}", ratio))
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    return "\n".join(
        f"{subject:<{widths[0]}}  {way:<{widths[1]}}  {median:>{widths[2]}}  {ratio}".rstrip()
        for subject, way, median, ratio in lines
    )
