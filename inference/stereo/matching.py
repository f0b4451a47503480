"""Classical disparity of a rectified pair: the guided start of the stereo network.

Semi-global matching (Hirschmueller 2008, OpenCV) in both directions and a left-right check; what did not match, and
fractions of a pixel, are left to ``completion``. Flow is the other view's column minus the own
one, see ``rectification``.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..masks.foreground import extended
from ..view import Picture
from .completion import Flow, Mask, Span, complete
from .rectification import RectifiedPair
from .resampling import warp_flow

# More disparities than this are searched in smaller pictures.
MOST_DISPARITIES = 256
# Left-right difference (pixels of the searched pictures) up to which a match counts.
_AGREEMENT = 1.0
# OpenCV's customary penalties for steps of one and of more disparities, times channels and window; its matching costs
# are in 8-bit grey levels.
_WINDOW = 3
_SMALL_STEP, _LARGE_STEP = 4, 16
_UNIQUENESS = 5
# Islands of fewer pixels that differ by more than _AGREEMENT from their surroundings are errors.
_SPECKLE = 100
_FIXED_POINT = 16.0


def search_range(
    pair: RectifiedPair,
    left_mask: Picture | None = None,
    right_mask: Picture | None = None,
    depths: tuple[float, float] | None = None,
) -> tuple[float, float]:
    """Return the smallest and largest flow of the left view that the subject can have.

    With masks: every row's ends in both views give a flow; around their extremes there is room for a subject as thick
    as it is wide. With depths: what lies between them. With both: what satisfies both.

    Args:
        pair: The rectified pair.
        left_mask, right_mask: (H, W) in [0, 1], rectified; both or neither.
        depths: Nearest and farthest depth along the rectified axes, in scene units.

    Raises:
        ValueError: If neither is given, or the depths are not positive and in order.
    """
    ranges = []
    if left_mask is not None and right_mask is not None:
        ranges.append(_range_of_masks(pair, left_mask >= 0.5, right_mask >= 0.5))
    if depths is not None:
        near, far = depths
        if not 0 < near <= far:
            raise ValueError(f"depths are {near} to {far}, expected 0 < near <= far")
        ends = pair.flow(1.0 / np.array([near, far]))
        ranges.append((float(ends.min()), float(ends.max())))
    if not ranges:
        raise ValueError("a search range needs two masks or depths")
    low, high = max(low for low, _ in ranges), min(high for _, high in ranges)
    # Masks and depths that contradict each other: the depths were given on purpose.
    return (low, high) if low <= high else ranges[-1]


def semi_global_disparity(
    left: Picture,
    right: Picture,
    search: tuple[float, float],
    left_mask: Picture | None = None,
    right_mask: Picture | None = None,
    hull: tuple[Picture, Picture] | None = None,
) -> tuple[Flow, Flow]:
    """Match a rectified pair in both directions.

    With a hull, the other view is first warped by it: what is left to search is small, and slanted surfaces look the
    same in both. Where nothing matches, the surface is taken to be near it.

    Args:
        left, right: (H, W, 3) rectified pictures of one size, sRGB in [0, 1].
        search: Smallest and largest flow of the left view, from :func:`search_range`; relative to the hull.
        left_mask, right_mask: (H, W) in [0, 1]; what is below one half is not valid. ``None``: everything is.
        hull: (H, W) flows of the left and the right view at which the visual hull begins, which is the nearest that a
            surface can be; 0 where it is unknown.

    Returns:
        The flow of the left view and that of the right view, dense inside the masks.
    """
    height, width = left.shape[:2]
    inside = [np.ones((height, width), np.bool_) if mask is None else mask >= 0.5 for mask in (left_mask, right_mask)]
    # Disparity here is own column minus other column of the left view, as OpenCV has it.
    low, high = -search[1], -search[0]
    shrink = max(1.0, (high - low) / MOST_DISPARITIES)
    size = (max(1, round(width / shrink)), max(1, round(height / shrink)))
    shrink = width / size[0]
    pictures = [_matchable(picture, mask, size) for picture, mask in zip((left, right), inside, strict=True)]
    smaller = [_resized_mask(mask, size) for mask in inside]
    limits = (low / shrink, high / shrink)
    bases = [np.zeros((height, width), np.float32)] * 2
    if hull is not None:
        bases = [_everywhere(flow, mask) for flow, mask in zip(hull, inside, strict=True)]
    spans = [
        Span(bases[0], search[0], search[1], of_right=False, hull=hull is not None),
        Span(bases[1], -search[1], -search[0], of_right=True, hull=hull is not None),
    ]
    if not (inside[0].any() and inside[1].any()):
        nothing = np.zeros((height, width), np.float32)
        return Flow(nothing, nothing, inside[0], spans[0]), Flow(nothing, nothing, inside[1], spans[1])
    if hull is None:
        matched = [
            _match(pictures[0], pictures[1], limits),
            # Mirrored, the right view is a left one.
            _match(pictures[1][:, ::-1], pictures[0][:, ::-1], limits)[:, ::-1],
        ]
    else:
        coarse_bases = [cv2.resize(base, size, interpolation=cv2.INTER_AREA) / np.float32(shrink) for base in bases]
        matched = [
            _match_around(pictures[view], pictures[1 - view], smaller[1 - view], coarse_bases[view], limits, view == 1)
            for view in (0, 1)
        ]
    flows = []
    for view, sign in ((0, -1.0), (1, 1.0)):
        agreement = _agreement(matched[view], matched[1 - view], sign, smaller[view], smaller[1 - view])
        coarse = np.nan_to_num(matched[view]) * np.float32(sign * shrink)
        confidence = agreement
        if size != (width, height):
            coarse = _enlarged(coarse, agreement > 0, (width, height))
            nearest = cv2.resize(agreement, (width, height), interpolation=cv2.INTER_NEAREST)
            confidence = np.asarray(nearest, dtype=np.float32)
        picture, other = (left, right) if view == 0 else (right, left)
        flows.append(complete(coarse, confidence, inside[view], picture, other, spans[view]))
    return flows[0], flows[1]


def _range_of_masks(pair: RectifiedPair, left: Mask, right: Mask) -> tuple[float, float]:
    rows = np.flatnonzero(left.any(axis=1) & right.any(axis=1))
    width = left.shape[1]
    if not len(rows):
        return -float(width), float(width)
    starts = [mask[rows].argmax(axis=1) for mask in (left, right)]
    ends = [width - mask[rows, ::-1].argmax(axis=1) for mask in (left, right)]
    steps = np.concatenate([starts[1] - starts[0], ends[1] - ends[0]])
    # The ends of a few rows may belong to different limbs.
    low, high = np.percentile(steps, [5, 95])
    widest = float(np.percentile(np.concatenate([e - s for s, e in zip(starts, ends, strict=True)]), 95))
    # A subject of that width, half as thick to either side: half the width times baseline / depth, in pixels.
    middle = float(pair.inverse_depth(np.array(0.5 * (low + high))))
    room = 0.5 * widest * abs(middle) * pair.baseline + 2.0
    return float(low) - room, float(high) + room


def _matchable(picture: Picture, inside: Mask, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the 8-bit picture of the wanted size, grey outside the mask so that the background does not match."""
    grey = np.where(inside[..., None], picture, np.float32(0.5))
    if size != (picture.shape[1], picture.shape[0]):
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    pixels: NDArray[np.uint8] = np.clip(np.round(grey * 255.0), 0, 255).astype(np.uint8)
    return pixels


