"""Sparse scene points from feature matches under the known poses, for captures that come without points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..camera import Array, Camera
from ..progress import Progress, silent
from ..view import Capture
from .features import Descriptors, find_features, mutual_matches
from .photographs import Photographs, fitting_scale

LONGER_SIDE = 800
MAX_PAIRS = 10
MAX_FEATURES = 2000
EPIPOLAR_PIXELS = 1.5
REPROJECTION_PIXELS = 2.0
# Below the one, depth is mostly noise; beyond the other, descriptors no longer match.
MIN_PARALLAX_DEGREES = 1.0
MAX_PARALLAX_DEGREES = 40.0


@dataclass(frozen=True, eq=False)
class _Features:
    camera: Camera
    pixels: Array  # (N, 2), edges at 0..width
    descriptors: Descriptors


def triangulate(capture: Capture, photographs: Photographs, progress: Progress = silent) -> Array:
    """Match features between neighbouring views and intersect their rays.

    SIFT in pictures of at most 800 px, mutual matches under Lowe's ratio test that agree with the epipolar geometry of
    the known cameras, linear triangulation, reprojection within 2 px. At most 10 pairs, spread over the capture.

    Args:
        capture: Views with files or arrays.
        photographs: Where pictures are read.
        progress: Told after every view and pair.

    Returns:
        (N, 3) scene points; N may be 0.

    Raises:
        PictureError, CameraError: If a picture cannot be read.
    """
    pairs = neighbouring_pairs([view.camera for view in capture.views], MAX_PAIRS)
    wanted = sorted({index for pair in pairs for index in pair})
    features: dict[int, _Features] = {}
    for done, index in enumerate(wanted):
        progress(0.7 * done / len(wanted), "Finding features")
        features[index] = _find_features(capture, index, photographs)
    points = [np.empty((0, 3))]
    for done, (first, second) in enumerate(pairs):
        progress(0.7 + 0.3 * done / len(pairs), "Matching features")
        points.append(_match_pair(features[first], features[second]))
    return np.concatenate(points)


def neighbouring_pairs(cameras: Sequence[Camera], limit: int) -> list[tuple[int, int]]:
    """Return up to ``limit`` pairs of cameras that look the same way from different places, spread over the set.

    Every camera is paired with the nearest one that is not at the same place and turned by less than 40 degrees; of
    these pairs, the ones farthest from each other are kept.
    """
    centres = np.stack([camera.centre for camera in cameras])
    forward = np.stack([camera.forward for camera in cameras])
    distance = np.linalg.norm(centres[:, None] - centres[None], axis=-1)
    alike = forward @ forward.T > np.cos(np.radians(MAX_PARALLAX_DEGREES))
    # Two photographs from one tripod position have no parallax.
    apart = distance > 1e-3 * max(float(distance.max()), 1e-12)
    distance = np.where(alike & apart, distance, np.inf)
    nearest = distance.argmin(axis=1)
    pairs = {
        (min(index, int(other)), max(index, int(other)))
        for index, other in enumerate(nearest)
        if np.isfinite(distance[index, other])
    }
    candidates = sorted(pairs)
    if len(candidates) <= limit:
        return candidates
    middles = np.array([(centres[first] + centres[second]) / 2 for first, second in candidates])
    chosen = [0]
    gap = np.linalg.norm(middles - middles[0], axis=1)
    while len(chosen) < limit:
        chosen.append(int(gap.argmax()))
        gap = np.minimum(gap, np.linalg.norm(middles - middles[chosen[-1]], axis=1))
    return [candidates[index] for index in sorted(set(chosen))]


def _find_features(capture: Capture, index: int, photographs: Photographs) -> _Features:
    view = capture.views[index]
    photograph = photographs.get(view, fitting_scale(view, LONGER_SIDE))
    pixels, _, descriptors = find_features(photograph.rgb, photograph.mask, MAX_FEATURES)
    return _Features(photograph.camera, pixels, descriptors)


def _match_pair(first: _Features, second: _Features) -> Array:
    """Return the (N, 3) scene points of the matches between two views."""
    if min(len(first.pixels), len(second.pixels)) < 2:
        return np.empty((0, 3))
    a, b = mutual_matches(first.descriptors, second.descriptors)
    x1, x2 = first.pixels[a], second.pixels[b]
    near_line = epipolar_distance(first.camera, second.camera, x1, x2) <= EPIPOLAR_PIXELS
    x1, x2 = x1[near_line], x2[near_line]
    if not len(x1):
        return np.empty((0, 3))
    points, good = intersect(first.camera, second.camera, x1, x2)
    return points[good]


def fundamental(first: Camera, second: Camera) -> Array:
    """Return the 3x3 fundamental matrix: x2^T F x1 = 0 for the pixels of a point (Hartley and Zisserman, 9.2)."""
    relative = second.world_to_camera @ first.camera_to_world
    t = relative[:3, 3]
    cross = np.array([[0.0, -t[2], t[1]], [t[2], 0.0, -t[0]], [-t[1], t[0], 0.0]])
    matrix: Array = _inverse_intrinsics(second).T @ cross @ relative[:3, :3] @ _inverse_intrinsics(first)
    return matrix


def _inverse_intrinsics(camera: Camera) -> Array:
    """Return the inverse of the intrinsic matrix; written down, because LAPACK takes its time for a small one."""
    return np.array(
        [[1 / camera.fx, 0.0, -camera.cx / camera.fx], [0.0, 1 / camera.fy, -camera.cy / camera.fy], [0.0, 0.0, 1.0]]
    )


def epipolar_distance(first: Camera, second: Camera, x1: Array, x2: Array) -> Array:
    """Return the mean distance in pixels of matches (N, 2), (N, 2) to each other's epipolar lines.

    Hartley and Zisserman, 2nd edition, section 9.2.
    """
    matrix = fundamental(first, second)
    h1 = np.column_stack([x1, np.ones(len(x1))])
    h2 = np.column_stack([x2, np.ones(len(x2))])
    lines2, lines1 = h1 @ matrix.T, h2 @ matrix
    value: Array = np.abs((h2 * lines2).sum(axis=1))
    distances = value / np.linalg.norm(lines2[:, :2], axis=1) + value / np.linalg.norm(lines1[:, :2], axis=1)
    mean: Array = distances / 2
    return mean


def intersect(first: Camera, second: Camera, x1: Array, x2: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Intersect the rays of matches between two ideal cameras (linear triangulation).

    Args:
        first, second: The cameras.
        x1, x2: (N, 2) pixels, edges at 0..width.

    Returns:
        (N, 3) scene points, and which of them are good: in front of both, reprojected within 2 pixels, seen from
        directions that differ by 1 to 40 degrees.
    """
    projections = [camera.intrinsics @ camera.world_to_camera[:3] for camera in (first, second)]
    homogeneous = cv2.triangulatePoints(projections[0], projections[1], x1.T.copy(), x2.T.copy())
    # A point at infinity becomes huge and fails the parallax test below.
    weight = np.where(np.abs(homogeneous[3]) < 1e-12, 1e-12, homogeneous[3])
    points = np.asarray((homogeneous[:3] / weight).T, dtype=np.float64)
    good = np.isfinite(points).all(axis=1)
    for camera, pixels in ((first, x1), (second, x2)):
        projected, depth = camera.project(points)
        good &= (depth > 0) & (np.linalg.norm(projected - pixels, axis=1) <= REPROJECTION_PIXELS)
    rays1, rays2 = points - first.centre, points - second.centre
    cosine = (rays1 * rays2).sum(axis=1) / (np.linalg.norm(rays1, axis=1) * np.linalg.norm(rays2, axis=1) + 1e-300)
    parallax = np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
    good &= (parallax >= MIN_PARALLAX_DEGREES) & (parallax <= MAX_PARALLAX_DEGREES)
    return points, good
