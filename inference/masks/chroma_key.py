"""A mask from a screen of one colour."""

from __future__ import annotations

import cv2
import numpy as np

from ..colour import oklab, to_linear
from ..errors import PictureError
from ..view import Picture
from .foreground import extended, soft_edges
from .morphology import grown

Colour = tuple[float, float, float]

# A key colour must be this far from grey (Oklab chroma / lightness); green and blue screens have 0.25 and more.
_LEAST_SATURATION = 0.08
# Darker than this (Oklab lightness), a colour's hue is noise.
_DARK = 0.2
# A screen covers this share of the top and the sides of a picture at least; the width of the border, of the picture.
_LEAST_SHARE, _BORDER = 0.15, 0.05
_HUES = 36
# Mixtures look like the brighter of the two: this many pixels beside the other one may be such. A subject is often
# darker than the screen.
_SUBJECT_RIM, _SCREEN_RIM = 3, 6


def chroma_key_mask(picture: Picture, key: Colour, tolerance: float = 0.4) -> Picture:
    """Return what is not the screen.

    Colours are compared by their saturation (Oklab chroma / lightness), which shading of the screen leaves alone:
    along the key's hue, less what points away from it. Soft edges are then found from the colours on both sides.

    Args:
        picture: (H, W, 3) sRGB in [0, 1].
        key: The screen's sRGB colour in [0, 1].
        tolerance: How far (0..1, share of the key's saturation) from the key a colour may be and still be screen.

    Returns:
        (H, W) float32 in [0, 1].

    Raises:
        PictureError: If the key is too grey to tell anything from it.
    """
    hue = _saturation(np.array(key, np.float32))
    strength = float(np.linalg.norm(hue))
    if strength < _LEAST_SATURATION:
        raise PictureError("The key colour is nearly grey; pick a saturated colour from the screen.")
    steady = np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.7), dtype=np.float32)
    saturation = _saturation(steady) / strength
    direction = hue / strength
    along = saturation @ direction
    beside = np.abs(saturation @ np.array([-direction[1], direction[0]], np.float32))
    likeness = along - beside
    # From surely subject to surely screen.
    low, high = 0.5 * (1.0 - tolerance), 1.0 - tolerance
    core, clear = grown(likeness < low, -_SUBJECT_RIM), grown(likeness > high, -_SCREEN_RIM)
    light = to_linear(picture)
    inside = extended(light, core.astype(np.float32))
    if clear.any():
        behind = extended(light, clear.astype(np.float32))
    else:
        behind = np.tile(to_linear(np.array(key, np.float32)), (*picture.shape[:2], 1))
    coarse = np.clip((high - likeness) / (high - low), 0.0, 1.0).astype(np.float32)
    soft = soft_edges(picture, inside, behind, coarse)
    return np.where(core, np.float32(1.0), np.where(clear, np.float32(0.0), soft)).astype(np.float32)


def border_colour(picture: Picture) -> Colour:
    """Return the saturated colour that the top and the sides of a picture show most: a screen's, mostly.

    Args:
        picture: (H, W, 3) sRGB in [0, 1].

    Returns:
        An sRGB colour in [0, 1], a key for :func:`chroma_key_mask`.

    Raises:
        PictureError: If there is no such colour.
    """
    height, width = picture.shape[:2]
    rows, columns = max(1, round(_BORDER * height)), max(1, round(_BORDER * width))
    parts = (picture[:rows], picture[:, :columns], picture[:, -columns:])
    colours = np.concatenate([part.reshape(-1, 3) for part in parts])
    hues = _saturation(colours)
    strength = np.linalg.norm(hues, axis=1)
    angle = np.arctan2(hues[:, 1], hues[:, 0])
    strong = strength >= _LEAST_SATURATION
    counts, _ = np.histogram(angle[strong], _HUES, (-np.pi, np.pi), weights=strength[strong])
    peak = (int(np.argmax(counts + np.roll(counts, 1) + np.roll(counts, -1))) + 0.5) * 2 * np.pi / _HUES - np.pi
    near = strong & (np.cos(angle - peak) > np.cos(3 * np.pi / _HUES))
    if near.mean() < _LEAST_SHARE:
        raise PictureError("The border of the picture shows no screen of one colour; choose the key colour by hand.")
    red, green, blue = np.median(colours[near], axis=0)
    return float(red), float(green), float(blue)


def suppress_spill(picture: Picture, key: Colour) -> Picture:
    """Return the picture without the screen's light on the subject.

    The channel that is strongest in the key is limited to the larger of the other two, which leaves every colour alone
    in which it does not dominate.

    Args:
        picture: (H, W, 3) sRGB in [0, 1].
        key: The screen's sRGB colour in [0, 1].
    """
    channel = int(np.argmax(key))
    limit = np.delete(picture, channel, axis=2).max(axis=2)
    result = picture.copy()
    result[..., channel] = np.minimum(picture[..., channel], limit)
    return result


def _saturation(picture: Picture) -> Picture:
    """Return (..., 2) Oklab chroma over lightness of sRGB colours."""
    lab = oklab(picture)
    return np.asarray(lab[..., 1:] / np.maximum(lab[..., :1], _DARK), dtype=np.float32)
