"""The guided start: what classical stereo and the silhouettes of the whole rig know of a pair (ours)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..stereo.completion import Flow
from ..stereo.hull import Silhouettes, hull_inverse_depth
from ..stereo.matching import search_range, semi_global_disparity
from ..stereo.rectification import RectifiedPair

Floats = NDArray[np.float32]

# The hull of fewer silhouettes lies so far before the surface that it leads astray.
FEWEST_SILHOUETTES = 4
# Pixels that a surface may lie in front of the hull: silhouettes and calibration are a little off.
_BEFORE = 3.0
# How far behind the hull a surface is looked for, as a share of the radius of the ball around the person.
_BEHIND = 0.3


def guided_flows(
    pair: RectifiedPair, pictures: Sequence[Floats], masks: Sequence[Floats], silhouettes: Silhouettes | None
) -> tuple[Flow, Flow]:
    """Return the flows of a pair from which the network starts.

    Args:
        pair: The rectified pair.
        pictures: (H, W, 3) left and right, rectified, sRGB in [0, 1].
        masks: (H, W) left and right, in [0, 1].
        silhouettes: Of all cameras of the rig: matching goes around their hull, where there are four. ``None``: the
            pair alone is known.
    """
    if silhouettes is None or len(silhouettes.cameras) < FEWEST_SILHOUETTES:
        search = search_range(pair, masks[0], masks[1])
        return semi_global_disparity(pictures[0], pictures[1], search, masks[0], masks[1])
    hulls = [
        hull_inverse_depth(side.camera, mask, silhouettes)
        for side, mask in zip((pair.left, pair.right), masks, strict=True)
    ]
    left, right = (
        np.where(hull > 0, pair.flow(hull.astype(np.float64), of_right=index == 1), 0.0).astype(np.float32)
        for index, hull in enumerate(hulls)
    )
    nearest = max(float(hull.max()) for hull in hulls)
    behind = max(_BEFORE, abs(pair.transform) * nearest**2 * _BEHIND * silhouettes.radius)
    return semi_global_disparity(pictures[0], pictures[1], (-_BEFORE, behind), masks[0], masks[1], (left, right))
