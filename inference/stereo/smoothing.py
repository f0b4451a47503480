"""Edge-aware smoothing of values of different confidence, inside a mask.

The fast global smoother (Min et al. 2014): weighted least squares along rows and columns in turn, which is exact along
each line and linear in the number of pixels.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from ..view import Picture

_ITERATIONS = 3
_LEAST = 1e-9


def smooth_inside(
    values: Picture, confidence: Picture, guide: Picture, inside: NDArray[np.bool_], reach: float, contrast: float
) -> Picture:
    """Smooth values and fill those without confidence from their neighbours; edges of the guide stop it.

    Args:
        values: (H, W); anything finite where the confidence is zero.
        confidence: (H, W), >= 0.
        guide: (H, W, C) picture in [0, 1].
        inside: (H, W); nothing flows from or to pixels outside.
        reach: Weight of smoothness; values flow about its root in pixels.
        contrast: Step of the guide (largest channel) that lets through 1/e.

    Returns:
        (H, W) float32; zero outside, NaN inside where no confident value can be reached.
    """
    weighted = np.where(inside, values * confidence, 0.0).astype(np.float64)
    total = np.where(inside, confidence, 0.0).astype(np.float64)
    across = _links(guide, inside, contrast, axis=1)
    down = np.ascontiguousarray(_links(guide, inside, contrast, axis=0).T)
    for step in range(1, _ITERATIONS + 1):
        weight = 1.5 * 4.0 ** (_ITERATIONS - step) / (4.0**_ITERATIONS - 1.0) * reach
        _solve_lines(weighted, total, across, weight)
        weighted, total = np.ascontiguousarray(weighted.T), np.ascontiguousarray(total.T)
        _solve_lines(weighted, total, down, weight)
        weighted, total = np.ascontiguousarray(weighted.T), np.ascontiguousarray(total.T)
    known = inside & (total > _LEAST)
    smooth = np.where(known, weighted / np.where(known, total, 1.0), np.where(inside, np.nan, 0.0))
    return smooth.astype(np.float32)


def _links(guide: Picture, inside: NDArray[np.bool_], contrast: float, axis: int) -> NDArray[np.float32]:
    """Return how well each pixel is joined to the next one along the axis (1 column or row fewer)."""
    step = np.abs(np.diff(guide, axis=axis)).max(axis=2)
    both = inside[:, 1:] & inside[:, :-1] if axis == 1 else inside[1:] & inside[:-1]
    links: NDArray[np.float32] = np.where(both, np.exp(-step / contrast), 0.0).astype(np.float32)
    return links


@numba.njit(cache=True, parallel=True)
def _solve_lines(a: NDArray[np.float64], b: NDArray[np.float64], links: NDArray[np.float32], weight: float) -> None:
    """Replace both arrays by the solutions of (1 + weight * Laplacian) u = array along every row (Thomas)."""
    height, width = a.shape
    for row in numba.prange(height):
        upper = np.empty(width)
        before = 0.0
        for x in range(width):
            after = weight * links[row, x] if x < width - 1 else 0.0
            pivot = 1.0 + before + after
            if x > 0:
                pivot += before * upper[x - 1]
                a[row, x] += before * a[row, x - 1]
                b[row, x] += before * b[row, x - 1]
            upper[x] = -after / pivot
            a[row, x] /= pivot
            b[row, x] /= pivot
            before = after
        for x in range(width - 2, -1, -1):
            a[row, x] -= upper[x] * a[row, x + 1]
            b[row, x] -= upper[x] * b[row, x + 1]
