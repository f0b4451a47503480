"""Brown's lens with four radial terms, as Metashape and RealityScan have it, in OpenCV's terms.

OpenCV's fourth coefficient is none of a polynomial but the first of a denominator. Where there is a fourth term, its
rational function is fitted to the polynomial over the picture: the two agree by far better than a hundredth of a pixel
for most lenses, and by less than a tenth, a fraction of what calibrations are good for, for wide ones.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..camera import Distortion
from ..errors import CameraError

Array = NDArray[np.float64]

# Pixels by which the fitted function may be off anywhere in the picture.
TOLERANCE = 0.1

# The radius up to which it is fitted, in that of the farthest corner: tangential terms and resampling reach over it.
_REACH = 1.02
_SAMPLES = 200
_ROUNDS = 3
# What a denominator may be at least: one that passes zero in the picture changes its sign there.
_SMALLEST = 0.05
# Radii that are looked through for that corner, in its own distorted radius.
_FARTHEST = 3.0


# Many pictures have the same lens.
@lru_cache(maxsize=64)
def brown_lens(
    radial: tuple[float, float, float, float], tangential: tuple[float, float], focal: float, corner: float
) -> Distortion:
    """Return the distortion x (1 + k1 r^2 + k2 r^4 + k3 r^6 + k4 r^8) + tangential terms.

    Args:
        radial: k1, k2, k3, k4.
        tangential: p1, p2 in OpenCV's order.
        focal: Focal length in pixels.
        corner: Pixels from the principal point to the farthest corner of the picture.

    Raises:
        CameraError: If a coefficient is not finite, or there is a fourth radial term that OpenCV's lens cannot express.
    """
    k1, k2, k3, k4 = radial
    if k4 == 0 or not np.isfinite([*radial, *tangential, focal, corner]).all() or focal <= 0:
        return Distortion("opencv", (k1, k2, *tangential, k3, k4))
    radius = _undistorted(np.array(radial), corner / focal)
    fitted = None if radius is None else _rational(np.array(radial), (_REACH * radius) ** 2, TOLERANCE / focal)
    if fitted is None:
        raise CameraError(
            "Its fourth radial coefficient k4 cannot be expressed here to a tenth of a pixel; calibrate without k4, or "
            "export undistorted pictures."
        )
    first, second, third, *denominator = fitted.tolist()
    return Distortion("opencv", (first, second, *tangential, third, *denominator))


def _undistorted(radial: Array, distorted: float) -> float | None:
    """Return the radius that the lens takes to a distorted one; ``None`` where it folds before."""
    radii = np.linspace(0.0, _FARTHEST * distorted, 3000)
    seen = radii * _polynomial(radial, radii**2)
    beyond = int(np.argmax(seen >= distorted))
    if seen[beyond] < distorted or (np.diff(seen[: beyond + 1]) <= 0).any():
        return None
    return float(radii[beyond])


def _polynomial(radial: Array, squared: Array) -> Array:
    return 1 + squared[:, None] ** np.arange(1, 5) @ radial


def _rational(radial: Array, largest: float, tolerance: float) -> Array | None:
    """Return k1, k2, k3 of a numerator and k4, k5, k6 of a denominator that agree with a polynomial, or ``None``.

    Args:
        radial: Its coefficients.
        largest: The squared radius up to which they must.
        tolerance: Of the distorted radius.
    """
    # Of squared radii from 0 to 1, closer together at the ends, where polynomials differ most.
    squared = (1 - np.cos(np.linspace(0, np.pi, _SAMPLES))) / 2
    scale = largest ** np.arange(1, 5)
    wanted = _polynomial(radial * scale, squared)
    powers = squared[:, None] ** np.arange(1, 4)
    system = np.column_stack([powers, -wanted[:, None] * powers])
    radii = np.sqrt(largest * squared)
    # A longer denominator fits better, but may pass zero where a shorter one does not.
    for terms in (6, 5, 4, 3):
        values, denominator = np.zeros(6), np.ones(_SAMPLES)
        for _ in range(_ROUNDS):
            # The equations are those of the fit times its denominator, which is known from the round before.
            rows = radii / denominator
            values[:terms] = np.linalg.lstsq(system[:, :terms] * rows[:, None], (wanted - 1) * rows, rcond=None)[0]
            denominator = 1 + powers @ values[3:]
            if (denominator < _SMALLEST).any():
                break
        else:
            error = radii * np.abs((1 + powers @ values[:3]) / denominator - wanted)
            if error.max() <= tolerance:
                return values / np.tile(scale[:3], 2)
    return None
