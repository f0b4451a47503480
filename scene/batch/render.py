"""``render``: frames of a camera into files, as *Synthesize Animation* makes them."""

from __future__ import annotations

import argparse

from ..frames import Frames
from ..recipes import recipe_of
from ..results import make_folder
from .options import add_frame_options, add_picture_options, at_a_frame_of, batch_of
from .running import add_run_options, run_frames
from .signals import Signals

NAME = "render"
DESCRIPTION = "Synthesize the frames of a camera; the settings of the scene count where nothing is said."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what it takes besides the file."""
    add_frame_options(parser)
    add_picture_options(parser)
    add_run_options(parser)


def run(arguments: argparse.Namespace, signals: Signals) -> int:
    """Make the frames.

    Raises:
        SightlineError: If what is wrong has nothing to do with a frame.
    """
    asked = pictures_of(arguments)
    make_folder(asked.pattern.parent)
    return run_frames(asked, arguments, "Synthesizing frames", signals)


def pictures_of(arguments: argparse.Namespace) -> Frames:
    """Return the frames that the open file has for the arguments, with their place.

    Raises:
        SightlineError: If something is missing; the sentence says what.
    """
    batch = batch_of(arguments)
    at_a_frame_of(batch.scene)
    recipe = recipe_of(batch.scene, batch.scene.view_layers[0], batch.target, render=True)
    return Frames(recipe, batch.frames, batch.pattern)
