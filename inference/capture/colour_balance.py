"""Gains and offsets that make overlapping photographs agree in exposure and white balance: one global solve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..camera import Array
from ..colour_correction import ColourCorrection
from ..errors import CaptureError
from ..progress import Progress, part, silent
from ..view import Capture
from .colour_samples import ColourSamples, colour_samples
from .photographs import Photographs

# A pair with fewer points in common says nothing.
MIN_SAMPLES = 8
# Standard deviations: of what two photographs show of one point, as a share of it and in linear light; those of gains
# (logarithm) and offsets (linear light) before anything is seen.
SHARE, PIXEL = 0.06, 0.003
PRIOR_GAIN, PRIOR_OFFSET = 0.5, 0.0015
# A pair counts as if it had so many points at most: what errs on some (shine, light that moved) errs on all.
MOST_SAMPLES = 12
# Residuals beyond so many deviations count in proportion to their size only (Huber 1964).
HUBER = 1.345
ROUNDS = 30
# Brightness never leaves this, whatever an offset takes away (linear light).
_DARKEST = 1e-4


@dataclass(frozen=True)
class CameraBalance:
    """What was found for one camera; ``samples`` points tell, ``correction`` is ``None`` where those are too few."""

    name: str
    correction: ColourCorrection | None
    samples: int


@dataclass(frozen=True)
class Balance:
    """What was found for a capture.

    Args:
        cameras: Of every view, in order.
        before, after: Typical difference between photographs of one point, in stops (median over points and channels).
        groups: Numbers of cameras that see common points; of several groups each keeps its own mean.
    """

    cameras: tuple[CameraBalance, ...]
    before: float
    after: float
    groups: tuple[int, ...]

    @property
    def warnings(self) -> list[str]:
        """What the user should know, in sentences."""
        told = []
        left = [f"'{camera.name}'" for camera in self.cameras if camera.correction is None]
        if left:
            some = ", ".join(left[:4]) + (" ..." if len(left) > 4 else "")
            verb = "is" if len(left) == 1 else "are"
            told.append(f"{some} {verb} left as before: too few points are seen by another camera as well.")
        if len(self.groups) > 1:
            told.append(
                f"The cameras fall into {len(self.groups)} groups that see nothing in common; each group is evened out "
                "for itself."
            )
        return told

    @property
    def sentence(self) -> str:
        """How much nearer the photographs have come to each other."""
        evened = sum(camera.correction is not None for camera in self.cameras)
        return (
            f"{evened} of {len(self.cameras)} cameras evened out: photographs of one point differ by {self.after:.2f} "
            f"stops instead of {self.before:.2f}."
        )

    def applied_to(self, capture: Capture) -> Capture:
        """Return the capture with these corrections; views without one keep what they have."""
        views = [
            view if found.correction is None else replace(view, colour=found.correction)
            for view, found in zip(capture, self.cameras, strict=True)
        ]
        return replace(capture, views=tuple(views))

    def to_json(self) -> dict[str, Any]:
        """Return a record of plain values."""
        cameras = [
            {
                "name": camera.name,
                "samples": camera.samples,
                "correction": None if camera.correction is None else camera.correction.to_json(),
                "stops": None if camera.correction is None else camera.correction.stops,
            }
            for camera in self.cameras
        ]
        return {"cameras": cameras, "before": self.before, "after": self.after, "groups": list(self.groups)}


def even_out(capture: Capture, photographs: Photographs, progress: Progress = silent) -> Balance:
    """Find the colour correction of every view from the points that it has in common with others.

    Corrections that the views have already do not count. Geometric mean of all gains: 1.

    Raises:
        CaptureError: If no two views have enough points in common.
        PictureError, CameraError: If a picture cannot be read.
    """
    samples = colour_samples(capture, photographs, part(progress, 0.0, 0.95))
    samples = [pair for pair in samples if len(pair) >= MIN_SAMPLES]
    if not samples:
        raise CaptureError(
            "The exposure cannot be evened out: no two photographs have enough points in common that are neither "
            "clipped nor masked."
        )
    progress(0.95, "Evening out")
    gains, offsets = balance(samples, len(capture))
    counts = np.zeros(len(capture), dtype=int)
    for pair in samples:
        counts[[pair.first, pair.second]] += len(pair)
    corrections = [ColourCorrection(tuple(gain), tuple(offset)) for gain, offset in zip(gains, offsets, strict=True)]
    cameras = [
        CameraBalance(view.name, correction if count else None, int(count))
        for view, correction, count in zip(capture, corrections, counts, strict=True)
    ]
    labels = _groups(samples, len(capture))
    sizes = [int((labels == label).sum()) for label in np.unique(labels[counts > 0])]
    unchanged = np.ones_like(gains), np.zeros_like(offsets)
    return Balance(tuple(cameras), _difference(samples, *unchanged), _difference(samples, gains, offsets), tuple(sizes))


def balance(samples: Sequence[ColourSamples], count: int) -> tuple[Array, Array]:
    """Solve for the gains and offsets under which both photographs of a point show the same, each channel for itself.

    Exposure and white balance are factors in linear light; black level and stray light are small offsets, which are
    kept near 0 where the points do not speak for one. Differences count in relation to the brightness, so that no view
    becomes right by being made darker; iteratively reweighted least squares with Huber's weights (Gauss-Newton).

    Args:
        samples: Points in common of pairs of views.
        count: Number of views.

    Returns:
        (count, 3) gains and offsets. Among views that are connected by points, the geometric mean of each channel's
        gains is 1; a view without points keeps gain 1 and offset 0.
    """
    gains, offsets = np.ones((count, 3)), np.zeros((count, 3))
    if not samples:
        return gains, offsets
    first = np.concatenate([np.full(len(pair), pair.first) for pair in samples])
    second = np.concatenate([np.full(len(pair), pair.second) for pair in samples])
    a, b = np.concatenate([pair.a for pair in samples]), np.concatenate([pair.b for pair in samples])
    share = np.concatenate([np.full(len(pair), min(1.0, MOST_SAMPLES / len(pair))) for pair in samples])
    labels = _groups(samples, count)
    for channel in range(3):
        log_gain, offset = _solve_channel(first, second, a[:, channel], b[:, channel], share, count)
        means = np.array([log_gain[labels == label].mean() for label in labels])
        gains[:, channel] = np.exp(log_gain - means)
        offsets[:, channel] = offset * np.exp(-means)
    return gains, offsets


def _solve_channel(
    first: NDArray[np.intp], second: NDArray[np.intp], a: Array, b: Array, share: Array, count: int
) -> tuple[Array, Array]:
    """Return (count,) logarithms of gains and offsets."""
    log_gain, offset = np.zeros(count), np.zeros(count)
    prior = np.concatenate([np.full(count, PRIOR_GAIN**-2), np.full(count, PRIOR_OFFSET**-2)])
    size = 2 * count
    unknowns = np.stack([first, second, count + first, count + second])
    entries = (unknowns[:, None] * size + unknowns[None]).ravel()
    for _ in range(ROUNDS):
        gain = np.exp(log_gain)
        one, other = gain[first] * a + offset[first], gain[second] * b + offset[second]
        # Both are measured: their mean tells how bright the point is, and how uncertain what each view shows of it.
        mean = np.maximum((one + other) / 2, _DARKEST)
        deviation = np.sqrt((SHARE * mean) ** 2 + (PIXEL * gain[first]) ** 2 + (PIXEL * gain[second]) ** 2)
        residual = (one - other) / deviation
        # The scenes are shiny, or the first guess far off: what is typical is no outlier.
        spread = max(1.0, 1.4826 * float(np.median(np.abs(residual))))
        weight = share / (spread**2 * np.maximum(np.abs(residual) / (HUBER * spread), 1.0))
        # Each point speaks of four unknowns: the gains and offsets of its two views.
        ones = np.ones(len(a))
        slopes = np.stack([mean - offset[first], offset[second] - mean, ones, -ones]) / deviation
        products = (slopes[:, None] * slopes[None] * weight).ravel()
        normal = np.bincount(entries, products, size * size).reshape(size, size) + np.diag(prior)
        slope = np.bincount(unknowns.ravel(), (slopes * weight * residual).ravel(), size)
        slope += prior * np.concatenate([log_gain, offset])
        step = np.linalg.solve(normal, -slope)
        log_gain, offset = log_gain + step[:count], offset + step[count:]
        if np.abs(step).max() < 1e-9:
            break
    return log_gain, offset


def _groups(samples: Sequence[ColourSamples], count: int) -> NDArray[np.intp]:
    """Return (count,) a label for every view that is the same for views connected by points."""
    labels = np.arange(count)
    for pair in samples:
        labels[labels == labels[pair.second]] = labels[pair.first]
    return labels


def _difference(samples: Sequence[ColourSamples], gains: Array, offsets: Array) -> float:
    """Return the median difference of what two views show of a point, in stops."""
    shown = [
        np.maximum(gains[index] * colours + offsets[index], _DARKEST)
        for pair in samples
        for index, colours in ((pair.first, pair.a), (pair.second, pair.b))
    ]
    ratios = np.concatenate([np.abs(np.log2(a / b)) for a, b in zip(shown[::2], shown[1::2], strict=True)])
    return float(np.median(ratios))
