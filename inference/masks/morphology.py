"""Cleaning of rough masks."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

# Pieces and holes smaller than this share of the largest piece are errors; the gap of a bent arm is larger.
_SMALL_PART = 0.005


def grown(mask: Mask, pixels: int) -> Mask:
    """Return the mask wider by so many pixels, narrower where negative; beyond the border it goes on as it ends."""
    size = 2 * abs(pixels) + 1
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    change = cv2.dilate if pixels > 0 else cv2.erode
    return np.asarray(change(mask.astype(np.uint8), element, borderType=cv2.BORDER_REPLICATE), dtype=np.bool_)


def cleaned(mask: Mask, radius: int) -> Mask:
    """Return the mask without specks, threads and small holes.

    Args:
        mask: (H, W).
        radius: Half the width of what counts as a thread, in pixels.
    """
    opened = grown(grown(mask, -radius), radius)
    closed = grown(grown(opened, radius), -radius)
    kept = _large_pieces(closed, None)
    return ~_large_pieces(~kept, int(kept.sum()))


def _large_pieces(mask: Mask, reference: int | None) -> Mask:
    """Return the connected pieces that are not small beside ``reference`` pixels (the largest piece where none)."""
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    areas = statistics[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    largest = int(areas.max()) if reference is None else reference
    return np.asarray((areas >= max(1.0, _SMALL_PART * largest))[labels] & mask)
