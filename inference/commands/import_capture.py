"""``import``: any known calibration format to transforms.json."""

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
        NAME, parents=[common()], help="write a capture of any known format as transforms.json"
    )
    capture_argument(parser)
    parser.add_argument("--out", metavar="transforms.json", type=Path, required=True)
    parser.add_argument(
        "--undistort",
        action="store_true",
        help="write pictures of ideal cameras with square pixels into images/ beside it",
    )
    parser.add_argument("--find-depth-range", action="store_true", help="state the depth range of the scene as well")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, progress: Progress) -> None:
    """Read, and write.

    Raises:
        UsageError: If the file to write is no .json, or is the capture itself.
        SightlineError: If the capture cannot be read or written.
    """
    from ..capture import read_capture, write_transforms
    from ..capture.depth_range import find_depth_range
    from ..capture.photographs import Photographs, write_rectified

    out: Path = arguments.out
    if out.suffix.lower() != ".json":
        raise UsageError(f"--out {out} must end in .json")
    capture = read_capture(arguments.capture)
    if out.exists() and capture.path is not None and out.resolve() == capture.path.resolve():
        raise UsageError(f"--out {out} is the capture itself; name another file")
    if arguments.undistort:
        folder = out.parent / "images"
        taken = {view.image.absolute().parent for view in capture if isinstance(view.image, Path)}
        if folder.absolute() in taken:
            raise UsageError(f"the pictures of the capture lie in {folder} themselves; write --out into another folder")
        views = []
        for index, view in enumerate(capture):
            progress(0.5 * index / len(capture), "Removing lens distortion")
            views.append(write_rectified(view, folder))
        capture = replace(capture, views=tuple(views))
    if arguments.find_depth_range:
        found = find_depth_range(capture, Photographs(), part(progress, 0.5, 1.0))
        capture = replace(capture, depth_near=found.near, depth_far=found.far)
        print(f"depth range {found.near:.4g} to {found.far:.4g} ({found.origin})")
    write_transforms(capture, out)
    points = 0 if capture.points is None else len(capture.points)
    print(f"{out}: {len(capture)} views, {points} sparse points, from {capture.format}")
