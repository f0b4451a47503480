"""``render``: frames of a camera into files, as *Synthesize Animation* makes them."""

from __future__ import annotations

import argparse

from ...inference.errors import Cancelled
from .. import backend
from ..frames import Frames, make_frames
from ..job import Job, Steps
from ..recipes import recipe_of
from ..results import make_folder
from .options import add_frame_options, batch_of
from .report import Report
from .signals import STOPPED, heeding

NAME = "render"
DESCRIPTION = "Synthesize the frames of a camera; the settings of the scene count where nothing is said."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what it takes besides the file."""
    add_frame_options(parser)
    parser.add_argument("--resume", action="store_true", help="leave frames that are there and still right")


def run(arguments: argparse.Namespace, received: list[int]) -> int:
    """Make the frames; a signal ends it at once, and the worker with it.

    Each frame that is written prints ``Saved: 'PATH'``, as Blender's own renders do, and how it goes; what fails is
    said on standard error, and the other frames are made.

    Raises:
        SightlineError: If what is wrong has nothing to do with a frame.
    """
    batch = batch_of(arguments)
    scene = batch.scene
    scene.frame_set(min(max(scene.frame_current, scene.frame_start), scene.frame_end))
    recipe = recipe_of(scene, scene.view_layers[0], batch.target, render=True)
    make_folder(batch.pattern.parent)
    asked = Frames(recipe, batch.frames, batch.pattern, arguments.resume)
    report = Report(len(batch.frames))

    def work(job: Job) -> Steps:
        return (yield from heeding(_made(job, asked, report), received))

    job = Job("Synthesizing frames", work)
    try:
        job.run()
    except Cancelled:
        if not received:
            raise
        backend.close()
        report.stopped()
        return STOPPED + received[0]
    report.finished(job)
    return 1 if job.facts["failed"] else 0


def _made(job: Job, asked: Frames, report: Report) -> Steps:
    outcomes = yield from make_frames(job, asked, report.tell)
    failed = [outcome.frame for outcome in outcomes if outcome.error is not None]
    return {"failed": failed}
