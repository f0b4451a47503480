"""A 960 x 540 frame in the cache: read and written; how much of that is more than copying its bytes."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from inference.camera import Camera
from inference.frame import Frame
from inference.frame_cache import FrameCache

from .measure import Row, compared, medians

WIDTH, HEIGHT = 960, 540
ENTRIES = 10_000


def run() -> list[Row]:
    """Measure against ``np.load`` of the same colours, and the size of a cache of very many entries."""
    rng = np.random.default_rng(0)
    rgb = rng.random((HEIGHT, WIDTH, 3), dtype=np.float32)
    alpha, depth, confidence = rng.random((3, HEIGHT, WIDTH), dtype=np.float32)
    camera = Camera(WIDTH, HEIGHT, 900.0, 900.0, WIDTH / 2, HEIGHT / 2, np.eye(4))
    frame = Frame(camera, rgb, alpha, depth, confidence, {"method": "made up"})
    with tempfile.TemporaryDirectory() as name:
        cache, plain = FrameCache(Path(name) / "frames", 1 << 40), Path(name) / "plain.npy"
        cache.write("frame", frame)
        stored = cache.read("frame")
        assert stored is not None
        np.save(plain, stored.rgba)
        ways = {
            "np.load of the colours": lambda: np.load(plain),
            "colours, checked": lambda: cache.read("frame", depth=False),
            "colours and depth, checked": lambda: cache.read("frame"),
            "written": lambda: cache.write("frame", frame),
        }
        rows = compared("cached frame 960 x 540", medians(ways, repeats=15), "np.load of the colours")
        for index in range(ENTRIES):
            (cache.folder / f"{index:040x}.frame").touch()
        crowded = {"size() of 10,000 entries": cache.size, "has()": lambda: cache.has("frame")}
        return rows + compared("crowded cache", medians(crowded), "has()")
