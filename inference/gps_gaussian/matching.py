"""Two photographs of a person, rectified and matched by classical stereo: what the guided network starts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ..capture.photographs import Photograph
from ..progress import Progress, silent
from ..stereo.completion import Flow, refill
from ..stereo.exposure import apply_gain, exposure_gain
from ..stereo.hull import Silhouettes
from ..stereo.rectification import RectifiedPair, fitting_size, mask_outline, rectify
from ..stereo.resampling import warp_flow
from .guide import guided_flows

Floats = NDArray[np.float32]

# Sides of rectified pictures are multiples of this: cells of the coarse grid, halved three times for its pyramid.
MULTIPLE = 64


@dataclass(frozen=True, eq=False)
class MatchedPair:
    """The left and the right view of a pair.

    Args:
        pair: Their cameras, in the scene.
        pictures: (H, W, 3) each, rectified, sRGB in [0, 1].
        masks: (H, W) each, rectified, in [0, 1].
        flows: What semi-global matching finds; ``None`` without a guide.
    """

    pair: RectifiedPair
    pictures: list[Floats] = field(repr=False)
    masks: list[Floats] = field(repr=False)
    flows: tuple[Flow, Flow] | None


def match_pair(
    first: Photograph,
    second: Photograph,
    longest: int,
    guided: bool,
    silhouettes: Silhouettes | None = None,
    progress: Progress = silent,
) -> MatchedPair:
    """Rectify two photographs; guided, match them and even out their exposures.

    Args:
        first, second: Neighbouring views with masks, in either order.
        longest: Most pixels of a side of the rectified pictures, a multiple of 64.
        guided: Without it the pictures are square: the authors' weights know no others.
        silhouettes: Of the whole rig, for the guide; ``None``: the two views are all that there is.
        progress: Asked between the stages.

    Raises:
        ValueError: If ``longest`` is no multiple of 64, or a photograph has no mask.
        SightlineError: If the pair cannot be rectified or a mask is empty.
    """
    if longest % MULTIPLE:
        raise ValueError(f"the longest side is {longest}; it must be a multiple of {MULTIPLE}")
    if first.mask is None or second.mask is None:
        raise ValueError("both photographs need a mask")
    progress(0.0, "Rectifying")
    outlines = (mask_outline(first.mask), mask_outline(second.mask))
    size = (longest, longest)
    if guided:
        # Less of nothing around a person costs less.
        size = fitting_size(first.camera, second.camera, outlines, longest, MULTIPLE)
    pair = rectify(first.camera, second.camera, size, outlines)
    views = (second, first) if pair.swapped else (first, second)
    sides = (pair.left, pair.right)
    pictures = [side.warp(view.rgb) for side, view in zip(sides, views, strict=True)]
    masks = [side.warp_mask(view.mask) for side, view in zip(sides, views, strict=True)]
    if not guided:
        return MatchedPair(pair, pictures, masks, None)
    progress(0.3, "Matching")
    flows = guided_flows(pair, pictures, masks, silhouettes)
    return MatchedPair(pair, _evened(pictures, flows[0]), masks, flows)


def _evened(pictures: list[Floats], flow: Flow) -> list[Floats]:
    """Return both pictures at the exposure between the two, by what matches.

    Args:
        pictures: The left and the right one.
        flow: Of the left one.
    """
    seen = warp_flow(pictures[1], flow.flow)
    gain = np.sqrt(exposure_gain(pictures[0], seen, flow.confidence, flow.confidence))
    return [apply_gain(pictures[0], 1 / gain), apply_gain(pictures[1], gain)]


def informed(matched: MatchedPair, others: Sequence[MatchedPair]) -> MatchedPair:
    """Return a pair that knows what its views have found in other pairs, where it has no match of its own.

    Args:
        matched: With flows.
        others: With flows; those that share no view with the pair count for nothing.
    """
    assert matched.flows is not None
    flows = []
    for index, flow in enumerate(matched.flows):
        found, confidence = np.zeros_like(flow.flow), np.zeros_like(flow.confidence)
        for other in others:
            for place in (0, 1):
                told, sure = _told(matched, index, other, place)
                better = sure > confidence
                found, confidence = np.where(better, told, found), np.where(better, sure, confidence)
        flows.append(refill(flow, found, confidence, matched.pictures[index]))
    return replace(matched, flows=(flows[0], flows[1]))


def _told(matched: MatchedPair, index: int, other: MatchedPair, place: int) -> tuple[Floats, Floats]:
    """Return the flow (H, W) that one view of another pair has found for one of this pair, and its confidence."""
    view, source = (matched.pair.left, matched.pair.right)[index], (other.pair.left, other.pair.right)[place]
    height, width = matched.masks[index].shape
    nothing = np.zeros((height, width), np.float32)
    apart = np.linalg.norm(view.camera.centre - source.camera.centre)
    if other is matched or apart > 1e-6 * matched.pair.baseline:
        return nothing, nothing
    assert other.flows is not None
    # The same camera turned in place: a homography, whose denominator is the ratio of both depths.
    turn = source.camera.intrinsics @ source.camera.rotation @ view.camera.rotation.T
    homography = turn @ np.linalg.inv(view.camera.intrinsics)
    x, y = np.arange(width) + 0.5, (np.arange(height) + 0.5)[:, None]
    ratio = homography[2, 0] * x + homography[2, 1] * y + homography[2, 2]
    column, row = (
        np.floor((homography[axis, 0] * x + homography[axis, 1] * y + homography[axis, 2]) / ratio).astype(np.intp)
        for axis in (0, 1)
    )
    flow = other.flows[place]
    seen = (column >= 0) & (row >= 0) & (column < flow.flow.shape[1]) & (row < flow.flow.shape[0])
    at = (np.where(seen, row, 0), np.where(seen, column, 0))
    sure = np.where(seen, flow.confidence[at], 0.0).astype(np.float32)
    inverse = other.pair.inverse_depth(flow.flow[at].astype(np.float64), of_right=place == 1) * ratio
    return matched.pair.flow(inverse, of_right=index == 1).astype(np.float32), sure
