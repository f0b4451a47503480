"""Where a point of the target's frustum lies in the sources.

The target pixel (u, v) at disparity d is the point (R K_t^-1 (u, v, 1) + t d) / d of the source's axes, so its source
pixel is the dehomogenised A (u, v, 1) + b d with A = K_s R K_t^-1 and b = K_s t: linear in d, whatever the shape of
the sweep.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..camera import Array, Camera


@dataclass(frozen=True, eq=False)
class SweepGeometry:
    """Projection of the target's frustum into V sources.

    Args:
        matrices: (V, 3, 3) A of every source.
        offsets: (V, 3) b of every source.
        directions: (V, 3) from the target's centre to each source's centre, in the target's axes (scene units).
        ray_matrix: (3, 3) K_t^-1: from (u, v, 1) to the ray at depth 1.
    """

    matrices: Array
    offsets: Array
    directions: Array
    ray_matrix: Array


def sweep_geometry(target: Camera, sources: Sequence[Camera]) -> SweepGeometry:
    """Return the projections of ``target``'s frustum into ``sources`` (cameras without distortion)."""
    inverse = np.linalg.inv(target.intrinsics)
    matrices, offsets, directions = [], [], []
    for source in sources:
        relative = source.world_to_camera @ target.camera_to_world
        matrices.append(source.intrinsics @ relative[:3, :3] @ inverse)
        offsets.append(source.intrinsics @ relative[:3, 3])
        directions.append(target.rotation @ (source.centre - target.centre))
    return SweepGeometry(np.stack(matrices), np.stack(offsets), np.stack(directions), inverse)


def disparity_span(target: Camera, source: Camera, near: float, far: float) -> float:
    """Return how many pixels a target point moves in ``source`` between ``far`` and ``near``, in pixels of the source.

    The 90th percentile over a grid of target pixels whose point is in front of the source at both ends and in its
    picture at one of them; 0 where there is no such pixel.
    """
    x, y = np.meshgrid((np.arange(8) + 0.5) / 8 * target.width, (np.arange(8) + 0.5) / 8 * target.height)
    pixels = np.stack([x, y], axis=-1).reshape(-1, 2)
    first, first_depth = source.project(target.unproject(pixels, np.full(len(pixels), near)))
    last, last_depth = source.project(target.unproject(pixels, np.full(len(pixels), far)))
    size = np.array([source.width, source.height])
    seen = ((first >= 0) & (first < size)).all(axis=-1) | ((last >= 0) & (last < size)).all(axis=-1)
    seen &= (first_depth > 0) & (last_depth > 0)
    if not seen.any():
        return 0.0
    return float(np.percentile(np.linalg.norm(first - last, axis=-1)[seen], 90))
