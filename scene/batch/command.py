"""``blender --command sightline COMMAND FILE.blend``: reads the arguments, opens the file, returns the exit status."""

from __future__ import annotations

import argparse
import re
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import bpy

from ...inference.errors import SightlineError
from ..names import COMMAND
from . import bake, check, farm, gaussians, render
from .options import UsageError
from .signals import Signals, Stopped

# Exit statuses; a signal's is its number and 128.
DONE, FAILED, WRONG_USAGE = 0, 1, 2

_PROGRAM = f"blender --command {COMMAND}"


class Subcommand(Protocol):
    """What a module of this package has."""

    NAME: str
    DESCRIPTION: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add what it takes besides the file."""

    def run(self, arguments: argparse.Namespace, signals: Signals) -> int:
        """Do it with the open file, and return the exit status."""


SUBCOMMANDS: tuple[Subcommand, ...] = (render, gaussians, check, bake, farm)


def command(arguments: list[str]) -> int:
    """Do what ``blender --command sightline ARGUMENTS`` asks for, and return the exit status."""
    chosen = next((entry for entry in SUBCOMMANDS if arguments[:1] == [entry.NAME]), None)
    if chosen is not None:
        return _do(chosen, arguments[1:], f"{_PROGRAM} {chosen.NAME}", names_file=True)
    helps = arguments[:1] in (["-h"], ["--help"])
    stream = sys.stdout if helps else sys.stderr
    print(f"usage: {_PROGRAM} COMMAND FILE.blend [options]\n", file=stream)
    for entry in SUBCOMMANDS:
        print(f"  {entry.NAME:<10} {entry.DESCRIPTION}", file=stream)
    return DONE if helps else WRONG_USAGE


def render_open_file(arguments: Sequence[str], program: str) -> int:
    """Do what the command ``render`` does with the file that is open already, and return the exit status."""
    return _do(render, arguments, program, names_file=False)


def _do(chosen: Subcommand, arguments: Sequence[str], program: str, *, names_file: bool) -> int:
    """Do one command. What is wrong is said on standard error; the file itself is not changed."""
    parser = argparse.ArgumentParser(program, description=chosen.DESCRIPTION)
    if names_file:
        parser.add_argument("file", metavar="FILE.blend", type=Path, help="file with the cameras and photographs")
    chosen.add_arguments(parser)
    try:
        parsed = parser.parse_args(arguments)
    except SystemExit as stop:  # argparse has said why
        return WRONG_USAGE if stop.code else DONE
    try:
        with Signals() as signals:
            if names_file:
                _open(parsed.file)
            return chosen.run(parsed, signals)
    except Stopped as stop:
        return stop.status
    except SightlineError as error:
        print(f"Error: {error}", file=sys.stderr, flush=True)
        return WRONG_USAGE if isinstance(error, UsageError) else FAILED
    except Exception:  # Blender itself would go on and end well
        traceback.print_exc()
        return FAILED


def _open(path: Path) -> None:
    """Open a blend file.

    Raises:
        SightlineError: If that is not possible.
    """
    if not path.is_file():
        raise SightlineError(f"There is no file '{path}'.")
    try:
        bpy.ops.wm.open_mainfile(filepath=str(path.absolute()))
    except RuntimeError as error:
        reason = re.sub(rf"""( in file)? ["']{re.escape(str(path.absolute()))}["']""", "", str(error))
        reason = " ".join(reason.removeprefix("Error: ").split())
        raise SightlineError(f"Blender cannot open '{path}': {reason.rstrip('.')}.") from None
