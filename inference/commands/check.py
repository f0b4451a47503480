"""``check``: what is wrong with a calibration."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..progress import Progress
from .common import capture_argument, common, write_report

NAME = "check"


def add_parser(commands: Any) -> None:
    """Add this command to the command line."""
    parser = commands.add_parser(
        NAME, parents=[common()], help="measure how well a calibration fits its photographs, and name what is wrong"
    )
    capture_argument(parser)
    parser.add_argument("--json", metavar="REPORT.json", type=Path, help="write the whole report")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, progress: Progress) -> None:
    """Check, print the worst cameras first, and what is wrong.

    Raises:
        SightlineError: If the capture cannot be read, or the report cannot be written.
    """
    from ..calibration.check import check_calibration
    from ..capture import read_capture

    report = check_calibration(read_capture(arguments.capture), progress)
    if arguments.json is not None:
        write_report(arguments.json, report.to_json())
    width = max(len(camera.name) for camera in report.cameras)
    print(f"{'camera':<{width}}  matches  epipolar px  reprojection px  verdict")
    for camera in report.ranking:
        numbers = (
            f"{'-' if value is None else f'{value:.2f}':>{size}}"
            for value, size in ((camera.epipolar, 11), (camera.reprojection, 15))
        )
        print(f"{camera.name:<{width}}  {camera.matches:>7}  {'  '.join(numbers)}  {camera.verdict}")
    for diagnosis in report.diagnoses:
        print(diagnosis.sentence)
