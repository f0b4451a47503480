"""``calibrate``: cameras from photographs alone."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from ..progress import Progress
from .common import UsageError, common

NAME = "calibrate"


def add_parser(commands: Any) -> None:
    """Add this command to the command line."""
    parser = commands.add_parser(NAME, parents=[common()], help="find the cameras of photographs or of a movie")
    parser.add_argument(
        "images",
        metavar="IMAGES",
        type=Path,
        nargs="+",
        help="a folder, picture files, a movie, or the synchronised movies of a rig",
    )
    parser.add_argument("--out", metavar="transforms.json", type=Path, required=True)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, progress: Progress) -> None:
    """Calibrate, write, and say how it went.

    Raises:
        UsageError: If the file to write is no .json.
        SightlineError: If no cameras are found, or they cannot be written.
    """
    from ..calibration.structure_from_motion import calibrate

    out: Path = arguments.out
    if out.suffix.lower() != ".json":
        raise UsageError(f"--out {out} must end in .json")
    _, result = calibrate(arguments.images, out, progress)
    total = len(result.registered) + len(result.left_out)
    print(
        f"{out}: {len(result.registered)} of {total} photographs, {result.points} points, "
        f"mean reprojection error {result.reprojection_error:.2f} px"
    )
    for name, reason in result.left_out.items():
        print(f"'{name}' is left out: {reason}", file=sys.stderr)
    for sentence in result.advice:
        print(sentence, file=sys.stderr)
