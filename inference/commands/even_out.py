"""``even-out``: what makes the photographs of several cameras agree in exposure and white balance."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..progress import Progress
from .common import capture_argument, common, write_report

NAME = "even-out"


def add_parser(commands: Any) -> None:
    """Add this command to the command line."""
    parser = commands.add_parser(
        NAME, parents=[common()], help="find what makes the cameras agree in exposure and white balance"
    )
    capture_argument(parser)
    parser.add_argument("--json", metavar="REPORT.json", type=Path, help="write the gains and offsets")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, progress: Progress) -> None:
    """Find the corrections, and print and write them. The photographs stay as they are.

    Raises:
        SightlineError: If the capture cannot be read or evened out, or the report cannot be written.
    """
    from ..capture import read_capture
    from ..capture.colour_balance import even_out
    from ..capture.photographs import Photographs

    found = even_out(read_capture(arguments.capture), Photographs(), progress)
    if arguments.json is not None:
        write_report(arguments.json, found.to_json())
    width = max(len(camera.name) for camera in found.cameras)
    print(f"{'camera':<{width}}  points  stops  gain of red, green, blue")
    for camera in found.cameras:
        if camera.correction is None:
            print(f"{camera.name:<{width}}  {camera.samples:>6}")
            continue
        gains = "  ".join(f"{gain:.3f}" for gain in camera.correction.gain)
        print(f"{camera.name:<{width}}  {camera.samples:>6}  {camera.correction.stops:+.2f}  {gains}")
    for warning in found.warnings:
        print(warning)
    print(found.sentence)
