"""Different exposure of two views of one subject."""

from __future__ import annotations

import numpy as np

from ..camera import Array
from ..colour import from_linear, to_linear
from ..view import Picture

# Below it a pixel is mostly noise, above it mostly clipped (sRGB).
_DARKEST, _BRIGHTEST = 0.05, 0.97


def exposure_gain(reference: Picture, picture: Picture, reference_mask: Picture, mask: Picture) -> Array:
    """Return the (3,) factors in linear light that make a picture as bright as the reference, inside both masks.

    The two see much the same surface, so their medians agree; where hardly a pixel is usable, the factors are 1.

    Args:
        reference, picture: (H, W, 3) and (h, w, 3) sRGB in [0, 1].
        reference_mask, mask: (H, W) and (h, w) in [0, 1].
    """
    wanted, found = _median(reference, reference_mask), _median(picture, mask)
    return np.ones(3) if wanted is None or found is None else wanted / found


def apply_gain(picture: Picture, gain: Array) -> Picture:
    """Return a picture (H, W, 3; sRGB in [0, 1]) multiplied by (3,) factors in linear light."""
    return from_linear(to_linear(picture) * gain.astype(np.float32))


def _median(picture: Picture, mask: Picture) -> Array | None:
    inside = picture[mask > 0.9]
    usable = inside[((inside > _DARKEST) & (inside < _BRIGHTEST)).all(axis=1)]
    return None if len(usable) < 16 else np.median(to_linear(usable).astype(np.float64), axis=0)
