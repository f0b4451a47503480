"""The worker: how long it takes to start, and what one question costs."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from inference.worker.client import WorkerClient

from .example import ROOT
from .measure import Row, compared, medians


def run() -> list[Row]:
    """Measure start, round trip and restart against starting Python alone."""

    def python() -> None:
        subprocess.run([sys.executable, "-c", "pass"], check=True)

    def start() -> None:
        client = WorkerClient(Path(sys.executable), ROOT)
        try:
            client.wait(client.submit("unload", {}), timeout=60)
        finally:
            client.close()

    seconds = medians({"Python alone": python, "worker, start to first answer to end": start}, repeats=5)
    # The work is other processes': this one's processor time says nothing.
    rows = [replace(row, cpu=None) for row in compared("start", seconds, "Python alone")]

    client = WorkerClient(Path(sys.executable), ROOT)
    try:
        client.wait(client.submit("unload", {}), timeout=60)
        trip = medians({"round trip": lambda: client.wait(client.submit("unload", {}), timeout=60)}, repeats=50)
        rows.append(Row("a question to a running worker", "round trip", 1000 * trip["round trip"].wall, "ms"))
        started = time.perf_counter()
        client.wait(client.submit("info", {}), timeout=120)
        first = time.perf_counter() - started
        again = medians({"info": lambda: client.wait(client.submit("info", {}), timeout=120)}, repeats=3)["info"].wall
        rows.append(Row("info", "first: the packages load", 1000 * first, "ms", first / again, "again"))
        rows.append(Row("info", "again", 1000 * again, "ms"))
    finally:
        client.close()
    return rows
