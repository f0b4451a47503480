"""``synthesize``: the picture of one camera."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..progress import Progress
from .common import (
    capture_argument,
    common,
    method_arguments,
    options,
    sources,
    target_arguments,
    target_camera,
    tell_warnings,
    used_sources,
)

NAME = "synthesize"


def add_parser(commands: Any) -> None:
    """Add this command to the command line."""
    parser = commands.add_parser(NAME, parents=[common()], help="make the picture of one camera")
    capture_argument(parser)
    target_arguments(parser, required=True)
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        required=True,
        help=".png (16 bits a channel), .jpg, or .exr (scene-linear, with depth)",
    )
    method_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, progress: Progress) -> None:
    """Make and write the picture.

    Raises:
        UsageError: If the arguments do not go together.
        SightlineError: If it cannot be made or written.
    """
    from ..capture import read_capture
    from ..picture_output import check_ending, write_picture
    from ..synthesis import Session

    settings = options(arguments, arguments.quality)
    check_ending(arguments.out)
    capture = read_capture(arguments.capture)
    target = target_camera(arguments, capture)
    if arguments.size is not None:
        target = target.fitted(arguments.size)
    frame = Session().synthesize(sources(arguments, capture), target, settings, progress)
    write_picture(arguments.out, frame.rgb, frame.alpha, depth=frame.depth)
    tell_warnings(frame.metadata)
    names = ", ".join(used_sources(frame))
    seconds = sum(frame.metadata["seconds"].values())
    size = f"{frame.camera.width} x {frame.camera.height}"
    print(f"{arguments.out}: {size}, {settings.method} from {names}, {seconds:.1f} s")