def _resized_mask(mask: Mask, size: tuple[int, int]) -> Mask:
    resized = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    return np.asarray(resized, dtype=np.bool_)


def _match(own: NDArray[np.uint8], other: NDArray[np.uint8], limits: tuple[float, float]) -> Picture:
    """Return own minus other column (H, W) float32; NaN where nothing matched."""
    lowest = int(np.floor(limits[0])) - 1
    count = -(-(int(np.ceil(limits[1])) + 2 - lowest) // 16) * 16
    # OpenCV skips columns whose match may lie outside the picture; a rim lets it look there.
    before, after = max(0, lowest + count), max(0, -lowest)
    padded = [
        cv2.copyMakeBorder(np.ascontiguousarray(picture), 0, 0, before, after, cv2.BORDER_REPLICATE)
        for picture in (own, other)
    ]
    area = 3 * _WINDOW * _WINDOW
    matcher = cv2.StereoSGBM.create(
        minDisparity=lowest,
        numDisparities=count,
        blockSize=_WINDOW,
        P1=_SMALL_STEP * area,
        P2=_LARGE_STEP * area,
        disp12MaxDiff=-1,
        preFilterCap=31,
        uniquenessRatio=_UNIQUENESS,
        mode=cv2.STEREO_SGBM_MODE_SGBM_3WAY,
    )
    fixed = matcher.compute(*padded)
    invalid = (lowest - 1) * int(_FIXED_POINT)
    cv2.filterSpeckles(fixed, invalid, _SPECKLE, int(_AGREEMENT * _FIXED_POINT))
    fixed = fixed[:, before : before + own.shape[1]]
    return np.where(fixed > invalid, fixed / np.float32(_FIXED_POINT), np.float32(np.nan)).astype(np.float32)


def _match_around(
    own: NDArray[np.uint8],
    other: NDArray[np.uint8],
    other_inside: Mask,
    base: Picture,
    limits: tuple[float, float],
    mirrored: bool,
) -> Picture:
    """Return what :func:`_match` does, searched around a flow ``base`` (H, W) of the own view."""
    warped = np.round(warp_flow(other.astype(np.float32), base)).astype(np.uint8)
    # Grey beyond the other's mask, also where the base is only an extension.
    warped[warp_flow(other_inside.astype(np.float32), base) < 0.5] = 128
    # Mirrored, the right view is a left one.
    turn = slice(None, None, -1 if mirrored else 1)
    residual = _match(own[:, turn], warped[:, turn], limits)[:, turn]
    sign = np.float32(1.0 if mirrored else -1.0)
    # A match in the warped picture lies where the base of that column, not of the own one, has brought it.
    there = warp_flow(base, sign * np.nan_to_num(residual))
    return np.asarray(residual + sign * there, dtype=np.float32)


def _everywhere(flow: Picture, inside: Mask) -> Picture:
    """Return a flow (H, W) that goes on where it is unknown (0) or outside the mask."""
    known = inside & (flow != 0)
    return extended(flow[..., None], known.astype(np.float32))[..., 0]


def _agreement(own: Picture, other: Picture, sign: float, inside: Mask, other_inside: Mask) -> Picture:
    """Return the confidence (H, W) of matches by the other direction's: 1 where both say the same, 0 above a pixel."""
    height, width = own.shape
    matched = np.isfinite(own) & inside
    column = np.arange(width, dtype=np.float32) + sign * np.where(matched, own, 0.0)
    nearest = np.round(column).astype(np.intp)
    matched &= (nearest >= 0) & (nearest < width)
    nearest = np.clip(nearest, 0, width - 1)
    rows = np.arange(height)[:, None]
    back = other[rows, nearest]
    matched &= np.isfinite(back) & other_inside[rows, nearest]
    difference = np.abs(np.where(matched, own - back, np.inf))
    return np.where(difference <= _AGREEMENT, 1.0 - 0.5 * difference / _AGREEMENT, 0.0).astype(np.float32)


def _enlarged(values: Picture, known: Mask, size: tuple[int, int]) -> Picture:
    """Return values (zero where unknown) at a larger size, without mixing in the unknown ones."""
    weight = known.astype(np.float32)
    total = cv2.resize(values * weight, size, interpolation=cv2.INTER_LINEAR)
    share = cv2.resize(weight, size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(total / np.maximum(share, 1e-6), dtype=np.float32)
