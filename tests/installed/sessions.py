"""Blenders of their own for the tests of the installed extension."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SESSION = Path(__file__).with_name("session.py")


def blender_process(user_folder: Path, *arguments: object) -> "subprocess.Popen[str]":
    """Start session.py in a Blender of its own."""
    environment = os.environ | {"BLENDER_USER_RESOURCES": str(user_folder), "PYTHONPATH": str(ROOT)}
    environment.setdefault("SIGHTLINE_PYTHON", sys.executable)
    return subprocess.Popen(
        [sys.executable, str(SESSION), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        cwd=user_folder,
    )


def outcome(process: "subprocess.Popen[str]") -> dict[str, Any]:
    """Wait for a session and return what it found out."""
    output, _ = process.communicate(timeout=180)
    assert process.returncode == 0, output
    record: dict[str, Any] = json.loads(output.splitlines()[-1])
    return record
