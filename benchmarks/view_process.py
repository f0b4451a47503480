"""Run by ``view.py`` in a process of its own, so that its peak memory is that of one method. Prints JSON.

python -m benchmarks.view_process METHOD
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import sys
import time
from dataclasses import replace

from inference.errors import SightlineError

NEXT = 5
CORES = 2


def main(method: str) -> None:
    """Make a picture, then :data:`NEXT` more from a camera that moves on a little each time."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    from inference.synthesis import Options, Session

    from .example import example

    capture, target = example()
    session = Session()
    options = Options(method=method, sources=4, device="cpu")

    def picture(step: int) -> tuple[float, dict[str, float]]:
        pose = target.world_to_camera.copy()
        pose[0, 3] += 0.002 * step
        started = time.perf_counter()
        frame = session.synthesize(capture, replace(target, world_to_camera=pose), options)
        return time.perf_counter() - started, frame.metadata["seconds"]

    first, _ = picture(0)
    further = [picture(step) for step in range(1, NEXT + 1)]
    stages = {name: statistics.median(seconds.get(name, 0.0) for _, seconds in further) for name in further[0][1]}
    record = {
        "first": first,
        "next": statistics.median(seconds for seconds, _ in further),
        "stages": stages,
        # Linux counts in KiB, macOS in bytes.
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024),
    }
    print(json.dumps(record), flush=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except SightlineError as error:
        raise SystemExit(str(error)) from None
