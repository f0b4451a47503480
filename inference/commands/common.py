"""Arguments that several commands share."""

from __future__ import annotations

import argparse
import fnmatch
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..camera import Camera
from ..devices import DEVICE_NAMES
from ..errors import CameraError
from ..file_output import write_bytes
from ..view import Capture

if TYPE_CHECKING:
    from ..frame import Frame
    from ..synthesis import Options


class UsageError(Exception):
    """Arguments that do not go together or name nothing; the exit status is 2."""


def common() -> argparse.ArgumentParser:
    """Return the arguments of every command."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--device", choices=DEVICE_NAMES, default="auto", help="what to compute on (default: auto)")
    parser.add_argument("--traceback", action="store_true", help="show where an unforeseen error came from")
    return parser


def capture_argument(parser: argparse.ArgumentParser) -> None:
    """Add the capture itself."""
    parser.add_argument(
        "capture", metavar="CAPTURE", type=Path, help="folder or file: a transforms.json or a COLMAP model"
    )


def target_arguments(parser: argparse.ArgumentParser, required: bool) -> None:
    """Add what a result is for and from: the target, the views that are no sources, and the quality."""
    target = parser.add_mutually_exclusive_group(required=required)
    target.add_argument("--hold-out", metavar="NAME", help="take this view's camera, and not its photograph")
    target.add_argument(
        "--target", metavar="CAMERA.json", type=Path, help="a camera: width, height, fx, fy, cx, cy, ..."
    )
    parser.add_argument(
        "--exclude", metavar="NAMES", action="append", default=[], help="views that are no sources, comma-separated"
    )
    parser.add_argument("--quality", choices=("full", "preview"), default="full")


def weights_argument(parser: argparse.ArgumentParser) -> None:
    """Add the weights."""
    parser.add_argument("--weights", metavar="FILE", help="weights to use instead of those that come with Sightline")


def method_arguments(parser: argparse.ArgumentParser) -> None:
    """Add how a picture is made."""
    parser.add_argument(
        "--method",
        default="convglr",
        help="convglr, gps-gaussian (people with masks), plane-sweep or nearest (default: convglr)",
    )
    parser.add_argument("--sources", type=positive, metavar="N", help="how many of the nearest sources to use")
    parser.add_argument("--size", type=positive, metavar="PIXELS", help="scale down so that the longer side has these")
    parser.add_argument("--depth-near", type=float, metavar="DEPTH", help="nearest depth of the scene in scene units")
    parser.add_argument("--depth-far", type=float, metavar="DEPTH", help="farthest depth of the scene in scene units")
    weights_argument(parser)


def positive(text: str) -> int:
    """Return a whole number of 1 or more (the form that argparse wants)."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not 1 or more")
    return value


def options(arguments: argparse.Namespace, quality: str = "full") -> Options:
    """Return the synthesis options that the arguments ask for.

    Raises:
        UsageError: If the method is unknown or the depth range has one end only.
    """
    from ..synthesis import METHODS, Options

    if arguments.method not in METHODS:
        raise UsageError(f"there is no method '{arguments.method}'; use one of: {', '.join(METHODS)}")
    near, far = arguments.depth_near, arguments.depth_far
    if (near is None) != (far is None):
        raise UsageError("--depth-near and --depth-far go together")
    if near is not None and not 0 < near < far:
        raise UsageError(f"the depth range {near:g} to {far:g} is not possible; near must be positive and below far")
    return Options(
        method=arguments.method,
        quality=quality,
        sources=arguments.sources,
        depth_near=near,
        depth_far=far,
        device=arguments.device,
        weights=arguments.weights,
    )


def target_camera(arguments: argparse.Namespace, capture: Capture) -> Camera:
    """Return the camera of ``--hold-out`` or ``--target``: without lens distortion, as a synthesized picture is.

    Raises:
        UsageError: If the camera's file cannot be read.
        SightlineError: If there is no such view, or the file holds no usable camera.
    """
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


def sources(arguments: argparse.Namespace, capture: Capture) -> Capture:
    """Return the capture without the views of ``--hold-out`` and ``--exclude``.

    Raises:
        CaptureError: If there is no view of such a name.
    """
    held_out = [] if arguments.hold_out is None else [arguments.hold_out]
    return capture.without(known_names(capture, [*held_out, *split_names(arguments.exclude)]))


def tell_warnings(metadata: Mapping[str, Any]) -> None:
    """Print what a result warns of, on standard error."""
    for warning in metadata["warnings"]:
        print(warning, file=sys.stderr)


def split_names(texts: Iterable[str]) -> list[str]:
    """Return the names in arguments that hold one or several, separated by commas."""
    return [name.strip() for text in texts for name in text.split(",") if name.strip()]


def used_sources(frame: Frame) -> list[str]:
    """Return the names of the sources that a frame was made from, nearest first."""
    return [str(source["name"]) for source in frame.metadata["sources"]]


def write_report(path: Path, record: Mapping[str, Any]) -> None:
    """Write a report as JSON.

    Raises:
        OutputError: If it cannot be written.
    """
    write_bytes(path, (json.dumps(record, indent=1, allow_nan=False) + "\n").encode())


def known_names(capture: Capture, names: Iterable[str]) -> frozenset[str]:
    """Return the names of views as a set; one with ``*`` or ``?`` stands for all that it fits.

    Raises:
        CaptureError: If the capture has no view of one of them: a misspelt one would become a source.
    """
    known = [view.name for view in capture]
    # Where nothing fits, the capture's own error says what there is.
    return frozenset(each for name in names for each in fnmatch.filter(known, name) or [capture[name].name])
