"""A camera path of 100 frames in Blender: asked for, made, found again in the cache; memory over 500 frames."""

from __future__ import annotations

import json
import subprocess
import sys

from .example import ROOT
from .measure import Row

SIZE = (960, 540)
METHODS = ("plane-sweep", "convglr")


def run() -> list[Row]:
    """Measure each method in a Blender of its own."""
    rows: list[Row] = []
    for method in METHODS:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.animation_process", method, *map(str, SIZE)],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
        found = json.loads(done.stdout.splitlines()[-1])
        subject = f"{SIZE[0]} x {SIZE[1]} frames of a path, {method}"
        made, read = found["made"], found["read"]
        rows += [
            Row(subject, f"made, mean of {found['path']}", made, "s", made / read, "from the cache"),
            Row(subject, "made, the slowest", found["longest"], "s", found["longest"] / made, "the mean"),
            Row(subject, "from the cache", 1000 * read, "ms", read / found["copied"], "a copy in memory"),
            Row(subject, "request with its key", 1000 * found["asked"], "ms"),
            Row(subject, "request with its key, the slowest", 1000 * found["slowest"], "ms"),
        ]
        for process, (early, late) in found["memory"].items():
            way = f"{process} after {found['frames']} small frames"
            rows.append(Row("memory", f"{way}, {method}", late, "MiB", late / early, "after a fifth of them"))
    return rows
