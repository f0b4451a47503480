"""The making of frames as every command of a batch does it."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from ...inference.errors import SightlineError
from ..enumerations import DEVICES
from ..frame_run import make_frames
from ..frames import Frames
from ..worker_pool import GPUS, preferred_workers
from .report import Report
from .signals import Signals, Stopped


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add what says how frames are made, whatever they are."""
    parser.add_argument("--resume", action="store_true", help="leave frames that are there and still right")
    parser.add_argument(
        "--share",
        action="store_true",
        help="share the frames with other processes, here or on other machines, that make the same range into the same "
        "folder; implies --resume",
    )
    add_worker_options(parser)
    parser.add_argument(
        "--attempts",
        metavar="N",
        type=_positive,
        default=2,
        help="how often a frame is tried where the fault may pass, such as a picture out of reach (default: 2)",
    )
    parser.add_argument("--log", metavar="FILE", type=Path, help="file to which everything that happens is added")


def add_worker_options(parser: argparse.ArgumentParser) -> None:
    """Add what says how frames are made in any case, and how that is told."""
    parser.add_argument(
        "--workers",
        metavar="N",
        type=_workers,
        help=f"how many frames at once, or '{GPUS}' for one on each GPU (default: as the preferences say)",
    )
    parser.add_argument(
        "--device", choices=[name for name, *_ in DEVICES], default="auto", help="what frames are computed on"
    )
    parser.add_argument("--openjd", action="store_true", help="print progress as Open Job Description reads it")


def run_frames(asked: Frames, arguments: argparse.Namespace, title: str, signals: Signals) -> int:
    """Make frames as the arguments of :func:`add_run_options` say, and return the exit status.

    Each frame that is written prints ``Saved: 'PATH'``, as Blender's own renders do, and how it goes; what fails is
    said on standard error, and the other frames are made.

    Raises:
        Stopped: If a signal has come.
        SightlineError: If what is wrong has nothing to do with a frame.
    """
    asked = replace(
        asked,
        resume=arguments.resume,
        share=arguments.share,
        workers=arguments.workers or preferred_workers(),
        device=arguments.device,
        attempts=arguments.attempts,
    )
    report = Report(len(asked.numbers), log=arguments.log, openjd=arguments.openjd)
    report.started(f"{title} into {asked.pattern}", asked.numbers)

    try:
        outcomes, warnings = signals.run(title, lambda job: make_frames(job, asked, report.tell), report.progress)
    except Stopped:
        report.stopped()
        raise
    except SightlineError as error:
        report.failed(error)
        raise
    return report.finished([outcome.frame for outcome in outcomes if outcome.error is not None], warnings)


def _workers(text: str) -> int | str:
    return GPUS if text == GPUS else _positive(text)


def _positive(text: str) -> int:
    if not text.isdecimal() or not 1 <= (value := int(text)) <= 1000:
        raise argparse.ArgumentTypeError(f"'{text}' is no number from 1 to 1000")
    return value
