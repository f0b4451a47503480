"""The plane sweep volume of 4 sources and 32 planes at 512 x 384, in four ways."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch

from inference.capture.photographs import Photographs
from inference.planesweep.geometry import SweepGeometry, sweep_geometry
from inference.planesweep.volume import Interval, sweep_volume, sweep_volume_torch
from inference.selection import select_sources
from inference.view import Picture

from .example import example
from .measure import Row, compared, medians

PLANES = 32
SUBJECT = f"sweep volume, 4 sources, {PLANES} planes, 512 x 384"


def run() -> list[Row]:
    """Measure the numba kernel, ``grid_sample``, ``warpPerspective`` and a plain copy of the volume."""
    capture, target = example()
    assert capture.depth_near is not None and capture.depth_far is not None
    near, far = capture.depth_near, capture.depth_far
    choices = select_sources(target, [view.camera for view in capture], 4, near, far)
    views = [capture.views[choice.index] for choice in choices if choice.used]
    store = Photographs()
    pixels = [np.ascontiguousarray(store.get(view).rgb) for view in views]
    images = [torch.from_numpy(picture) for picture in pixels]
    geometry = sweep_geometry(target, [view.camera for view in views])
    interval = Interval.constant(target.height, target.width, near, far, torch.device("cpu"))
    volume = sweep_volume(images, geometry, interval, PLANES).colours
    copy = torch.empty_like(volume)
    seconds = medians(
        {
            "memory copy of the volume": lambda: copy.copy_(volume),
            "numba (Sightline on the CPU)": lambda: sweep_volume(images, geometry, interval, PLANES),
            "torch grid_sample (Sightline elsewhere)": lambda: sweep_volume_torch(images, geometry, interval, PLANES),
            "OpenCV warpPerspective, to 1/32 px": lambda: _warped(
                pixels, geometry, near, far, target.width, target.height
            ),
        }
    )
    return compared(SUBJECT, seconds, "memory copy of the volume")


def _warped(
    pixels: list[Picture], geometry: SweepGeometry, near: float, far: float, width: int, height: int
) -> list[Any]:
    """Sample the same planes by one homography each, in pixel centres at 0 as OpenCV has them."""
    centre = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    warped = []
    for disparity in np.linspace(1 / far, 1 / near, PLANES):
        for view, picture in enumerate(pixels):
            homography = geometry.matrices[view].copy()
            homography[:, 2] += geometry.offsets[view] * disparity
            matrix = np.linalg.inv(centre) @ homography @ centre
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            warped.append(cv2.warpPerspective(picture, matrix, (width, height), flags=flags))
    return warped
