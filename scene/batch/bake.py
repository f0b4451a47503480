"""``bake``: a copy of a file that any Blender renders, without Sightline, on farms that have nothing else."""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path

import bpy

from ...inference.errors import Cancelled
from .. import backend
from ..baked_pictures import takes
from ..baking import Order, bake, copy_of
from ..job import Job, Steps
from ..names import ENGINE
from ..worker_pool import preferred_workers
from .options import add_range_option, at_a_frame_of
from .report import Report
from .running import add_worker_options
from .signals import STOPPED, heeding

NAME = "bake"
DESCRIPTION = "Write a copy of the file that any Blender renders, without Sightline."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what it takes besides the file."""
    parser.add_argument("--output", metavar="FOLDER", required=True, help="folder for the copy and all that it needs")
    add_range_option(parser)
    add_worker_options(parser)


def run(arguments: argparse.Namespace, received: list[int]) -> int:
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

    def work(job: Job) -> Steps:
        return (yield from heeding(_baked(job, folder, arguments, report), received))

    job = Job("Baking", work)
    try:
        job.run()
    except Cancelled:
        if not received:
            raise
        backend.close()
        print("Stopped; the same command goes on from what is there.", file=sys.stderr)
        return STOPPED + received[0]
    report.finished(job)
    if job.facts["failed"]:
        return 1
    print(f"Saved: '{copy}'", flush=True)
    return 0


def _baked(job: Job, folder: Path, arguments: argparse.Namespace, report: Report) -> Steps:
    workers = arguments.workers or preferred_workers()
    steps = bake(job, Order(folder, arguments.frames, workers, arguments.device), report.tell)
    with contextlib.closing(steps):
        while True:
            try:
                step = next(steps)
            except StopIteration as stop:
                return {"failed": sorted({outcome.frame for outcome in stop.value if outcome.error is not None})}
            report.progress(step)
            yield step
