"""Timing several ways of doing one thing against each other, in one run, taking turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Median seconds: on the clock, and of all the process's threads on the processor (which a busy machine spares)."""

    wall: float
    cpu: float


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
        cpu: Milliseconds on the processor where they are known.
    """

    subject: str
    way: str
    value: float
    unit: str
    ratio: float | None = None
    against: str = ""
    cpu: float | None = None


def medians(ways: Mapping[str, Callable[[], object]], repeats: int = 5, warm_up: int = 1) -> dict[str, Timing]:
    """Return the median times of every way.

    The ways take turns, so that what else the machine does falls on all of them alike.

    Args:
        ways: By name.
        repeats: Measured turns.
        warm_up: Turns before them that are not counted.
    """
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for turn in range(warm_up + repeats):
        for name, function in ways.items():
            started, worked = time.perf_counter(), time.process_time()
            function()
            elapsed = time.perf_counter() - started, time.process_time() - worked
            if turn >= warm_up:
                seconds[name].append(elapsed)
    return {
        name: Timing(*(statistics.median(column) for column in zip(*values, strict=True)))
        for name, values in seconds.items()
    }


def compared(subject: str, timings: Mapping[str, Timing], against: str) -> list[Row]:
    """Return a row in milliseconds for every way, each with its ratio on the clock to the way ``against``."""
    return [
        Row(
            subject,
            way,
            1000 * timing.wall,
            "ms",
            None if way == against else timing.wall / timings[against].wall,
            against,
            1000 * timing.cpu,
        )
        for way, timing in timings.items()
    ]


def table(rows: list[Row]) -> str:
    """Return the rows as text in columns."""
    lines = [("subject", "way", "median", "processor", "ratio on the clock")]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f} x {row.against}"
        processor = "" if row.cpu is None else f"{_digits(row.cpu)} ms"
        lines.append((row.subject, row.way, f"{_digits(row.value)} {row.unit}", processor, ratio))
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    return "\n".join(
        f"{subject:<{widths[0]}}  {way:<{widths[1]}}  {median:>{widths[2]}}  {processor:>{widths[3]}}  {ratio}".rstrip()
        for subject, way, median, processor, ratio in lines
    )


def _digits(value: float) -> str:
    return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2}f}"
