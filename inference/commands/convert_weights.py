"""``convert-weights``: the GPS-Gaussian authors' checkpoint to a weights file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..progress import Progress
from .common import UsageError, common

NAME = "convert-weights"


def add_parser(commands: Any) -> None:
    """Add this command to the command line."""
    parser = commands.add_parser(
        NAME, parents=[common()], help="write the GPS-Gaussian authors' checkpoint as safetensors"
    )
    parser.add_argument("checkpoint", metavar="OFFICIAL.pth", type=Path)
    parser.add_argument("out", metavar="OUT.safetensors", type=Path)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, progress: Progress) -> None:
    """Convert.

    Raises:
        UsageError: If the file to write is no .safetensors.
        SightlineError: If the checkpoint cannot be used.
    """
    from ..gps_gaussian.official import LICENCE, convert_official

    if arguments.out.suffix != ".safetensors":
        raise UsageError(f"{arguments.out} must end in .safetensors")
    progress(0.1, "Reading the checkpoint")
    count = convert_official(arguments.checkpoint, arguments.out)
    print(
        f"{arguments.out}: {count} parameters; nothing in {arguments.checkpoint.name} was executed. Licence: {LICENCE}."
    )
