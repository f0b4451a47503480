"""``check``: whether every frame is there, whole and right; the last task of a farm's job."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import bpy

from ..frame_check import Verdict, check_frames
from ..frame_ranges import frames_as_text
from ..gathering import there
from ..movie import CONTAINERS, encode_movie
from ..words import counted
from . import gaussians, render
from .options import UsageError, add_frame_options, add_picture_options
from .report import Report
from .signals import Signals

NAME = "check"
DESCRIPTION = "Check that every frame is there, whole, and what the scene asks for now."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what it takes besides the file."""
    add_frame_options(parser)
    add_picture_options(parser)
    parser.add_argument("--gaussians", action="store_true", help="check a person's Gaussians, not pictures")
    gaussians.add_coverage_option(parser)
    parser.add_argument(
        "--movie", metavar="FILE", type=_movie, help=f"where all are right, write them as a movie ({_endings()})"
    )
    parser.add_argument("--openjd", action="store_true", help="print progress as Open Job Description reads it")


def run(arguments: argparse.Namespace, signals: Signals) -> int:
    """Check the frames, and make the movie where it is asked for and all are right.

    Each frame that is not right is named on standard error, and in the end how to make those anew.

    Raises:
        SightlineError: If nothing can be checked, or the movie cannot be written.
    """
    if arguments.gaussians and arguments.movie is not None:
        raise UsageError("--movie is made of pictures, and --gaussians says that there are none.")
    asked = gaussians.clouds_of(arguments) if arguments.gaussians else render.pictures_of(arguments)
    report = Report(len(asked.numbers), openjd=arguments.openjd)

    verdicts, _ = signals.run("Checking frames", lambda job: check_frames(job, asked, _tell), report.progress)
    wrong = [verdict for verdict in verdicts if verdict.problem]
    if wrong:
        _tell_way_out(wrong, arguments)
        return 1
    print(f"All of {counted(len(verdicts), 'frame')} are there and right.", flush=True)
    if arguments.movie is not None:
        print(f"Encoding {arguments.movie}", flush=True)
        scene = there(asked.recipe.stage.scene, "The scene")
        encode_movie(scene, [verdict.path for verdict in verdicts], arguments.movie)
        print(f"Saved: '{arguments.movie}'", flush=True)
    return 0


def _tell(verdict: Verdict) -> None:
    if verdict.problem:
        print(f"Frame {verdict.frame}: {verdict.problem}", file=sys.stderr, flush=True)


def _tell_way_out(wrong: Sequence[Verdict], arguments: argparse.Namespace) -> None:
    """Say how many frames are wrong, and what makes just those anew."""
    command = gaussians.NAME if arguments.gaussians else render.NAME
    frames = frames_as_text([verdict.frame for verdict in wrong])
    sentence = (
        f"{counted(len(wrong), 'frame')} not right; '{command}' with --frames {frames} and without --resume makes "
        "such frames anew."
    )
    print(sentence, file=sys.stderr, flush=True)
    if arguments.openjd:
        print(f"openjd_fail: {sentence}", flush=True)


def _movie(text: str) -> Path:
    path = Path(bpy.path.abspath(text)).absolute()
    if path.suffix.lower() not in CONTAINERS:
        raise argparse.ArgumentTypeError(f"'{text}' ends in none of {_endings()}")
    return path


def _endings() -> str:
    return ", ".join(CONTAINERS)
