"""Commands of other programs as steps of a job: no shell, what they print in a log, ended with what they started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..inference.errors import Cancelled
from .job import Job, Step

# Seconds that a cancelled command has to end by itself.
_PATIENCE = 2.0

# Seconds between two looks at what a command has done.
_LOOK = 0.2

# Blender sets these for the Python inside it.
_FOREIGN = ("PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONEXECUTABLE", "__PYVENV_LAUNCHER__")


@dataclass(frozen=True)
class Command:
    """What is run.

    Args:
        arguments: The program and its arguments.
        log: What it prints is appended there.
        temporary: Its folder for temporary files, on the disk that the result goes to.
    """

    arguments: tuple[str, ...]
    log: Path
    temporary: Path


def run(job: Job, command: Command, look: Callable[[str], Step]) -> Generator[Step, None, tuple[int, str]]:
    """Run a command; return its exit code and what it printed.

    Args:
        job: Its cancelling ends the command.
        command: What to run.
        look: Called a few times a second with what was printed so far; returns the step to show.

    Raises:
        Cancelled: If the job was cancelled.
        OSError: If it cannot be started, or its log not written.
    """
    with command.log.open("ab") as output:
        start = output.tell()
        process = subprocess.Popen(
            command.arguments,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=_environment(command.temporary),
            **_apart(),
        )
    step, next_look, told_to_end = look(""), 0.0, 0.0
    try:
        while (code := process.poll()) is None:
            now = time.monotonic()
            if job.cancelled and not told_to_end:
                told_to_end = now
                _signal(process, kill=False)
            elif job.cancelled and now - told_to_end > _PATIENCE:
                _signal(process, kill=True)
            if now >= next_look:
                next_look = now + _LOOK
                step = look(_printed(command.log, start))
            yield Step(step.fraction, "Cancelling" if job.cancelled else step.message, waiting=True)
    finally:
        if process.poll() is None:
            _signal(process, kill=True)
            process.wait()
    if job.cancelled:
        raise Cancelled()
    return code, _printed(command.log, start)


def _printed(log: Path, start: int) -> str:
    with log.open("rb") as file:
        file.seek(start)
        return file.read().decode("utf-8", "replace")


def _environment(temporary: Path) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    places = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))
    return {**environment, **places, "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}


def _apart() -> dict[str, Any]:
    """Return what makes a command the first of its own group: it may start others, which end with it."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}


def _signal(process: subprocess.Popen[bytes], *, kill: bool) -> None:
    """Tell a command, and what it has started, to end."""
    if sys.platform == "win32":
        process.kill()
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL if kill else signal.SIGTERM)
