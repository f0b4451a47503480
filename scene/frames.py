"""Frames of a camera path, pictures or Gaussians, that are to be made, and what has become of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..inference.errors import SightlineError
from .recipes import Recipe
from .words import spelled


@dataclass(frozen=True)
class Frames:
    """What is to be made, in references that outlive undo.

    Args:
        recipe: With a target, which a whole person's Gaussians do without.
        numbers: The frames, in the order in which they are made.
        pattern: Of their files.
        resume: Whether a file that is right already is left as it is.
        clouds: Whether Gaussians are made, and not pictures.
        device: What the worker computes on, as ``inference`` names it.
        workers: How many at once, or ``gpus`` for one on each GPU.
        share: Whether other processes make frames of the same range into the same folder; what one has made is right
            for all.
        attempts: How often a frame is tried where what is wrong may pass: a picture out of reach, a full disk. So many
            rounds without a frame made end it all.
    """

    recipe: Recipe
    numbers: tuple[int, ...]
    pattern: Path
    resume: bool = True
    clouds: bool = False
    device: str = "auto"
    workers: int | str = 1
    share: bool = False
    attempts: int = 1


@dataclass(frozen=True)
class Outcome:
    """What has become of a frame: made in so many seconds, there already (``seconds`` is ``None``), or failed.

    ``maker`` is the worker or the other machine that made it, where there are several; ``again`` says that a frame that
    failed, or that lacks a source, is tried once more.
    """

    frame: int
    path: Path
    seconds: float | None = None
    error: SightlineError | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    maker: str = ""
    again: bool = False


def failures_in_words(outcomes: Sequence[Outcome]) -> str:
    """Return which frames failed and why, as a sentence; empty where none did."""
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    if not failed:
        return ""
    numbers = spelled([outcome.frame for outcome in failed])
    return f"{numbers.capitalize()} could not be made: {failed[0].error}"
