"""``coverage``: which parts of a target's picture how many sources see, and what speaks against each source."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..progress import Progress
from .common import UsageError, capture_argument, common, sources, target_arguments, target_camera

NAME = "coverage"


def add_parser(commands: Any) -> None:
    """Add this command to the command line."""
    parser = commands.add_parser(
        NAME, parents=[common()], help="show which parts of a camera's picture no source, one, two or more see"
    )
    capture_argument(parser)
    target_arguments(parser, required=True)
    parser.add_argument("--out", metavar="PNG", type=Path, required=True, help="the picture")
    parser.add_argument("--depth-near", type=float, metavar="DEPTH", help="nearest depth of the scene in scene units")
    parser.add_argument("--depth-far", type=float, metavar="DEPTH", help="farthest depth of the scene in scene units")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, progress: Progress) -> None:
    """Make and write the picture, and print what is known of each source.

    Raises:
        UsageError: If the arguments do not go together.
        SightlineError: If a picture cannot be read or written.
    """
    from ..capture import read_capture
    from ..picture_output import check_ending, write_picture
    from ..synthesis import Options, Session
    from ..target_report import report_target

    if (arguments.depth_near is None) != (arguments.depth_far is None):
        raise UsageError("--depth-near and --depth-far go together")
    check_ending(arguments.out)
    capture = read_capture(arguments.capture)
    options = Options(depth_near=arguments.depth_near, depth_far=arguments.depth_far, device=arguments.device)
    target = target_camera(arguments, capture)
    report = report_target(Session(), sources(arguments, capture), target, options, progress)
    write_picture(arguments.out, report.picture, bits=8)
    width = max(len(source.name) for source in report.sources)
    print(f"{'source':<{width}}  sees  hidden  remark")
    for source in sorted(report.sources, key=lambda source: -source.seen):
        print(f"{source.name:<{width}}  {source.seen:>4.0%}  {source.hidden:>6.0%}  {source.remark}".rstrip())
    print("no source {:.0%} (red), one {:.0%} (orange), two {:.0%} (yellow), more {:.0%} (blue)".format(*report.shares))
    print(report.sentence)
