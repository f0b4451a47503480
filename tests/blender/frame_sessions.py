"""Blenders of their own that make frames, as farms and other machines start them."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SESSION = Path(__file__).with_name("batch_session.py")
WORKER = "tests.blender.frame_worker"


def start(user_folder: Path, *arguments: object, **variables: str) -> "subprocess.Popen[str]":
    """Start batch_session.py with a user folder, arguments, and additions to the environment."""
    environment = os.environ | {"BLENDER_USER_RESOURCES": str(user_folder), "PYTHONPATH": str(ROOT)} | variables
    environment.setdefault("SIGHTLINE_PYTHON", sys.executable)
    return subprocess.Popen(
        [sys.executable, str(SESSION), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def children(pid: int) -> list[int]:
    """Processes whose parent is another, as the system counts them."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(status.parent.name))
    return found
