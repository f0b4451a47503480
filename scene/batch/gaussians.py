"""``gaussians``: a person's Gaussians, a PLY for each frame, as *Create Gaussians* makes them for a range."""

from __future__ import annotations

import argparse

from ..frame_files import cloud_pattern
from ..frames import Frames
from ..gathering import Stage, capture_of
from ..handles import Handle
from ..properties import of_scene
from ..recipes import cloud_recipe
from ..results import make_folder, output_folder
from ..synthesis import needed_target
from .options import add_frame_options, at_a_frame_of, frames_asked, named_pattern, scene_asked
from .running import add_run_options, run_frames
from .signals import Signals

NAME = "gaussians"
DESCRIPTION = "Make a person's Gaussians at every frame; the settings of the scene count where nothing is said."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what it takes besides the file."""
    add_frame_options(parser)
    add_coverage_option(parser)
    add_run_options(parser)


def add_coverage_option(parser: argparse.ArgumentParser) -> None:
    """Add what says which Gaussians of a person are meant."""
    parser.add_argument(
        "--coverage", choices=("whole", "target"), help="of the whole person, or for the view of the camera"
    )


def run(arguments: argparse.Namespace, signals: Signals) -> int:
    """Make the Gaussians.

    Raises:
        SightlineError: If what is wrong has nothing to do with a frame.
    """
    asked = clouds_of(arguments)
    make_folder(asked.pattern.parent)
    return run_frames(asked, arguments, "Creating Gaussians", signals)


def clouds_of(arguments: argparse.Namespace) -> Frames:
    """Return the Gaussians that the open file has for the arguments, with their place.

    Raises:
        UsageError: If it has no such scene or camera.
        CaptureError: If the scene has no capture.
        TargetError: If they are to be for a camera, and there is none.
    """
    scene = scene_asked(arguments)
    at_a_frame_of(scene)
    settings = of_scene(scene)
    coverage = (arguments.coverage or settings.gaussians_coverage).upper()
    target = Handle.to(needed_target(scene), "objects") if coverage == "TARGET" else None
    stage = Stage(Handle.to(scene, "scenes"), scene.view_layers[0].name, target)
    capture = capture_of(scene)
    recipe = cloud_recipe(stage, capture, arguments.quality or settings.quality)
    pattern = cloud_pattern(output_folder(scene), capture.name)
    if arguments.output is not None:
        pattern = named_pattern(arguments.output, pattern.name, (".ply",))
    return Frames(recipe, frames_asked(scene, arguments), pattern, clouds=True)
