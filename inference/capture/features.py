"""Features of pictures and their matches: SIFT (Lowe 2004)."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..camera import Array
from ..view import Picture

# Lowe 2004, section 7.1, recommends 0.8; stricter, because no third view confirms a match.
RATIO = 0.7

Descriptors = NDArray[np.float32]


def find_features(rgb: Picture, mask: Picture | None, limit: int) -> tuple[Array, Array, Descriptors]:
    """Return positions, sizes and descriptors of the strongest features of a picture.

    Args:
        rgb: H x W x 3 in [0, 1].
        mask: H x W in [0, 1]; features are only looked for where it is above 0.5. ``None``: everywhere.
        limit: So many at most, about.

    Returns:
        Pixels (N, 2), edges at 0..width; diameters (N,) in pixels; descriptors (N, 128).
    """
    grey = cv2.cvtColor(np.round(rgb * 255).astype(np.uint8), cv2.COLOR_RGB2GRAY)
    where = np.ones(grey.shape, dtype=np.uint8) if mask is None else (mask > 0.5).astype(np.uint8)
    # A low contrast threshold: dark captures (flash, night) have few features otherwise.
    # Without precise upscaling, positions are off by a quarter of a pixel, which turned pictures show.
    sift = cv2.SIFT.create(nfeatures=limit, contrastThreshold=0.02, enable_precise_upscale=True)
    keypoints, descriptors = sift.detectAndCompute(grey, where)
    if not keypoints:
        return np.empty((0, 2)), np.empty(0), np.empty((0, 128), dtype=np.float32)
    # OpenCV's pixel centres are whole numbers.
    pixels = np.array([keypoint.pt for keypoint in keypoints], dtype=np.float64) + 0.5
    sizes = np.array([keypoint.size for keypoint in keypoints], dtype=np.float64)
    return pixels, sizes, np.asarray(descriptors, dtype=np.float32)


def mutual_matches(first: Descriptors, second: Descriptors) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the indices of descriptors that are each other's nearest and pass Lowe's ratio test both ways.

    Args:
        first, second: (N, D) and (M, D), two or more each.
    """
    squared = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1)[None] - 2 * first @ second.T
    there, there_good = _nearest(squared)
    back, back_good = _nearest(squared.T)
    a = np.arange(len(first))
    mutual = there_good & back_good[there] & (back[there] == a)
    return a[mutual], there[mutual]


def _nearest(squared: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return the index of every row's smallest value, and whether it passes the ratio test against the second."""
    best_two = np.partition(squared, 1, axis=1)[:, :2]
    return squared.argmin(axis=1), best_two[:, 0] < RATIO**2 * best_two[:, 1]
