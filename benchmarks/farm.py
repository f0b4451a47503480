"""A farm's task on this machine: start-up, frames, the check at the end; and what that makes of a long job on paper."""

from __future__ import annotations

import itertools
import math
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from .example import EXAMPLE, ROOT
from .measure import Row

SIZE = (960, 540)
FRAMES = {"plane-sweep": 24, "convglr": 8}

# The job on paper. The file server's rate is an assumption: a gigabit, of which files get nine tenths.
JOB, WORKERS, SERVER = 10_000, (1, 10, 100, 1000), 112e6


@dataclass(frozen=True)
class Task:
    """What was measured of a method's tasks (seconds and bytes).

    Args:
        start: From the start of Blender to the first frame, less that frame.
        frame: To make a frame.
        check: To check a frame in the end, and ``movie`` to encode it; by one machine.
        read: Photographs, read by every task.
        written: A frame's file.
    """

    start: float
    frame: float
    check: float
    movie: float
    read: float
    written: float

    def chunk(self) -> int:
        """Return the frames that a task needs for starting up to be a tenth of it, at most 100."""
        return min(100, max(1, math.ceil(9 * self.start / self.frame)))

    def seconds(self, workers: int, chunk: int) -> dict[str, float]:
        """Return what a job of ``JOB`` frames takes on so many workers, part by part.

        Tasks run in rounds; the server's rate bounds them from below; the check and the movie come last, on one worker.
        """
        tasks = math.ceil(JOB / chunk)
        rounds = math.ceil(tasks / workers)
        computing = rounds * (self.start + chunk * self.frame)
        moving = (tasks * self.read + JOB * self.written) / SERVER
        return {"frames": max(computing, moving), "last task": self.start + JOB * (self.check + self.movie)}


def run() -> list[Row]:
    """Measure both methods for any scene."""
    rows: list[Row] = []
    for method, frames in FRAMES.items():
        with tempfile.TemporaryDirectory() as folder:
            task = _measured(Path(folder), method, frames)
        subject = f"a farm's task, {SIZE[0]} x {SIZE[1]}, {method}"
        rows += [
            Row(subject, "start-up", task.start, "s", task.start / task.frame, "a frame"),
            Row(subject, "a frame", task.frame, "s"),
            Row(subject, "a frame checked", 1000 * task.check, "ms", task.check / task.frame, "made"),
            Row(subject, "a frame encoded", 1000 * task.movie, "ms", task.movie / task.frame, "made"),
            Row(subject, "photographs", task.read / 2**20, "MiB", task.read / task.written, "a frame's file"),
        ]
        alone = sum(task.seconds(1, task.chunk()).values())
        for workers in WORKERS:
            chunk = min(task.chunk(), math.ceil(JOB / workers))
            parts = task.seconds(workers, chunk)
            whole = sum(parts.values())
            way = f"{workers} workers, chunks of {chunk}, the last task {parts['last task'] / 60:.0f} min"
            ratio = alone / whole
            rows.append(Row(f"{JOB:,} frames on paper, {method}", way, whole / 3600, "h", ratio, "as fast as one"))
    return rows


def _measured(folder: Path, method: str, frames: int) -> Task:
    file, user = folder / "move.blend", folder / "user"
    _timed(user, "scene", file, method, *SIZE, 4 * frames)
    options = (file, "--output", folder / "shots")
    _timed(user, "render", *options, "--frames", 4 * frames)  # compiles, once on a machine
    saved = _timed(user, "render", *options, "--frames", f"1-{frames}")["Saved"]
    frame = statistics.median(later - earlier for earlier, later in itertools.pairwise(saved))
    one = _timed(user, "check", *options, "--frames", 1)["All of"][0]
    many = _timed(user, "check", *options, "--frames", f"1-{frames}")["All of"][0]
    movie = _timed(user, "check", *options, "--frames", f"1-{frames}", "--movie", folder / "a.mp4")
    shots = [path.stat().st_size for path in (folder / "shots").iterdir()]
    return Task(
        start=saved[0] - frame,
        frame=frame,
        check=max(0.0, many - one) / (frames - 1),
        movie=(movie["Saved"][0] - movie["All of"][0]) / frames,
        read=float(sum(path.stat().st_size for path in EXAMPLE.parent.rglob("*") if path.suffix in {".jpg", ".png"})),
        written=sum(shots) / len(shots),
    )


def _timed(*arguments: object) -> dict[str, list[float]]:
    """Run a task; return when lines that begin in certain ways were printed, in seconds from its start."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "benchmarks.farm_process", *map(str, arguments)]
    found: dict[str, list[float]] = {"Saved": [], "All of": []}
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            for beginning, times in found.items():
                if line.startswith(beginning):
                    times.append(time.perf_counter() - began)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return found
