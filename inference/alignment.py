"""Where a capture belongs: similarities that put its ground, its upright, its directions and its size right.

All return 4x4 transforms of the scene. Scene axes are Blender's, z up; lengths are scene units.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from .camera import Array, Camera
from .errors import CaptureError

# Axes of cameras that are held level spread over the horizontal. By this mean square they do, and not by
# a few degrees of the hand (0.07 is the sine of 4 degrees).
_SPANNED = 0.07**2
# A plane holds what is nearer than this share of the points' spread; so many planes are tried.
_THICKNESS, _TRIALS = 0.01, 2000
# The ground is level to the cameras' upright within this angle (cosine of 30 degrees).
_LEVEL = 0.866
_UP = np.array([0.0, 0.0, 1.0])


def upright(cameras: Sequence[Camera]) -> Array:
    """Return the rotation that makes the cameras' upright the scene's.

    Photographers hold cameras level: up is the direction that no camera's horizontal axis has a part of, on the side of
    the cameras' mean upward axis.

    Raises:
        CaptureError: If the cameras do not agree on any.
    """
    return _turned(cameras_up(cameras), _UP)


def cameras_up(cameras: Sequence[Camera]) -> Array:
    """Return the (3,) unit vector that the cameras have upwards.

    Raises:
        CaptureError: If they do not agree on any.
    """
    mean = -np.mean([camera.rotation[1] for camera in cameras], axis=0)
    across = np.array([camera.rotation[0] for camera in cameras])
    values, vectors = np.linalg.eigh(across.T @ across / len(cameras))
    horizontal = vectors[:, values > _SPANNED]
    up = mean - horizontal @ (horizontal.T @ mean) if horizontal.shape[1] < 3 else mean
    length = float(np.linalg.norm(up))
    if length < 0.2:
        raise CaptureError("The cameras do not agree on what is up; align the capture by three points or its ground.")
    unit: Array = up / length
    return unit


def on_ground(points: ArrayLike) -> Array:
    """Return the turn and shift that put a plane through (N, 3) points of the ground, three or more, at height 0.

    The side that is up stays up.

    Raises:
        CaptureError: If the points lie on a line.
    """
    points = np.asarray(points, dtype=np.float64)
    centre = points.mean(axis=0)
    _, spreads, axes = np.linalg.svd(points - centre)
    if len(points) < 3 or spreads[1] < 1e-6 * max(spreads[0], 1e-30):
        raise CaptureError("The picked points lie on a line; pick three or more that are spread over the ground.")
    normal = axes[2] if axes[2] @ _UP >= 0 else -axes[2]
    return _to_ground(centre, normal)


def find_ground(points: ArrayLike, cameras: Sequence[Camera]) -> Array:
    """Return the turn and shift that put the plane most of (N, 3) sparse points lie in, below the cameras, at height 0.

    Only planes count that the cameras' upright stands on.

    Raises:
        CaptureError: If there is none.
    """
    points = np.asarray(points, dtype=np.float64)
    up, centres = cameras_up(cameras), np.array([camera.centre for camera in cameras])
    if len(points) < 20:
        raise CaptureError("The capture has too few points to find its ground; pick three points of it.")
    random = np.random.default_rng(0)
    spread = float(np.median(np.linalg.norm(points - np.median(points, axis=0), axis=1)))
    triples = points[random.integers(0, len(points), (_TRIALS, 3))]
    normals = np.cross(triples[:, 1] - triples[:, 0], triples[:, 2] - triples[:, 0])
    lengths = np.linalg.norm(normals, axis=1)
    usable = lengths > 1e-12 * spread**2
    normals = normals[usable] / lengths[usable, None]
    normals *= np.sign(normals @ up)[:, None]
    level = normals @ up > _LEVEL
    normals, starts = normals[level], triples[usable][level, 0]
    sample = points[random.permutation(len(points))[:4000]]
    best, most = None, 0
    for normal, start in zip(normals, starts, strict=True):
        heights = (sample - start) @ normal
        near = np.abs(heights) < _THICKNESS * spread
        # Below the ground is nothing but a few wrong points, and the cameras are above it.
        if (
            near.sum() > most
            and (heights < -2 * _THICKNESS * spread).mean() < 0.1
            and np.all((centres - start) @ normal > 0)
        ):
            best, most = near, int(near.sum())
    if best is None or most < max(10, 0.05 * len(sample)):
        raise CaptureError("No ground is to be seen among the capture's points; pick three points of it.")
    ground = sample[best]
    centre = ground.mean(axis=0)
    normal = np.linalg.svd(ground - centre, full_matrices=False)[2][2]
    return _to_ground(centre, normal if normal @ up > 0 else -normal)


def by_three_points(origin: ArrayLike, along_x: ArrayLike, in_plane: ArrayLike) -> Array:
    """Return the turn and shift after which one point is the origin, another on +x, a third in the ground with y > 0.

    Raises:
        CaptureError: If they lie on a line.
    """
    origin, along, other = (np.asarray(point, dtype=np.float64) for point in (origin, along_x, in_plane))
    x, aside = along - origin, other - origin
    z = np.cross(x, aside)
    if np.linalg.norm(z) < 1e-6 * np.linalg.norm(x) * np.linalg.norm(aside) or not np.any(z):
        raise CaptureError("The three points lie on a line; pick one that is aside.")
    x, z = x / np.linalg.norm(x), z / np.linalg.norm(z)
    transform = np.eye(4)
    transform[:3, :3] = [x, np.cross(z, x), z]
    transform[:3, 3] = -transform[:3, :3] @ origin
    return transform


def to_distance(first: ArrayLike, second: ArrayLike, distance: float) -> Array:
    """Return the scaling about the scene's origin after which two points are that far from each other.

    Raises:
        CaptureError: If they are one point, or the distance is not positive.
    """
    measured = float(np.linalg.norm(np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)))
    if not (np.isfinite(distance) and distance > 0 and measured > 0):
        raise CaptureError("A known distance is between two different points, and above 0; pick two and type it in.")
    return np.diag([distance / measured] * 3 + [1.0])


def _to_ground(point: Array, normal: Array) -> Array:
    """Return the smallest turn of a normal to z, and the shift that brings a point to height 0."""
    transform = _turned(normal, _UP)
    transform[2, 3] = -float(transform[2, :3] @ point)
    return transform


def _turned(start: Array, end: Array) -> Array:
    """Return the smallest rotation of one (3,) unit vector into another."""
    transform = np.eye(4)
    axis, cosine = np.cross(start, end), float(start @ end)
    if cosine < -1 + 1e-12:  # about any axis that is square to it
        aside = np.eye(3)[int(np.argmin(np.abs(start)))]
        aside -= (aside @ start) * start
        aside /= np.linalg.norm(aside)
        transform[:3, :3] = 2 * np.outer(aside, aside) - np.eye(3)
        return transform
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    transform[:3, :3] = np.eye(3) + cross + cross @ cross / (1 + cosine)
    return transform
