"""A whole view: 512 x 384 from the 4 nearest sources of the example; each method in its own process on two cores."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from .example import ROOT
from .measure import Row

METHODS = ("convglr", "plane-sweep")
THREADS = "2"


def run() -> list[Row]:
    """Measure the first picture, the next ones, their stages, and the most memory the process ever held."""
    rows: list[Row] = []
    for method in METHODS:
        record = measure(method)
        subject = f"{method}, 512 x 384, 4 sources, 2 cores"
        rows.append(Row(subject, "next pictures", 1000 * record["next"], "ms"))
        ratio = record["first"] / record["next"]
        rows.append(Row(subject, "first picture", 1000 * record["first"], "ms", ratio, "next pictures"))
        for stage, seconds in record["stages"].items():
            share = seconds / record["next"]
            rows.append(Row(subject, f"    {stage}", 1000 * seconds, "ms", share, "next pictures"))
        rows.append(Row(subject, "peak memory", record["peak_bytes"] / 2**20, "MiB"))
    return rows


def measure(method: str) -> dict[str, Any]:
    """Return what ``view_process.py`` measures of a method."""
    environment = os.environ | {"OMP_NUM_THREADS": THREADS, "NUMBA_NUM_THREADS": THREADS}
    command = [sys.executable, "-m", "benchmarks.view_process", method]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"The method {method} could not be measured; the reason is printed above.")
    record: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return record
