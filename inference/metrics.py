"""How near two pictures are to each other."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[Any]

_WINDOW = 11
_SIGMA = 1.5


def psnr(a: Image, b: Image, mask: Image | None = None) -> float:
    """Return the peak signal-to-noise ratio in dB of two pictures with values in [0, 1].

    Args:
        a: H x W or H x W x C; the mean squared error is taken over all channels.
        b: Of the same shape.
        mask: H x W; only pixels above 0.5 count.

    Returns:
        Infinity for equal pictures.

    Raises:
        ValueError: If the shapes differ or the mask leaves nothing.
    """
    _check(a, b)
    error = (np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)) ** 2
    if mask is not None:
        if mask.shape != a.shape[:2]:
            raise ValueError(f"the mask has shape {mask.shape}, expected {a.shape[:2]}")
        error = error[mask > 0.5]
        if not error.size:
            raise ValueError("the mask leaves no pixel to compare")
    mean = float(error.mean())
    return float("inf") if mean == 0 else -10.0 * float(np.log10(mean))


def ssim(a: Image, b: Image) -> float:
    """Return the mean structural similarity of two pictures with values in [0, 1].

    Wang et al. 2004 with their constants: Gaussian window of 11 x 11 and sigma 1.5, K1 = 0.01, K2 = 0.03, data range 1,
    and as in their ``ssim.m`` only windows that lie inside the picture (the outer 5 pixels are no centres). Population
    covariances; channels separately, then the mean over pixels and channels.

    Args:
        a: H x W or H x W x C, both sides >= 11.
        b: Of the same shape.

    Raises:
        ValueError: If the shapes differ or a side is shorter than the window.
    """
    _check(a, b)
    if min(a.shape[:2]) < _WINDOW:
        raise ValueError(f"a picture of shape {a.shape} is smaller than the window of {_WINDOW} pixels")
    x = np.asarray(a, dtype=np.float64)
    y = np.asarray(b, dtype=np.float64)
    mean_x, mean_y = _window_mean(x), _window_mean(y)
    variance_x = _window_mean(x * x) - mean_x**2
    variance_y = _window_mean(y * y) - mean_y**2
    covariance = _window_mean(x * y) - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2
    similarity = ((2 * mean_x * mean_y + c1) * (2 * covariance + c2)) / (
        (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
    )
    return float(similarity.mean())


def box_around(mask: Image) -> tuple[slice, slice]:
    """Return rows and columns of the box around what a mask (H x W in [0, 1]) shows: 0.5 and more.

    Raises:
        ValueError: If it shows nothing.
    """
    shown = mask >= 0.5
    if not shown.any():
        raise ValueError("the mask shows nothing")
    rows, columns = (np.flatnonzero(shown.any(axis=axis)) for axis in (1, 0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _window_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the Gaussian mean around every pixel whose window lies inside."""
    blurred = cv2.GaussianBlur(values, (_WINDOW, _WINDOW), _SIGMA, borderType=cv2.BORDER_REFLECT_101)
    margin = _WINDOW // 2
    return np.asarray(blurred[margin:-margin, margin:-margin], dtype=np.float64)


def _check(a: Image, b: Image) -> None:
    if a.shape != b.shape:
        raise ValueError(f"pictures of shapes {a.shape} and {b.shape} cannot be compared")
