"""Resampling of pictures by a homography, exact to the float: OpenCV rounds positions to 1/32 of a pixel."""

from __future__ import annotations

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from ..camera import Array
from ..view import Picture

# Pictures that shrink by more than this are averaged down first, or fine patterns would alias.
_SHRINKS = 1.25


def warp_homography(picture: Picture, homography: Array, size: tuple[int, int], smooth: bool) -> Picture:
    """Resample a picture.

    Args:
        picture: (h, w) or (h, w, C) float32.
        homography: 3x3, from positions in the result to positions in ``picture``, pixel edges at 0..width in both.
        size: Width and height of the result.
        smooth: Bicubic (Catmull and Rom 1974: exact for linear and quadratic content, overshoots at edges), else
            bilinear (stays in the picture's range).

    Returns:
        (height, width) or (height, width, C) float32; zero outside the picture.
    """
    height, width = picture.shape[:2]
    shrink = _shrinking(homography, size)
    if shrink > _SHRINKS:
        smaller = max(1, round(width / shrink)), max(1, round(height / shrink))
        picture = np.asarray(cv2.resize(picture, smaller, interpolation=cv2.INTER_AREA), dtype=np.float32)
        homography = np.diag([smaller[0] / width, smaller[1] / height, 1.0]) @ homography
    channels = np.ascontiguousarray(picture if picture.ndim == 3 else picture[..., None], dtype=np.float32)
    result = np.zeros((size[1], size[0], channels.shape[2]), np.float32)
    _warp(channels, np.ascontiguousarray(homography, dtype=np.float64), smooth, result)
    return result if picture.ndim == 3 else result[..., 0]


def warp_flow(picture: Picture, flow: Picture) -> Picture:
    """Return what each pixel's match in the other picture (H, W, C) looks like, by the ``flow`` (H, W) of its column.

    Bilinear, by OpenCV (positions to 1/32 of a pixel); outside, the picture's border.
    """
    height, width = flow.shape
    columns = np.arange(width, dtype=np.float32)[None] + flow
    rows = np.tile(np.arange(height, dtype=np.float32)[:, None], (1, width))
    return np.asarray(cv2.remap(picture, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _shrinking(homography: Array, size: tuple[int, int]) -> float:
    """Return how many pixels of the source one pixel of the result's middle is wide (root of the area)."""
    x, y = 0.5 * size[0], 0.5 * size[1]
    corners = np.array([[x, y, 1.0], [x + 1.0, y, 1.0], [x, y + 1.0, 1.0]]) @ homography.T
    if (corners[:, 2] <= 0).any():
        return 1.0
    positions = corners[:, :2] / corners[:, 2:]
    return float(np.sqrt(abs(np.linalg.det(positions[1:] - positions[0]))))


@numba.njit(cache=True, inline="always")
def _weights(share: float, smooth: bool, weights: NDArray[np.float64]) -> None:
    """Fill in the weights of the four samples at -1, 0, 1, 2 for a position ``share`` after the second."""
    if smooth:
        weights[0] = ((-0.5 * share + 1.0) * share - 0.5) * share
        weights[1] = (1.5 * share - 2.5) * share * share + 1.0
        weights[2] = ((-1.5 * share + 2.0) * share + 0.5) * share
        weights[3] = (0.5 * share - 0.5) * share * share
    else:
        weights[0], weights[1], weights[2], weights[3] = 0.0, 1.0 - share, share, 0.0


@numba.njit(cache=True, parallel=True)
def _warp(
    picture: NDArray[np.float32], homography: NDArray[np.float64], smooth: bool, result: NDArray[np.float32]
) -> None:
    height, width, channels = picture.shape
    first, last = (0, 4) if smooth else (1, 3)
    for row in numba.prange(result.shape[0]):
        across, down = np.empty(4), np.empty(4)
        total = np.empty(channels)
        for column in range(result.shape[1]):
            x, y = column + 0.5, row + 0.5
            scale = homography[2, 0] * x + homography[2, 1] * y + homography[2, 2]
            if scale <= 1e-12:
                continue
            u = (homography[0, 0] * x + homography[0, 1] * y + homography[0, 2]) / scale
            v = (homography[1, 0] * x + homography[1, 1] * y + homography[1, 2]) / scale
            if not (0.0 <= u <= width and 0.0 <= v <= height):
                continue
            left, top = int(np.floor(u - 0.5)), int(np.floor(v - 0.5))
            _weights(u - 0.5 - left, smooth, across)
            _weights(v - 0.5 - top, smooth, down)
            total[:] = 0.0
            for i in range(first, last):
                y_sample = min(max(top + i - 1, 0), height - 1)
                for j in range(first, last):
                    x_sample = min(max(left + j - 1, 0), width - 1)
                    weight = down[i] * across[j]
                    for channel in range(channels):
                        total[channel] += weight * picture[y_sample, x_sample, channel]
            for channel in range(channels):
                result[row, column, channel] = total[channel]
