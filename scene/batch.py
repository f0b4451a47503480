"""Batches of frames without a window: ``blender --command sightline render FILE.blend``, and the same for a script."""

from __future__ import annotations

import contextlib
import re
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import bpy

from ..inference.errors import Cancelled, SightlineError
from . import backend
from .batch_options import Batch, UsageError, batch_of, parser
from .frames import Frames, Outcome, make_frames
from .job import Job, Step, Steps
from .names import COMMAND
from .recipes import recipe_of
from .results import make_folder
from .words import spelled

# Exit statuses; a signal's is its number and 128.
DONE, FAILED, WRONG_USAGE = 0, 1, 2
_STOPPED = 128

_PROGRAM = f"blender --command {COMMAND}"


def command(arguments: list[str]) -> int:
    """Do what ``blender --command sightline ARGUMENTS`` asks for, and return the exit status."""
    if arguments[:1] == ["render"]:
        return render(arguments[1:], f"{_PROGRAM} render", names_file=True)
    helps = arguments[:1] in (["-h"], ["--help"])
    print(f"usage: {_PROGRAM} render FILE.blend [options]", file=sys.stdout if helps else sys.stderr)
    return DONE if helps else WRONG_USAGE


def render(arguments: Sequence[str], program: str, *, names_file: bool = False) -> int:
    """Synthesize frames of the open file, or of the one that the arguments name, and return the exit status.

    Each frame that is written prints ``Saved: 'PATH'``, as Blender's own renders do, and how it goes; what fails is
    said on standard error, and the other frames are made. The file itself is not changed.
    """
    try:
        parsed = parser(program, names_file=names_file).parse_args(arguments)
    except SystemExit as stop:  # argparse has said why
        return WRONG_USAGE if stop.code else DONE
    try:
        with _signals() as received:
            if names_file:
                _open(parsed.file)
            return _run(batch_of(parsed), received)
    except SightlineError as error:
        print(f"Error: {error}", file=sys.stderr, flush=True)
        return WRONG_USAGE if isinstance(error, UsageError) else FAILED
    except Exception:  # Blender itself would go on and end well
        traceback.print_exc()
        return FAILED


def _open(path: Path) -> None:
    """Open a blend file.

    Raises:
        SightlineError: If that is not possible.
    """
    if not path.is_file():
        raise SightlineError(f"There is no file '{path}'.")
    try:
        bpy.ops.wm.open_mainfile(filepath=str(path.absolute()))
    except RuntimeError as error:
        reason = re.sub(rf"""( in file)? ["']{re.escape(str(path.absolute()))}["']""", "", str(error))
        reason = " ".join(reason.removeprefix("Error: ").split())
        raise SightlineError(f"Blender cannot open '{path}': {reason.rstrip('.')}.") from None


def _run(batch: Batch, received: list[int]) -> int:
    """Make the frames of a batch; a signal ends it at once, and the worker with it."""
    scene = batch.scene
    scene.frame_set(min(max(scene.frame_current, scene.frame_start), scene.frame_end))
    recipe = recipe_of(scene, scene.view_layers[0], batch.target, render=True)
    make_folder(batch.pattern.parent)
    asked = Frames(recipe, batch.frames, batch.pattern, batch.resume)
    report = _Report(len(batch.frames))

    def work(job: Job) -> Steps:
        return (yield from _heeding(_made(job, asked, report), received))

    job = Job("Synthesizing frames", work)
    try:
        job.run()
    except Cancelled:
        if not received:
            raise
        backend.close()
        report.stopped()
        return _STOPPED + received[0]
    report.finished(job)
    return FAILED if job.facts["failed"] else DONE


def _made(job: Job, asked: Frames, report: _Report) -> Steps:
    outcomes = yield from make_frames(job, asked, report.tell)
    failed = [outcome.frame for outcome in outcomes if outcome.error is not None]
    return {"failed": failed}


def _heeding(steps: Steps, received: list[int]) -> Steps:
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


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
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


class _Report:
    """What is printed, each line at once: whoever started the batch reads along."""

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
