"""A client of the misbehaving worker, and small helpers."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from inference.worker.client import WorkerClient

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


class Client(WorkerClient):
    """Runs ``worker_handlers``; impatient, so that the tests are short."""

    module = "worker_handlers"
    silence_seconds = 3.0
    signal_seconds, kill_seconds = 0.3, 0.8


def make_client(**environment: str) -> Client:
    return Client(Path(sys.executable), ROOT, environment={"PYTHONPATH": str(HERE), **environment})


def until(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Whether ``condition`` comes true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def running(pid: int) -> bool:
    """Whether a process exists and is no zombie (which waits for whoever started it)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"
