"""Masks that are pictures."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import PictureError
from ..view import Picture


def image_mask(pixels: NDArray[Any], name: str, size: tuple[int, int]) -> Picture:
    """Return the mask that a picture shows in white: the mean of its colours, whatever its own alpha.

    Args:
        pixels: (h, w) or (h, w, C) of unsigned integers, or floats in [0, 1]; C = 1 to 4.
        name: The view's, for the sentence of an error.
        size: Width and height of the view's picture; a mask of the same shape but another resolution is resampled.

    Raises:
        PictureError: If its shape is another one.
    """
    values = unit_range(pixels if pixels.ndim == 3 else pixels[..., None])
    colours = values[..., :-1] if values.shape[2] in (2, 4) else values
    mask = np.ascontiguousarray(colours.mean(axis=2), dtype=np.float32)
    height, width = mask.shape
    if (width, height) == size:
        return mask
    if abs(height * size[0] / width - size[1]) > 1 and abs(width * size[1] / height - size[0]) > 1:
        raise PictureError(
            f"The mask of '{name}' is {width} x {height} pixels, but its picture is {size[0]} x {size[1]}; make them "
            "the same size."
        )
    kernel = cv2.INTER_AREA if height > size[1] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(mask, size, interpolation=kernel), dtype=np.float32)


def unit_range(pixels: NDArray[Any]) -> Picture:
    """Return unsigned integers as float32 in [0, 1]; floats are clipped to that range."""
    if np.issubdtype(pixels.dtype, np.integer):
        return pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)
    return np.clip(pixels, 0.0, 1.0).astype(np.float32)
