"""``python -m benchmarks [SUBJECT ...]``: measure, print a table of ratios.

Every ratio compares ways that took turns in this run on this machine; figures of different runs do not compare.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys

from .measure import Row, table

SUBJECTS = {
    "sweep": "the plane sweep volume against torch, OpenCV and a memory copy",
    "network": "ConvGLR's network against the plain convolutions in it",
    "view": "a whole 512 x 384 view from 4 sources on two cores: stages, first and next frame, peak memory",
    "steadiness": "how steady a camera's path is where sources change, with fading and without",
    "splatting": "half a million Gaussians on one thread, on all and on a GPU; gradients; the plain reference",
    "people": "a person from two photographs: matching, network, splatting",
    "animation": "a path of frames in Blender: asked for, made, from the cache; memory over 500 of them",
    "farm": "a render farm's task: start-up, frames, check; a job of 10,000 frames on paper",
    "window": "the rendered viewport and the timeline in the window of a Blender that BLENDER names",
    "cache": "a finished 960 x 540 frame read from the cache, against a plain file; a crowded cache",
    "worker": "starting the worker, a round trip",
    "transfer": "a 2048 x 2048 picture on its way from the worker into Blender",
}


def main() -> None:
    """Run the subjects named on the command line, or all."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog="subjects: " + "; ".join(f"{name}: {text}" for name, text in SUBJECTS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help="default: all")
    names = parser.parse_args().subjects or list(SUBJECTS)
    unknown = sorted(set(names) - set(SUBJECTS))
    if unknown:
        parser.error(f"no subject {', '.join(unknown)}; there are: {', '.join(SUBJECTS)}")
    print(f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}\n")
    rows: list[Row] = []
    for name in names:
        print(f"measuring {name}: {SUBJECTS[name]}", file=sys.stderr, flush=True)
        rows += importlib.import_module(f"{__package__}.{name}").run()
    print(table(rows))


if __name__ == "__main__":
    main()
