"""``info``: devices, packages, methods and weights."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from ..progress import Progress
from ..worker.handlers import Handlers
from .common import common

NAME = "info"


class _Context:
    """Prints the warnings of the request that the worker answers the same way."""

    def warning(self, message: str) -> None:
        print(message, file=sys.stderr)


def add_parser(commands: Any) -> None:
    """Add this command to the command line."""
    parser = commands.add_parser(NAME, parents=[common()], help="devices, packages and weights of this machine")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, progress: Progress) -> None:
    """Print what there is.

    Raises:
        BackendError: If ``--device`` names one that is not there.
    """
    told: dict[str, Any] = Handlers().info({}, _Context())  # type: ignore[arg-type]
    print(f"python      {told['python']['version']} ({told['python']['executable']})")
    for name, version in told["packages"].items():
        print(f"package     {name} {version or 'missing'}")
    for device in told["devices"]:
        memory = "" if device["memory"] is None else f", {device['memory'] / 2**30:.0f} GiB"
        print(f"device      {device['name']} ({device['label']}{memory})")
    for method in told["methods"]:
        print(f"method      {method}")
    for backend in told["splatting"]:
        print(f"splatting   {backend['name']} ({'' if backend['usable'] else 'not used: '}{backend['reason']})")
    for entry in told["weights"]:
        print(
            "weights     " + ", ".join(f"{key} {value}" for key, value in entry.items() if value not in (None, "", {}))
        )
    if told["devices"]:
        from ..devices import choose_device

        print(f"would use   {choose_device(arguments.device)}")
