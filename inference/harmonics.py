"""Real spherical harmonics in the order and with the signs of the authors' code of 3D Gaussian Splatting."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .gaussians import SH_COUNTS, SH_ZERO

_SAMPLES = 64  # directions a turn is fitted to: more than the 16 coefficients, so that it is found exactly


def harmonics_at(directions: ArrayLike, count: int) -> NDArray[np.float64]:
    """Return the values (..., ``count``) of the harmonics in unit directions (..., 3).

    The harmonics are orthonormal on the sphere, band after band from order -l to l; those of odd order have the
    opposite sign of the usual real ones (Condon-Shortley phase).

    Args:
        directions: From the camera to the Gaussian, unit length.
        count: 1, 4, 9 or 16, for degree 0 to 3.
    """
    x, y, z = np.moveaxis(np.asarray(directions, dtype=np.float64), -1, 0)
    return np.stack(harmonic_bands(x, y, z, count), axis=-1)


def harmonic_bands(x: Any, y: Any, z: Any, count: int) -> list[Any]:
    """Return the values of :func:`harmonics_at` one by one, for arrays or tensors of coordinates."""
    xx, yy, zz = x * x, y * y, z * z
    bands = [0 * x + SH_ZERO]
    if count > 1:
        one = sqrt(3 / (4 * pi))
        bands += [-one * y, one * z, -one * x]
    if count > 4:
        two, axial = sqrt(15 / (4 * pi)), sqrt(5 / (16 * pi))
        bands += [two * x * y, -two * y * z, axial * (2 * zz - xx - yy), -two * x * z, two / 2 * (xx - yy)]
    if count > 9:
        a, b, c, d = sqrt(35 / (32 * pi)), sqrt(105 / (4 * pi)), sqrt(21 / (32 * pi)), sqrt(7 / (16 * pi))
        bands += [
            -a * y * (3 * xx - yy),
            b * x * y * z,
            -c * y * (4 * zz - xx - yy),
            d * z * (2 * zz - 3 * xx - 3 * yy),
            -c * x * (4 * zz - xx - yy),
            b / 2 * z * (xx - yy),
            -a * x * (xx - 3 * yy),
        ]
    return bands


def turned_harmonics(harmonics: NDArray[np.float32], turn: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the coefficients of functions on the sphere after the sphere was turned.

    A rotation or reflection maps each band onto itself, so a least-squares fit to enough directions is exact.

    Args:
        harmonics: (N, K, 3) coefficients, K = 1, 4, 9 or 16.
        turn: 3x3 orthogonal matrix; the colour that was seen along d is seen along ``turn @ d`` afterwards.
    """
    count = harmonics.shape[1]
    assert count in SH_COUNTS
    # Evenly on the sphere: a spiral of golden angles.
    index = np.arange(_SAMPLES) + 0.5
    z, angle = 1 - 2 * index / _SAMPLES, pi * (1 + sqrt(5)) * index
    radius = np.sqrt(1 - z * z)
    directions = np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=-1)
    fit = np.linalg.pinv(harmonics_at(directions, count)) @ harmonics_at(directions @ turn, count)
    return np.asarray(fit @ harmonics, dtype=np.float64)
