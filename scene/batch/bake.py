"""``bake``: a copy of a file that any Blender renders, without Sightline, on farms that have nothing else."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import bpy

from ..baked_pictures import takes
from ..baking import Order, bake, copy_of
from ..names import ENGINE
from ..worker_pool import preferred_workers
from .options import add_range_option, at_a_frame_of
from .report import Report
from .running import add_worker_options
from .signals import Signals, Stopped

NAME = "bake"
DESCRIPTION = "Write a copy of the file that any Blender renders, without Sightline."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what it takes besides the file."""
    parser.add_argument("--output", metavar="FOLDER", required=True, help="folder for the copy and all that it needs")
    add_range_option(parser)
    add_worker_options(parser)


def run(arguments: argparse.Namespace, signals: Signals) -> int:
    """Bake the file; pictures and Gaussians that are there and right are not made again.

    Raises:
        SightlineError: If something cannot be baked for a reason that has nothing to do with one frame.
    """
    folder = Path(bpy.path.abspath(arguments.output)).absolute()
    copy = copy_of(folder)
    for scene in bpy.data.scenes:
        if scene.render.engine == ENGINE:
            at_a_frame_of(scene)
    report = Report(sum(len(take.frames) for take in takes(arguments.frames)), openjd=arguments.openjd)

    order = Order(folder, arguments.frames, arguments.workers or preferred_workers(), arguments.device)
    try:
        outcomes, warnings = signals.run("Baking", lambda job: bake(job, order, report.tell), report.progress)
    except Stopped:
        print("Stopped; the same command goes on from what is there.", file=sys.stderr)
        raise
    failed = sorted({outcome.frame for outcome in outcomes if outcome.error is not None})
    if status := report.finished(failed, warnings):
        return status
    print(f"Saved: '{copy}'", flush=True)
    return 0
