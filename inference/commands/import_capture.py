"""``import``: any known calibration format to transforms.json or COLMAP's text."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..progress import Progress, part
from .common import UsageError, capture_argument, common

NAME = "import"


def add_parser(commands: Any) -> None:
    """Add this command to the command line."""
    parser = commands.add_parser(
        NAME, parents=[common()], help="write a capture of any known format as transforms.json or COLMAP's text"
    )
    capture_argument(parser)
    parser.add_argument(
        "--out", metavar="transforms.json|FOLDER", type=Path, required=True, help="a file, or COLMAP's project folder"
    )
    parser.add_argument(
        "--format", choices=("transforms", "colmap"), default="transforms", help="what is written (default: transforms)"
    )
    parser.add_argument(
        "--undistort",
        action="store_true",
        help="write pictures of ideal cameras with square pixels into images/ beside it",
    )
    parser.add_argument("--find-depth-range", action="store_true", help="state the depth range of the scene as well")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, progress: Progress) -> None:
    """Read, report, and write.

    Raises:
        UsageError: If the place to write to has the wrong form, or is the capture itself.
        SightlineError: If the capture cannot be read or written.
    """
    from ..capture import read_capture
    from ..capture.depth_range import find_depth_range
    from ..capture.output import write_capture
    from ..capture.photographs import Photographs, write_rectified
    from ..capture.report import report, report_lines

    out: Path = arguments.out
    colmap = arguments.format == "colmap"
    if not colmap and out.suffix.lower() != ".json":
        raise UsageError(f"--out {out} must end in .json")
    if colmap and out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} must be a folder")
    capture = read_capture(arguments.capture)
    facts = report(capture)
    if capture.path is not None and capture.path.resolve() in (out.resolve(), (out / "sparse" / "0").resolve()):
        raise UsageError(f"--out {out} is the capture itself; choose another place")
    if arguments.undistort:
        folder = (out if colmap else out.parent) / "images"
        taken = {view.image.absolute().parent for view in capture if isinstance(view.image, Path)}
        if folder.absolute() in taken:
            raise UsageError(f"the pictures of the capture lie in {folder} themselves; write --out into another folder")
        views = []
        for index, view in enumerate(capture):
            progress(0.5 * index / len(capture), "Removing lens distortion")
            views.append(write_rectified(view, folder))
        facts["undistorted"] = sum(new is not old for new, old in zip(views, capture, strict=True))
        capture = replace(capture, views=tuple(views))
    if arguments.find_depth_range:
        found = find_depth_range(capture, Photographs(), part(progress, 0.5, 1.0))
        capture = replace(capture, depth_near=found.near, depth_far=found.far)
        facts |= {"depth_near": found.near, "depth_far": found.far, "depth_origin": found.origin}
    saved = write_capture(capture, out, arguments.format)
    print(f"{saved}, from {capture.format}")
    for line in report_lines(facts):
        print(f"  {line}")
    for name, reason in facts["left_out"].items():
        print(f"  skipped '{name}': {reason}")
