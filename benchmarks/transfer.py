"""A 2048 x 2048 RGBA float picture (64 MiB) between the worker and Blender."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from inference.worker import protocol

from .example import ROOT
from .measure import Row, Timing, compared, medians

SIDE = 2048
SUBJECT = f"{SIDE} x {SIDE} RGBA float"
COPY = "memory copy"
TEXT = "as JSON text (from a part of the rows)"
ROWS = 64


def run() -> list[Row]:
    """Measure the protocol's way against a copy in memory, and Blender's end in a Blender of its own."""
    picture = np.random.default_rng(0).random((SIDE, SIDE, 4), dtype=np.float32)
    copy = np.empty_like(picture)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def through_file() -> None:
            record = protocol.store_arrays({"rgba": picture}, folder / "result")
            np.copyto(copy, protocol.load_arrays(json.loads(json.dumps(record)), folder)["rgba"])

        def as_text() -> None:
            np.copyto(copy[:ROWS], np.asarray(json.loads(json.dumps(picture[:ROWS].tolist())), dtype=np.float32))

        seconds = medians(
            {
                COPY: lambda: np.copyto(copy, picture),
                "array file: written, mapped, copied (Sightline)": through_file,
                TEXT: as_text,
            }
        )
    seconds[TEXT] = Timing(seconds[TEXT].wall * SIDE / ROWS, seconds[TEXT].cpu * SIDE / ROWS)
    rows = compared(SUBJECT, seconds, COPY)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.blender_pixels", str(SIDE)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    inside = {way: Timing(*times) for way, times in json.loads(done.stdout.splitlines()[-1]).items()}
    return rows + compared(f"{SUBJECT}, in Blender's process", inside, COPY)
