"""``farm``: a job for a render farm, as *Export Farm Job* writes it."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import bpy

from ...farm.openjd import LARGEST_CHUNK
from ..enumerations import DEVICES, FARM_KINDS
from ..farm_job import Order, export
from ..properties import of_scene
from . import gaussians, render
from .options import UsageError, add_frame_options, add_picture_options, scene_asked
from .signals import Signals

NAME = "farm"
DESCRIPTION = "Write a job for a render farm; the settings of the scene count where nothing is said."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what it takes besides the file."""
    parser.add_argument(
        "--output",
        dest="folder",
        metavar="FOLDER",
        required=True,
        help="folder in which the job's own folder is made (// is FILE's)",
    )
    add_frame_options(parser, "--frames-output")
    add_picture_options(parser)
    parser.add_argument("--kind", choices=[name for name, *_ in FARM_KINDS], help="what is made of each frame")
    gaussians.add_coverage_option(parser)
    parser.add_argument("--device", choices=[name for name, *_ in DEVICES], help="what the farm computes on")
    parser.add_argument(
        "--chunk",
        metavar="N",
        type=_chunk,
        help="frames in a task, 0 for so many that starting up is a tenth of it at most",
    )
    parser.add_argument(
        "--movie", action="store_true", default=None, help="have the farm make a movie in the end, beside the frames"
    )


def run(arguments: argparse.Namespace, signals: Signals) -> int:
    """Make the first and the last frame, and write the job if they succeed.

    Raises:
        SightlineError: If it cannot be written.
    """
    settings = of_scene(scene_asked(arguments))
    folder = Path(bpy.path.abspath(arguments.folder)).absolute()
    clouds = (arguments.kind or settings.farm_kind) == "gaussians"
    if clouds and arguments.movie:
        raise UsageError("--movie is made of pictures, and --kind says gaussians.")
    frames = gaussians.clouds_of(arguments) if clouds else render.pictures_of(arguments)
    frames = replace(frames, device=arguments.device or settings.farm_device)
    chunk = settings.farm_chunk if arguments.chunk is None else arguments.chunk
    movie = not clouds and (settings.farm_movie if arguments.movie is None else arguments.movie)
    asked = Order(frames, folder, chunk, movie)

    facts, warnings = signals.run("Exporting a farm job", lambda job: export(job, asked))
    for warning in warnings:
        print(f"Warning: {warning}", file=sys.stderr, flush=True)
    print(f"{facts['sentence']}.", flush=True)
    return 0


def _chunk(text: str) -> int:
    if not text.isdecimal() or (value := int(text)) > LARGEST_CHUNK:
        raise argparse.ArgumentTypeError(f"'{text}' is no number from 0 to {LARGEST_CHUNK}")
    return value
