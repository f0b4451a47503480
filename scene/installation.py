"""The private environment of the backend: made by Python's own venv and pip, as a job, never through a shell."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import bpy

from ..inference.errors import BackendError, Cancelled
from . import backend
from .job import Job, Step, Steps

# Until a cancelled installer is killed, it has this many polls to end by itself.
_PATIENCE = 100


# What is run, one after the other: how far the whole is then, what the user reads, the command with its places.
_PIP = ("{python}", "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off")
COMMANDS: tuple[tuple[float, str, tuple[str, ...]], ...] = (
    (0.0, "Making an environment", ("{blender_python}", "-m", "venv", "{folder}")),
    (0.1, "Installing", (*_PIP, "-r", "{requirements}")),
)


def online() -> bool:
    """Whether the user lets Blender go online."""
    return bool(bpy.app.online_access)


def install(job: Job) -> Steps:
    """Make the environment and install ``wheels/requirements.txt`` into it; its log stays beside it.

    Raises:
        BackendError: If Blender may not go online, or a command fails; the sentence names the log.
    """
    if not online():
        raise BackendError("Blender may not go online; allow that in the preferences under System, Network.")
    folder = backend.user_folder("backend")
    log = backend.user_folder("", create=True) / "backend.log"
    log.write_bytes(b"")
    shutil.rmtree(folder, ignore_errors=True)
    try:
        for fraction, stage, command in COMMANDS:
            filled = [part.format(**_places()) for part in command]
            yield from _run(job, filled, log, fraction, stage)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        backend.forget()
    return {"sentence": "The backend is installed"}


def _places() -> dict[str, str]:
    """Return what the places in the commands stand for."""
    return {
        "python": str(backend.environment_python()),
        "blender_python": sys.executable,
        "folder": str(backend.user_folder("backend")),
        "requirements": str(backend.ROOT / "wheels" / "requirements.txt"),
    }


def _run(job: Job, command: list[str], log: Path, fraction: float, stage: str) -> Generator[Step, None, None]:
    """Run one command, its output going to the log, the last line of that being the message."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    polls = 0
    try:
        while (code := process.poll()) is None:
            if job.cancelled:
                process.terminate()
                polls += 1
                if polls > _PATIENCE:
                    process.kill()
            last = _last_line(log)
            unpacking = last.startswith("Installing collected")
            yield Step(0.8 if unpacking else fraction, f"{stage}: {last}"[:120], waiting=True)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if job.cancelled:
        raise Cancelled()
    if code != 0:
        raise BackendError(f"The backend cannot be installed ({_last_line(log)}); the whole story is in '{log}'.")


def _last_line(log: Path) -> str:
    """Return the last line of a log without colours."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 2048))
        lines = file.read().decode("utf-8", "replace").splitlines()
    return next((re.sub(r"\x1b\[[0-9;]*m", "", line).strip() for line in reversed(lines) if line.strip()), "")
