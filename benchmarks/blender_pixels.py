"""Run by ``transfer.py`` in a process of its own: how fast pixels get into an image data-block. Prints JSON."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import bpy
import numpy as np

from .measure import medians

SEQUENCE = "pixels = a list (from a smaller picture)"


def main(side: int) -> None:
    """Measure ``foreach_set`` against a memory copy and against assigning a sequence (a 64th of it, for patience)."""
    pixels = np.random.default_rng(0).random(side * side * 4, dtype=np.float32)
    copy = np.empty_like(pixels)
    image: Any = bpy.data.images.new("result", side, side, float_buffer=True)
    small: Any = bpy.data.images.new("small", side // 8, side // 8, float_buffer=True)
    few = pixels[: pixels.size // 64]

    def assign() -> None:
        small.pixels = few.tolist()

    seconds = medians(
        {
            "memory copy": lambda: np.copyto(copy, pixels),
            "pixels.foreach_set (Sightline)": lambda: image.pixels.foreach_set(pixels),
            SEQUENCE: assign,
        }
    )
    times = {way: (timing.wall, timing.cpu) for way, timing in seconds.items()}
    larger = image.size[0] * image.size[1] / (small.size[0] * small.size[1])
    times[SEQUENCE] = (times[SEQUENCE][0] * larger, times[SEQUENCE][1] * larger)
    print(json.dumps(times), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
    os._exit(0)  # Blender's module may hang while it is torn down
