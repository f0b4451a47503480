"""Blenders of their own for the tests of the installed extension."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SESSION = Path(__file__).with_name("session.py")


def blender_process(
    user_folder: Path,
    *arguments: object,
    command: Sequence[str] = (sys.executable, str(SESSION)),
    worker: str | None = sys.executable,
) -> "subprocess.Popen[str]":
    """Start session.py in a Blender of its own, its worker on that Python; None leaves the choice to the extension."""
    scratch = user_folder / "temporary"
    scratch.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"BLENDER_USER_RESOURCES": str(user_folder), "TMPDIR": str(scratch)}
    environment.pop("SIGHTLINE_PYTHON", None)
    environment.pop("PYTHONPATH", None)
    if worker is not None:
        environment["SIGHTLINE_PYTHON"] = worker
    return subprocess.Popen(
        [*command, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        cwd=user_folder,
    )


def outcome(process: "subprocess.Popen[str]") -> dict[str, Any]:
    """Wait for a session and return what it found out."""
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    record: dict[str, Any] = json.loads(next(line for line in reversed(output.splitlines()) if line.startswith("{")))
    return record
