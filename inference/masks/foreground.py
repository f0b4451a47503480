"""Colours of the subject where the picture mixes it with the background."""

from __future__ import annotations

import cv2
import numpy as np

from ..colour import from_linear, to_linear
from ..view import Picture
from .morphology import Mask, grown

# From here on a pixel is the subject alone, and up to here the background alone.
_PURE, _CLEAR = 0.98, 0.02
# Squared distance of subject and background (linear light) below which colours cannot tell them apart.
_ALIKE = 1e-3
# A mixture must leave this share at most of what the subject's colours alone leave unexplained, and less by so much
# (sRGB).
_CLEARLY, _VISIBLY = 0.7, 0.02
# Around the subject, this part of the longer side is looked at: pictures made much smaller mix pixels from so far.
_MARGIN = 32


def subject_colours(
    picture: Picture, mask: Picture, background: Picture | None = None, *, mixed: bool | None = None
) -> Picture:
    """Return a picture whose soft edges, and what lies around them, show the subject's colours alone.

    Args:
        picture: (H, W, 3) sRGB in [0, 1]; not premultiplied.
        mask: (H, W) in [0, 1].
        background: (H, W, 3) sRGB where it is known.
        mixed: Whether the edges hold the background's colours too, as in every photograph; ``None``: found out. Where
            they do not, as in a picture saved with straight alpha, they stay as they are.

    Returns:
        (H, W, 3) sRGB in [0, 1]. The picture itself where no pixel is surely the subject, and far from it.
    """
    if not (mask >= _PURE).any():
        return picture
    box = _surroundings(mask > _CLEAR)
    near, alpha, behind = picture[box], mask[box], None if background is None else background[box]
    result = picture.copy()
    if edges_are_mixed(near, alpha) if mixed is None else mixed:
        result[box] = unmix(near, alpha, behind)
    else:
        shown = alpha > _CLEAR
        around = from_linear(extended(to_linear(near), shown.astype(np.float32)))
        result[box] = np.where(shown[..., None], near, around)
    return result


def edges_are_mixed(picture: Picture, mask: Picture) -> bool:
    """Return whether soft edges are better explained by a mixture with the background than by the subject alone.

    Args:
        picture: (H, W, 3) sRGB in [0, 1].
        mask: (H, W) in [0, 1].
    """
    edge = (mask > _CLEAR) & (mask < _PURE)
    if not edge.any() or not (mask <= _CLEAR).any() or not (mask >= _PURE).any():
        return False
    light = to_linear(picture)
    inside = extended(light, _surely(mask >= _PURE).astype(np.float32))[edge]
    behind = extended(light, _surely(mask <= _CLEAR).astype(np.float32))[edge]
    alpha = mask[edge][:, None]
    # Absolute, so that the few edges where the subject's colours change anyway do not decide.
    mixed = np.asarray(alpha * inside + (1.0 - alpha) * behind, dtype=np.float32)
    mixture = float(np.abs(picture[edge] - from_linear(mixed)).mean())
    alone = float(np.abs(picture[edge] - from_linear(inside)).mean())
    return mixture < _CLEARLY * alone and mixture < alone - _VISIBLY


def unmix(picture: Picture, mask: Picture, background: Picture | None = None) -> Picture:
    """Return the subject's own colours, also where the picture mixes them with the background: edges without a halo.

    Colours of pixels that are the subject alone stay as they are and extend outwards from there; where a pixel is a
    mixture of that and the background, the difference to the picture is shared out (Forte 2021, blur fusion, with a
    pyramid in place of the blur).

    Args:
        picture: (H, W, 3) sRGB in [0, 1]; not premultiplied.
        mask: (H, W) in [0, 1].
        background: (H, W, 3) sRGB where it is known; else it is extended from where the mask is zero.

    Returns:
        (H, W, 3) sRGB in [0, 1]: the picture inside, the nearest colours of the subject outside.
    """
    light = to_linear(picture)
    alpha = mask[..., None]
    inside = extended(light, _surely(mask >= _PURE).astype(np.float32))
    behind = (
        extended(light, _surely(mask <= _CLEAR).astype(np.float32)) if background is None else to_linear(background)
    )
    residual = light - alpha * inside - (1.0 - alpha) * behind
    fused = inside + alpha * residual
    # A mixture that the extended colours explain badly must not push the colour out of range.
    return np.where(alpha >= _PURE, np.clip(picture, 0.0, 1.0), from_linear(fused)).astype(np.float32)


def _surroundings(shown: Mask) -> tuple[slice, slice]:
    """Return the rows and columns of what is shown and some around it: the rest of a large picture is left alone."""
    margin = max(shown.shape) // _MARGIN + 8
    rows, columns = (np.flatnonzero(shown.any(axis=axis)) for axis in (1, 0))
    return (
        slice(max(0, int(rows[0]) - margin), int(rows[-1]) + margin + 1),
        slice(max(0, int(columns[0]) - margin), int(columns[-1]) + margin + 1),
    )


def _surely(mask: Mask) -> Mask:
    """Return a mask without its rim, which often holds a little of the other side; as it is where it is all rim."""
    narrower = grown(mask, -1)
    return narrower if narrower.any() else mask


def extended(colours: Picture, weight: Picture) -> Picture:
    """Fill in colours of weight zero from those of weight one by a pyramid (push and pull, Gortler et al. 1996).

    Args:
        colours: (H, W, C) float32.
        weight: (H, W) in [0, 1].

    Returns:
        (H, W, C) float32; zero where no colour has a weight.
    """
    height, width = weight.shape
    premultiplied = colours * weight[..., None]
    if min(height, width) > 1:
        size = ((width + 1) // 2, (height + 1) // 2)
        # OpenCV drops an axis of one channel.
        smaller = cv2.resize(premultiplied, size, interpolation=cv2.INTER_AREA).reshape(*size[::-1], -1)
        share = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
        normal = smaller / np.maximum(share, 1e-12)[..., None]
        # A coarse pixel that is known in part is known.
        coarse = extended(normal.astype(np.float32), (share > 1e-6).astype(np.float32))
        around = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR).reshape(colours.shape)
    else:
        around = np.broadcast_to(premultiplied.sum(axis=(0, 1)) / max(float(weight.sum()), 1e-12), colours.shape)
    return np.asarray(premultiplied + (1.0 - weight[..., None]) * around, dtype=np.float32)


def soft_edges(picture: Picture, inside: Picture, behind: Picture, coarse: Picture) -> Picture:
    """Return how much of the subject is in every pixel by its place between the two colours around it.

    Args:
        picture: (H, W, 3) sRGB.
        inside, behind: (H, W, 3) linear light: the subject's and the background's colour.
        coarse: (H, W) in [0, 1], the answer where the two colours are alike.
    """
    light = to_linear(picture)
    across = inside - behind
    squared = (across * across).sum(axis=2)
    alpha = np.clip(((light - behind) * across).sum(axis=2) / np.maximum(squared, 1e-12), 0.0, 1.0)
    sure = squared / (squared + _ALIKE)
    return np.asarray(sure * alpha + (1.0 - sure) * coarse, dtype=np.float32)
