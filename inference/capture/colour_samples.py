"""The colours that several photographs show of the same points, for evening out exposure and white balance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ..camera import Array, Camera
from ..colour import to_linear
from ..progress import Progress, silent
from ..view import Capture, Picture
from .features import Descriptors, find_features
from .photographs import Photographs, fitting_scale
from .triangulation import EPIPOLAR_PIXELS, MAX_PARALLAX_DEGREES, fundamental

LONGER_SIDE = 800
MAX_FEATURES = 2000
# Every camera is compared with so many of its nearest that look the same way.
PARTNERS = 6
# Near an epipolar line few features rival, so the ratio test can be as lenient as Lowe 2004 proposes; what has no rival
# must still be alike (SIFT descriptors of OpenCV have a length of 512).
RATIO, FARTHEST = 0.8, 250.0
# A colour is the mean around a point (Gaussian, pixels), so that a match that is half a pixel off does not matter.
BLUR = 2.0
# Points nearer to something clipped or masked than this (pixels) do not count: its blur reaches them.
CLEARANCE = 5
# sRGB: above the one a channel is clipped or nearly so, in linear light below the other it is mostly noise.
BRIGHTEST, DARKEST = 0.97, 0.002


@dataclass(frozen=True, eq=False)
class ColourSamples:
    """What two photographs show of the same points.

    Args:
        first, second: Indices of the views.
        a, b: (N, 3) linear light in (0, 1).
    """

    first: int
    second: int
    a: Array = field(repr=False)
    b: Array = field(repr=False)

    def __len__(self) -> int:
        return len(self.a)


@dataclass(frozen=True, eq=False)
class _Points:
    """Features of a photograph that are clear of clipped and masked pixels, with their colours."""

    camera: Camera
    pixels: Array
    descriptors: Descriptors
    colours: Array


def colour_samples(capture: Capture, photographs: Photographs, progress: Progress = silent) -> list[ColourSamples]:
    """Match features between neighbouring views and read their colours from the pictures as they are.

    SIFT, which does not depend on exposure, in pictures of at most 800 px, inside masks alone; the best mutual matches
    along the epipolar lines. A view's colour correction does not count.

    Raises:
        PictureError, CameraError: If a picture cannot be read.
    """
    points = []
    for done, view in enumerate(capture):
        progress(0.7 * done / len(capture), "Finding features")
        photograph = photographs.get(replace(view, colour=None), fitting_scale(view, LONGER_SIDE))
        points.append(_points(photograph.camera, photograph.rgb, photograph.mask))
    pairs = overlapping_pairs([view.camera for view in capture])
    samples = []
    for done, (first, second) in enumerate(pairs):
        progress(0.7 + 0.3 * done / len(pairs), "Matching features")
        samples.append(_compare(first, second, points[first], points[second]))
    return [pair for pair in samples if len(pair)]


def overlapping_pairs(cameras: Sequence[Camera], partners: int = PARTNERS) -> list[tuple[int, int]]:
    """Return every camera with its nearest ones from other places that are turned by less than 40 degrees."""
    centres = np.stack([camera.centre for camera in cameras])
    forward = np.stack([camera.forward for camera in cameras])
    distance = np.linalg.norm(centres[:, None] - centres[None], axis=-1)
    alike = forward @ forward.T > np.cos(np.radians(MAX_PARALLAX_DEGREES))
    # Two photographs from one place have no epipolar lines.
    distance = np.where(alike & (distance > 1e-3 * distance.max()), distance, np.inf)
    pairs = {
        (min(index, other), max(index, other))
        for index, row in enumerate(distance)
        for other in np.argsort(row, kind="stable")[:partners].tolist()
        if np.isfinite(row[other])
    }
    return sorted(pairs)


def _points(camera: Camera, rgb: Picture, mask: Picture | None) -> _Points:
    pixels, _, descriptors = find_features(rgb, mask, MAX_FEATURES)
    unusable = (rgb > BRIGHTEST).any(axis=2)
    if mask is not None:
        unusable |= mask < 0.9
    around = np.ones((2 * CLEARANCE + 1, 2 * CLEARANCE + 1), np.uint8)
    unusable = cv2.dilate(unusable.astype(np.uint8), around).astype(bool)
    blurred = np.asarray(cv2.GaussianBlur(to_linear(rgb), (0, 0), BLUR), dtype=np.float32)
    column, row = np.minimum(pixels.astype(np.intp), [rgb.shape[1] - 1, rgb.shape[0] - 1]).T
    places = (pixels - 0.5).astype(np.float32)
    colours = _sampled(blurred, places)
    good = ~unusable[row, column] & (colours > DARKEST).all(axis=1)
    return _Points(camera, pixels[good], descriptors[good], colours[good])


def _sampled(picture: Picture, places: NDArray[np.float32]) -> Array:
    """Return (N, 3) colours at places (N, 2), pixel centres at whole numbers."""
    # Pictures handled by remap have fewer than 32768 rows.
    parts = [
        cv2.remap(picture, part[:, None, 0].copy(), part[:, None, 1].copy(), cv2.INTER_LINEAR)[:, 0]
        for part in np.array_split(places, max(1, len(places) // 16384 + 1))
        if len(part)
    ]
    return np.concatenate(parts).astype(np.float64) if parts else np.empty((0, 3))


def _compare(first: int, second: int, one: _Points, other: _Points) -> ColourSamples:
    if min(len(one.pixels), len(other.pixels)) < 2:
        return ColourSamples(first, second, np.empty((0, 3)), np.empty((0, 3)))
    a, b = _guided_matches(one, other)
    return ColourSamples(first, second, one.colours[a], other.colours[b])


def _guided_matches(one: _Points, other: _Points) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the indices of features near each other's epipolar lines that are mutually most alike, by a margin."""
    h1 = np.column_stack([one.pixels, np.ones(len(one.pixels))])
    h2 = np.column_stack([other.pixels, np.ones(len(other.pixels))])
    lines = h1 @ fundamental(one.camera, other.camera).T
    off = np.abs(lines @ h2.T) / np.maximum(np.linalg.norm(lines[:, :2], axis=1), 1e-300)[:, None]
    first, second = one.descriptors, other.descriptors
    squared = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1)[None] - 2 * first @ second.T
    squared[off > EPIPOLAR_PIXELS] = np.inf
    there, back = squared.argmin(axis=1), squared.argmin(axis=0)
    rows = np.arange(len(first))
    best = squared[rows, there]
    good = (back[there] == rows) & (best < FARTHEST**2)
    for rivals in (np.partition(squared, 1, axis=1)[:, 1], np.partition(squared, 1, axis=0)[1][there]):
        good &= best < RATIO**2 * rivals
    return rows[good], there[good]
