"""Mistakes of a measure: how far off a focal length, a principal point or a pose is, from matches."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from ..camera import Array
from ..capture.triangulation import intersect
from .corrections import with_pose
from .observations import PairMatches, PictureFeatures
from .sights import Sight

# Focal lengths are looked for between these factors.
SMALLEST_FACTOR, LARGEST_FACTOR = 1 / 3, 3.0
# A pose from fewer points is a guess.
MIN_POINTS = 12
POSE_PIXELS = 3.0


def best_factor(error: Callable[[float], float]) -> float:
    """Return the factor between 1/3 and 3 with the least error: a grid, then finer ones around its best."""
    logs = np.linspace(np.log(SMALLEST_FACTOR), np.log(LARGEST_FACTOR), 29)
    for _ in range(3):
        errors = [error(float(np.exp(value))) for value in logs]
        best, step = float(logs[int(np.argmin(errors))]), float(logs[1] - logs[0])
        logs = np.linspace(best - step, best + step, 9)
    return float(np.exp(best))


def best_shift(error: Callable[[float, float], float]) -> tuple[float, float]:
    """Return the shift of a principal point (shares of width and height) with the least error: grids as above."""
    centre, step, reach = np.zeros(2), 0.1, 5
    for _ in range(5):
        grid = [centre + step * np.array([x, y]) for x in range(-reach, reach + 1) for y in range(-reach, reach + 1)]
        centre = min(grid, key=lambda shift: error(float(shift[0]), float(shift[1])))
        step, reach = step / 3, 2
    return float(centre[0]), float(centre[1])


def best_pose(
    index: int,
    sights: Sequence[Sight],
    pictures: Sequence[PictureFeatures],
    pairs: Sequence[PairMatches],
    trusted: frozenset[int],
) -> Sight | None:
    """Return the sight of a view with the pose that points between trusted views give it.

    Args:
        index: Of the view.
        sights, pictures: Of all views.
        pairs: All that there are.
        trusted: Indices of the views whose cameras are right.

    Returns:
        ``None`` where too few points are seen by it and by two trusted views.
    """
    points: list[Array] = []
    pixels: list[Array] = []
    for near, near_features, own_features in _partners(index, pairs):
        if near not in trusted:
            continue
        known = _points_of(
            near, sights, pictures, [pair for pair in pairs if index not in (pair.first, pair.second)], trusted
        )
        both = [(feature, own) for feature, own in zip(near_features, own_features, strict=True) if feature in known]
        if not both:
            continue
        points.append(np.array([known[feature] for feature, _ in both]))
        camera, seen = sights[index].ideal(pictures[index], np.array([own for _, own in both], dtype=np.intp))
        pixels.append(seen)
    if sum(map(len, points)) < MIN_POINTS:
        return None
    found, turned, moved, inside = cv2.solvePnPRansac(
        np.concatenate(points),
        np.concatenate(pixels),
        camera.intrinsics,
        np.zeros(4),
        iterationsCount=2000,
        reprojectionError=POSE_PIXELS,
        flags=cv2.SOLVEPNP_SQPNP,
    )
    if not found or inside is None or len(inside) < MIN_POINTS:
        return None
    kept = inside.ravel()
    turned, moved = cv2.solvePnPRefineLM(
        np.concatenate(points)[kept], np.concatenate(pixels)[kept], camera.intrinsics, np.zeros(4), turned, moved
    )
    rotation = np.asarray(cv2.Rodrigues(turned)[0], dtype=np.float64)
    return with_pose(sights[index], rotation, np.asarray(moved, dtype=np.float64).ravel())


def _partners(index: int, pairs: Sequence[PairMatches]) -> list[tuple[int, list[int], list[int]]]:
    """Return the views that a view is matched with, with their features and its own."""
    found = []
    for pair in pairs:
        if pair.first == index:
            found.append((pair.second, pair.b.tolist(), pair.a.tolist()))
        elif pair.second == index:
            found.append((pair.first, pair.a.tolist(), pair.b.tolist()))
    return found


def _points_of(
    index: int,
    sights: Sequence[Sight],
    pictures: Sequence[PictureFeatures],
    pairs: Sequence[PairMatches],
    trusted: frozenset[int],
) -> dict[int, Array]:
    """Return the scene points of a view's features that trusted views give."""
    known: dict[int, Array] = {}
    camera, _ = sights[index].ideal(pictures[index], np.empty(0, dtype=np.intp))
    for other, theirs, own in _partners(index, pairs):
        if other not in trusted:
            continue
        features = np.array(own, dtype=np.intp)
        _, x1 = sights[index].ideal(pictures[index], features)
        second, x2 = sights[other].ideal(pictures[other], np.array(theirs, dtype=np.intp))
        points, good = intersect(camera, second, x1, x2)
        known.update(zip(features[good].tolist(), points[good], strict=True))
    return known
