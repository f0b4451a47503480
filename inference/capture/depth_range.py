"""How near and how far a scene is: from the capture itself where it does not say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..camera import Array, Camera
from ..errors import DepthRangeError
from ..progress import Progress, silent
from ..view import Capture
from .photographs import Photographs
from .triangulation import triangulate

# Room around the percentiles of points (convention of the capture sets that come with bounds).
NEAR_FACTOR, FAR_FACTOR = 0.9, 1.1
PERCENTILES = (1.0, 99.0)
# Of matches between two views more are false than of points that a reconstruction has kept.
TRIANGULATED_PERCENTILES = (2.0, 98.0)
MIN_POINTS = 20
# The near end moves no closer than this share of the scene's: planes get denser without end towards the camera.
NEAREST_SHARE = 0.2


@dataclass(frozen=True)
class DepthRange:
    """Depths along the optical axis in scene units, and where they come from: given, sparse points, triangulated."""

    near: float
    far: float
    origin: str


def find_depth_range(capture: Capture, photographs: Photographs, progress: Progress = silent) -> DepthRange:
    """Return the depth range of a scene over all its views.

    In this order: the range that the capture states; the depths of its sparse points in the views whose pictures they
    fall into; the same of points triangulated from feature matches, which takes seconds.

    Raises:
        DepthRangeError: If there are no points and too few features match.
        PictureError, CameraError: If a picture cannot be read while features are matched.
    """
    if capture.depth_near is not None and capture.depth_far is not None:
        return DepthRange(capture.depth_near, capture.depth_far, "given")
    cameras = [view.camera for view in capture.views]
    if capture.points is not None:
        found = range_of_points(cameras, capture.points, PERCENTILES)
        if found is not None:
            return DepthRange(*found, "sparse points")
    points = triangulate(capture, photographs, progress)
    found = range_of_points(cameras, points, TRIANGULATED_PERCENTILES)
    if found is None:
        raise DepthRangeError(
            f"The depth range cannot be found: only {len(points)} features match between the photographs; "
            "give the near and the far depth of the scene."
        )
    return DepthRange(*found, "triangulated")


def target_depth_range(
    target: Camera,
    sources: Sequence[Camera],
    points: Array | None,
    scene: DepthRange,
    presence: Sequence[float] | None = None,
) -> DepthRange:
    """Return the depth range of what one camera sees.

    Args:
        target: The camera to synthesize.
        sources: Those that it is made from.
        points: (N, 3) sparse scene points, or ``None``.
        scene: The range of :func:`find_depth_range`.
        presence: How much each source takes part, in [0, 1]; ``None``: all fully.

    Returns:
        Where the scene's range came from sparse points and the target sees 20 of them or more: 0.9 and 1.1 times the
        1st and 99th percentile of their depths. Else the scene's range, its near end moved closer where the target
        stands in front of all sources, its far end farther where it stands behind them all.
    """
    if scene.origin == "sparse points" and points is not None:
        found = range_of_points([target], points, PERCENTILES)
        if found is not None:
            return DepthRange(*found, scene.origin)
    ahead = np.array([float((target.centre - source.centre) @ target.forward) for source in sources])
    if presence is not None:
        # A source that fades out draws near to the others' mean, where it is neither the first nor the last.
        mean = np.average(ahead, weights=presence)
        ahead = mean + np.asarray(presence) * (ahead - mean)
    near = max(scene.near - max(float(ahead.min()), 0.0), NEAREST_SHARE * scene.near)
    return DepthRange(near, scene.far + max(-float(ahead.max()), 0.0), scene.origin)


def range_of_points(
    cameras: Sequence[Camera], points: Array, percentiles: tuple[float, float]
) -> tuple[float, float] | None:
    """Return near and far from the depths of ``points`` (N, 3) in the pictures of ``cameras``.

    Every point counts once for every camera whose picture it falls into. ``None`` where fewer than 20 do.
    """
    depths = []
    seen = np.zeros(len(points), dtype=bool)
    for camera in cameras:
        pixels, depth = camera.project(points)
        inside = (depth > 0) & (pixels >= 0).all(axis=1) & (pixels <= [camera.width, camera.height]).all(axis=1)
        depths.append(depth[inside])
        seen |= inside
    if seen.sum() < MIN_POINTS:
        return None
    near, far = np.percentile(np.concatenate(depths), percentiles)
    return float(near) * NEAR_FACTOR, float(far) * FAR_FACTOR
