"""``reconstruct``: the Gaussians of a person in a rig of cameras."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..progress import Progress
from .common import (
    UsageError,
    capture_argument,
    common,
    sources,
    target_arguments,
    target_camera,
    tell_warnings,
    weights_argument,
)

NAME = "reconstruct"


def add_parser(commands: Any) -> None:
    """Add this command to the command line."""
    parser = commands.add_parser(
        NAME,
        parents=[common()],
        help="make the Gaussians of a person in a rig of cameras",
        description="Make the Gaussians of a person in a rig of cameras with masks: of all pairs of neighbours, or "
        "with a target of those around it.",
    )
    capture_argument(parser)
    target_arguments(parser, required=False)
    parser.add_argument("--out", metavar="CLOUD.ply", type=Path, required=True)
    parser.add_argument("--method", choices=("gps-gaussian",), default="gps-gaussian")
    weights_argument(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, progress: Progress) -> None:
    """Make and write the Gaussians.

    Raises:
        UsageError: If the file to write is no .ply, or the target's file cannot be read.
        SightlineError: If they cannot be made or written.
    """
    from ..capture import read_capture
    from ..gaussian_ply import write_gaussians
    from ..synthesis import Options, Session

    if arguments.out.suffix.lower() != ".ply":
        raise UsageError(f"--out {arguments.out} must end in .ply")
    settings = Options(arguments.method, arguments.quality, device=arguments.device, weights=arguments.weights)
    capture = read_capture(arguments.capture)
    whole = arguments.hold_out is None and arguments.target is None
    target = None if whole else target_camera(arguments, capture)
    gaussians, metadata = Session().reconstruct(sources(arguments, capture), target, settings, progress)
    write_gaussians(arguments.out, gaussians)
    tell_warnings(metadata)
    pairs, seconds = metadata["pairs"], sum(metadata["seconds"].values())
    number = "1 pair" if len(pairs) == 1 else f"{len(pairs)} pairs"
    print(f"{arguments.out}: {len(gaussians)} Gaussians, {settings.method} from {number}, {seconds:.1f} s")
    for pair in pairs:
        print(f"  {pair['left']} and {pair['right']}: {pair['reason']}")
