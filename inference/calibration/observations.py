"""What pictures show of their cameras by themselves: matches between them that fit some epipolar geometry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from ..camera import Array
from ..capture.features import Descriptors, find_features, mutual_matches
from ..capture.rectification import undistort
from ..capture.stored_pictures import stored_photograph
from ..errors import CaptureError, PictureError
from ..progress import Progress, part
from ..view import Capture, View
from .likeness import alike_pairs

# Pictures are measured at most this large: matches are exact to half a pixel then.
LONGER_SIDE = 800
MAX_FEATURES = 1500
# Every picture is matched with so many that are most like it.
PARTNERS = 4
# Matches beyond this distance in pixels from a fundamental matrix of their own are false.
MATCH_PIXELS = 1.5
# Entries of world-to-camera that differ by less are the same.
SAME_POSE = 1e-9
# Fewer matches, or a smaller share of those that were found, may agree by chance.
MIN_MATCHES, MIN_SHARE = 20, 0.5


@dataclass(frozen=True, eq=False)
class PictureFeatures:
    """Features of a stored picture, lens distortion included, scaled to at most 800 pixels.

    Args:
        width, height: Of the scaled picture.
        stored: Width and height of the picture as stored.
        pixels: (N, 2) of the scaled picture, edges at 0..width; the largest features first.
        descriptors: (N, 128).
    """

    width: int
    height: int
    stored: tuple[int, int]
    pixels: Array = field(repr=False)
    descriptors: Descriptors = field(repr=False)


@dataclass(frozen=True, eq=False)
class PairMatches:
    """Matches between two pictures.

    Args:
        first, second: Indices of the views.
        a, b: (N,) indices of the features.
    """

    first: int
    second: int
    a: NDArray[np.intp] = field(repr=False)
    b: NDArray[np.intp] = field(repr=False)

    def __len__(self) -> int:
        return len(self.a)


def observe(capture: Capture, progress: Progress) -> tuple[list[PictureFeatures], list[PairMatches]]:
    """Return the features of every picture, and the matches of pictures that show the same things.

    The cameras play no part in it, so that wrong ones cannot hide what speaks against them: pictures are paired by
    likeness, and false matches are found by a fundamental matrix of the matches' own (MAGSAC).

    Raises:
        PictureError: If a picture cannot be read.
        CaptureError: If there is only one view.
    """
    if len(capture) < 2:
        raise CaptureError("A single camera cannot be checked; the capture needs two views or more.")
    pictures = []
    for done, view in enumerate(capture):
        progress(0.5 * done / len(capture), "Finding features")
        pictures.append(_features(view))
    # Two pictures by one camera that stands still say nothing of it.
    poses = np.stack([view.camera.world_to_camera for view in capture])
    apart = np.abs(poses[:, None] - poses[None]).max(axis=(2, 3)) > SAME_POSE
    pairs = _match(capture, pictures, apart, part(progress, 0.5, 0.9))
    matched = {index for pair in pairs for index in (pair.first, pair.second)}
    lonely = [index for index in range(len(capture)) if index not in matched]
    if lonely and pairs:
        # SIFT does not recognise what is mirrored, so those that are like no other one are mirrored.
        for index in lonely:
            pictures[index] = _features(capture.views[index], mirrored=True)
        mirrored = np.isin(np.arange(len(capture)), lonely)
        apart &= mirrored[:, None] != mirrored[None]
        pairs += _match(capture, pictures, apart, part(progress, 0.9, 1.0))
    return pictures, pairs


def _match(
    capture: Capture, pictures: Sequence[PictureFeatures], allowed: NDArray[np.bool_], progress: Progress
) -> list[PairMatches]:
    """Return the matches of those of the allowed pairs that show the same things."""
    wanted = alike_pairs([picture.descriptors for picture in pictures], PARTNERS, part(progress, 0.0, 0.2), allowed)
    pairs = []
    for done, (first, second) in enumerate(wanted):
        progress(0.2 + 0.8 * done / len(wanted), "Matching features")
        a, b = mutual_matches(pictures[first].descriptors, pictures[second].descriptors)
        x1, x2 = pictures[first].pixels[a], pictures[second].pixels[b]
        kept = _consistent(x1, x2)
        lenses = [capture.views[index].camera for index in (first, second)]
        if any(camera.distortion is not None for camera in lenses):
            # A strong lens fits no fundamental matrix, a wrong one neither: whichever explains more.
            straight = [
                undistort(camera.resized(picture.width, picture.height), x)
                for camera, picture, x in zip(lenses, (pictures[first], pictures[second]), (x1, x2), strict=True)
            ]
            kept = max(kept, _consistent(straight[0], straight[1]), key=np.count_nonzero)
        if kept.sum() >= max(MIN_MATCHES, MIN_SHARE * len(a)):
            pairs.append(PairMatches(first, second, a[kept], b[kept]))
    return pairs


def _features(view: View, mirrored: bool = False) -> PictureFeatures:
    """Return the features of a picture; where it is mirrored for them, still at their places in it as stored."""
    try:
        rgb, mask = stored_photograph(view)
    except MemoryError:
        raise PictureError(f"The picture of '{view.name}' is too large for the memory; scale it down.") from None
    stored = (rgb.shape[1], rgb.shape[0])
    scale = min(1.0, LONGER_SIDE / max(stored))
    size = (max(1, round(stored[0] * scale)), max(1, round(stored[1] * scale)))
    if scale < 1:
        rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), dtype=np.float32)
        mask = (
            None if mask is None else np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), dtype=np.float32)
        )
    if mirrored:
        rgb = np.ascontiguousarray(rgb[:, ::-1])
        mask = None if mask is None else np.ascontiguousarray(mask[:, ::-1])
    pixels, sizes, descriptors = find_features(rgb, mask, MAX_FEATURES)
    if mirrored:
        pixels[:, 0] = size[0] - pixels[:, 0]
    order = np.argsort(-sizes, kind="stable")
    return PictureFeatures(*size, stored, pixels[order], descriptors[order])


def _consistent(x1: Array, x2: Array) -> NDArray[np.bool_]:
    """Return which matches fit one fundamental matrix."""
    none = np.zeros(len(x1), dtype=bool)
    if len(x1) < MIN_MATCHES or not np.isfinite(x1).all() or not np.isfinite(x2).all():
        return none
    try:
        matrix, inside = cv2.findFundamentalMat(x1, x2, cv2.USAC_MAGSAC, MATCH_PIXELS, 0.999, 5000)
    except cv2.error:  # where every sample is degenerate, OpenCV 4.11 has no matrix to go on with
        return none
    return none if matrix is None or inside is None else inside.ravel().astype(bool)
