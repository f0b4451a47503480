"""A mask from a clean plate: the picture of the same camera without the subject."""

from __future__ import annotations

import cv2
import numpy as np

from ..colour import from_linear, to_linear
from ..errors import PictureError
from ..view import Picture
from .foreground import extended, soft_edges
from .morphology import cleaned, grown

# Difference (sRGB) below which noise and compression are all that can be seen.
_LEAST_DIFFERENCE = 0.02
# The 30 % quantile of the absolute difference of two pixels' noise, in standard deviations of one.
_QUANTILE, _DEVIATIONS = 0.3, 0.545
_EXPOSURE_STEPS = np.linspace(-0.7, 0.7, 71)
_SHADES = (0.05, 0.95)


def clean_plate_mask(picture: Picture, plate: Picture, threshold: float = 1.0) -> Picture:
    """Return what differs from the clean plate.

    A slightly different exposure or white balance is evened out first; the noise is measured. Shadows that the subject
    throws differ from the plate too.

    Args:
        picture: (H, W, 3) sRGB in [0, 1].
        plate: The same without the subject.
        threshold: Above 1, differences must be larger to count.

    Returns:
        (H, W) float32 in [0, 1] with soft edges.

    Raises:
        PictureError: If the two have different sizes.
    """
    behind = matched_plate(picture, plate)
    light = to_linear(behind)
    difference = picture - behind
    step = np.abs(np.diff(difference, axis=1))
    noise = float(np.quantile(step, _QUANTILE)) / _DEVIATIONS
    score = np.sqrt((cv2.GaussianBlur(difference, (0, 0), 1.0) ** 2).sum(axis=2))
    # The blur leaves 0.28 of the noise, three channels have 1.7 times that of one: six deviations.
    low = threshold * max(_LEAST_DIFFERENCE, 3.0 * noise)
    _, labels = cv2.connectedComponents((score > low).astype(np.uint8))
    # What differs a little counts where it hangs together with what differs much.
    seeds = np.unique(labels[score > 2.0 * low])
    chosen = np.zeros(int(labels.max()) + 1, np.bool_)
    chosen[seeds] = True
    radius = max(1, round(min(picture.shape[:2]) / 500))
    hard = cleaned(chosen[labels] & (score > low), radius)
    # The blur and soft edges widen what differs by about two pixels.
    core, reach = grown(hard, -(2 + 2 * radius)), grown(hard, 1 + radius)
    inside = extended(to_linear(picture), core.astype(np.float32))
    coarse = cv2.GaussianBlur(grown(hard, -1).astype(np.float32), (0, 0), 1.0)
    soft = soft_edges(picture, inside, light, np.asarray(coarse, dtype=np.float32))
    return np.where(core, np.float32(1.0), np.where(reach, soft, np.float32(0.0))).astype(np.float32)


def matched_plate(picture: Picture, plate: Picture) -> Picture:
    """Return the clean plate with the exposure and white balance of the picture: the background behind the subject.

    Args:
        picture: (H, W, 3) sRGB in [0, 1].
        plate: The same without the subject.

    Returns:
        (H, W, 3) sRGB in [0, 1].

    Raises:
        PictureError: If the two have different sizes.
    """
    if picture.shape != plate.shape:
        raise PictureError(
            f"The clean plate is {plate.shape[1]} x {plate.shape[0]} pixels, but the picture is {picture.shape[1]} x "
            f"{picture.shape[0]}; take both with the same camera settings."
        )
    return from_linear(to_linear(plate) * _exposure(picture, plate))


def _exposure(picture: Picture, plate: Picture) -> Picture:
    """Return (3,) factors from plate to picture in linear light, those on which most pixels agree."""
    factors = np.ones(3, np.float32)
    for channel in range(3):
        usable = (plate[..., channel] > _SHADES[0]) & (plate[..., channel] < _SHADES[1])
        usable &= (picture[..., channel] > _SHADES[0]) & (picture[..., channel] < _SHADES[1])
        if usable.sum() < 64:
            continue
        ratio = np.log(to_linear(picture[..., channel][usable]) / to_linear(plate[..., channel][usable]))
        counts, _ = np.histogram(ratio, _EXPOSURE_STEPS)
        peak = int(np.convolve(counts, np.ones(3), mode="same").argmax())
        near = np.abs(ratio - 0.5 * (_EXPOSURE_STEPS[peak] + _EXPOSURE_STEPS[peak + 1])) < 0.05
        factors[channel] = np.exp(np.median(ratio[near])) if near.any() else 1.0
    return factors
