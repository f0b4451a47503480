"""Colour spaces: sRGB, linear light, and Oklab (Ottosson 2020, a perceptual space)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .colour_correction import ColourCorrection
from .view import Picture

_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    dtype=np.float32,
)
_TO_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    dtype=np.float32,
)


def to_linear(srgb: Picture) -> Picture:
    """Return linear light in [0, 1] of sRGB values in [0, 1] (IEC 61966-2-1), any shape."""
    srgb = np.clip(srgb, 0.0, 1.0)
    linear: Picture = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4).astype(np.float32)
    return linear


def from_linear(linear: Picture) -> Picture:
    """Return sRGB values in [0, 1] of linear light, which is clipped to [0, 1], any shape."""
    linear = np.clip(linear, 0.0, 1.0)
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1.0 / 2.4) - 0.055)
    result: Picture = srgb.astype(np.float32)
    return result


# From here on (sRGB) a channel is on its way to being clipped.
_NEARLY_CLIPPED = 0.94


def corrected(srgb: Picture, correction: ColourCorrection) -> Picture:
    """Return sRGB values (..., 3) in [0, 1] after a colour correction.

    What is clipped stays white: it was at least as bright as that, so a gain below 1 would make grey of it.
    """
    linear = to_linear(srgb)
    changed = linear * np.asarray(correction.gain, np.float32) + np.asarray(correction.offset, np.float32)
    clipped = np.clip((srgb - _NEARLY_CLIPPED) / (1 - _NEARLY_CLIPPED), 0.0, 1.0)
    return from_linear(np.maximum(changed, changed + clipped * (linear - changed)))


def oklab(srgb: Picture) -> NDArray[np.float32]:
    """Return Oklab (..., 3) of sRGB values (..., 3): lightness in [0, 1], green to red, blue to yellow."""
    lab: NDArray[np.float32] = np.cbrt(to_linear(srgb) @ _TO_CONES.T) @ _TO_OKLAB.T
    return lab
