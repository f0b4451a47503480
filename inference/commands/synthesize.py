"""``synthesize``: the picture of one camera."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ..camera import Camera
from ..errors import CameraError
from ..progress import Progress
from ..view import Capture
from .common import (
    UsageError,
    capture_argument,
    common,
    known_names,
    method_arguments,
    options,
    split_names,
    used_sources,
)

NAME = "synthesize"


def add_parser(commands: Any) -> None:
    """Add this command to the command line."""
    parser = commands.add_parser(NAME, parents=[common()], help="make the picture of one camera")
    capture_argument(parser)
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--hold-out", metavar="NAME", help="take this view's camera, and not its photograph")
    target.add_argument(
        "--target", metavar="CAMERA.json", type=Path, help="a camera: width, height, fx, fy, cx, cy, ..."
    )
    parser.add_argument("--out", metavar="FILE", type=Path, required=True, help=".png (16 bits a channel) or .jpg")
    parser.add_argument(
        "--exclude", metavar="NAMES", action="append", default=[], help="views that are no sources, comma-separated"
    )
    parser.add_argument("--quality", choices=("full", "preview"), default="full")
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
    target = _target(arguments, capture)
    if arguments.size is not None:
        target = target.fitted(arguments.size)
    excluded = set(known_names(capture, split_names(arguments.exclude)))
    if arguments.hold_out is not None:
        excluded.add(arguments.hold_out)
    frame = Session().synthesize(capture.without(excluded), target, settings, progress)
    write_picture(arguments.out, frame.rgb, frame.alpha)
    names = ", ".join(used_sources(frame))
    seconds = sum(frame.metadata["seconds"].values())
    size = f"{frame.camera.width} x {frame.camera.height}"
    print(f"{arguments.out}: {size}, {settings.method} from {names}, {seconds:.1f} s")


def _target(arguments: argparse.Namespace, capture: Capture) -> Camera:
    """Return the camera to synthesize: without lens distortion, because a synthesized picture has none."""
    from ..capture.rectification import rectified_camera

    if arguments.hold_out is not None:
        return rectified_camera(capture[arguments.hold_out].camera)
    try:
        record = json.loads(arguments.target.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{arguments.target} cannot be read ({error.strerror or error})") from None
    except ValueError:
        raise CameraError(f"{arguments.target} is not valid JSON; write the camera again.") from None
    if not isinstance(record, dict):
        raise CameraError(
            f"{arguments.target} holds no camera; it needs width, height, fx, fy, cx, cy, world_to_camera."
        )
    try:
        return rectified_camera(Camera.from_json(record))
    except CameraError as error:
        raise CameraError(f"{arguments.target} cannot be used: {error}") from None
