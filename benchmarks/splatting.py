"""Splatting 524 288 pixel-aligned Gaussians to 1024 x 1024, on one thread and on all."""

from __future__ import annotations

import numba
import numpy as np

from inference.camera import Camera
from inference.gaussians import Gaussians
from inference.splatting import Splat, rasterize

from .measure import Row, compared, medians

SIDE = 512
SUBJECT = "splatting 524 288 Gaussians to 1024 x 1024"


def pixel_aligned(camera: Camera) -> Gaussians:
    """Return a Gaussian for every pixel of two wavy depth maps of SIDE x SIDE, as GPS-Gaussian makes them."""
    random = np.random.default_rng(0)
    rows, columns = (np.mgrid[:SIDE, :SIDE] + 0.5) * (camera.width / SIDE)
    points = []
    for shift in (0.0, 0.3):
        depths = 2.0 + 0.1 * np.sin(columns / 50 + shift)
        pixels = np.stack([columns + shift, rows], axis=-1).reshape(-1, 2)
        points.append(camera.unproject(pixels, depths.ravel()))
    count = 2 * SIDE * SIDE
    return Gaussians.coloured(
        np.concatenate(points),
        np.tile([1.0, 0.0, 0.0, 0.0], (count, 1)),
        np.full((count, 3), 0.002),
        np.full(count, 0.95),
        random.uniform(size=(count, 3)),
    )


def run() -> list[Row]:
    """Measure one thread, all threads, and a copy of what the Gaussians take in memory."""
    camera = Camera(1024, 1024, 1000.0, 1000.0, 512.0, 512.0, np.eye(4))
    gaussians = pixel_aligned(camera)
    arrays = [gaussians.means, gaussians.quaternions, gaussians.scales, gaussians.opacities, gaussians.harmonics]
    threads = numba.get_num_threads()

    def on(count: int) -> Splat:
        numba.set_num_threads(count)
        try:
            return rasterize(gaussians, camera)
        finally:
            numba.set_num_threads(threads)

    ways = {
        f"numba, {threads} threads": lambda: on(threads),
        "numba, 1 thread": lambda: on(1),
        "memory copy of the Gaussians": lambda: [values.copy() for values in arrays],
    }
    return compared(SUBJECT, medians(ways), f"numba, {threads} threads")
