"""The numbers of a 3 x 3 matrix of intrinsics."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..errors import CameraError

# Pixels that a skew may move a point at 45 degrees to the optical axis: what comes of float32, and is not seen.
_LARGEST_SKEW = 0.05


def pinhole(matrix: ArrayLike) -> tuple[float, float, float, float]:
    """Return fx, fy, cx and cy of a matrix of intrinsics, in its own convention of pixels.

    Raises:
        CameraError: If it is of another shape, not finite, or has a skew.
    """
    values = np.asarray(matrix, dtype=np.float64)
    if values.shape != (3, 3) or not np.isfinite(values).all():
        raise CameraError("Its matrix of intrinsics is not made of 3 x 3 finite numbers; calibrate this camera again.")
    if abs(values[1, 0]) > 1e-9 or not np.allclose(values[2], [0.0, 0.0, 1.0], rtol=0.0, atol=1e-9):
        raise CameraError("Its matrix of intrinsics is not upper triangular with a last row of 0 0 1; export it again.")
    if abs(values[0, 1]) > _LARGEST_SKEW:
        raise CameraError(f"It has a skew of {values[0, 1]:g} pixels; calibrate this camera without skew.")
    return float(values[0, 0]), float(values[1, 1]), float(values[0, 2]), float(values[1, 2])
