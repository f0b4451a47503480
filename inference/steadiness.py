"""How steady the pictures along a camera's path are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from .frame import Frame

# Depths of one point in two frames may differ by this share; more, and something else is in front of it.
DEPTH_TOLERANCE = 0.02
# Alpha from which on a pixel shows the scene.
OPAQUE = 0.5


@dataclass(frozen=True)
class Steadiness:
    """Differences of successive frames in 1/255, see :func:`warped_difference`.

    Args:
        mean: Over the steps.
        median: Over the steps.
        worst: The largest of them.
    """

    mean: float
    median: float
    worst: float

    @property
    def jump(self) -> float:
        """How many times the median step the worst one is: about 1 on a steady path, more where something jumps."""
        return self.worst / self.median if self.median > 0 else float("inf" if self.worst > 0 else 1.0)


def steadiness(differences: Sequence[float]) -> Steadiness:
    """Sum up the differences of successive frames.

    Raises:
        ValueError: If there are none.
    """
    if not differences:
        raise ValueError("a path of one frame has no steps")
    return Steadiness(float(np.mean(differences)), float(np.median(differences)), float(np.max(differences)))


def warped_difference(first: Frame, second: Frame) -> float:
    """Return the mean absolute difference of two frames in 1/255, the first warped into the second by its depth.

    Over the pixels that both show: the point that the second's depth puts there lies inside the first, at the depth
    that the first has there (else something hides it), and both are opaque.

    Raises:
        ValueError: If no pixel is in both.
    """
    camera = second.camera
    x, y = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
    shown = np.isfinite(second.depth) & (second.alpha >= OPAQUE)
    # Whatever stands for the depth of nothing: these pixels do not count.
    surface = np.where(shown, second.depth, 1.0).astype(np.float64)
    pixels, depth = first.camera.project(camera.unproject(np.stack([x, y], axis=-1), surface))
    # OpenCV counts from the first pixel's centre.
    column, row = (pixels[..., axis].astype(np.float32) - np.float32(0.5) for axis in (0, 1))
    inside = (column >= 0) & (column <= first.camera.width - 1) & (row >= 0) & (row <= first.camera.height - 1)
    visible = shown & inside & (depth > 0)
    nearest = np.rint(row[visible]).astype(int), np.rint(column[visible]).astype(int)
    same = np.abs(first.depth[nearest] / depth[visible] - 1) <= DEPTH_TOLERANCE
    visible[visible] = same & (first.alpha[nearest] >= OPAQUE)
    if not visible.any():
        raise ValueError("the frames have no pixel in common")
    warped = cv2.remap(first.rgb, column, row, cv2.INTER_LINEAR)
    return 255.0 * float(np.abs(second.rgb - warped)[visible].mean())
