"""The visual hull of silhouettes as a camera sees it: the nearest that a surface can be (Laurentini 1994).

Image based (Matusik et al. 2000): every pixel's ray is cut by the silhouettes themselves, without voxels between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..camera import Camera
from ..view import Picture

Floats = NDArray[np.float32]

# Of a step along a ray, as shares of the radius of the ball around the subject.
SHORTEST_STEP, LONGEST_STEP = 5e-4, 0.1
# Halvings of the step in which the hull begins.
_HALVINGS = 10
# Pixels around a silhouette in which its soft edge is looked at, and the share of a distance that is trusted.
_NEAR = 2.5
_CAUTION = 0.7
# Pixels of a silhouette that a point may lie outside of it and still be taken for inside.
_MARGIN = 2.0


@dataclass(frozen=True, eq=False)
class Silhouettes:
    """The masks of one subject in several pictures.

    Args:
        cameras: Without distortion, each of its mask's size.
        masks: (h, w) in [0, 1]; above one half is the subject.
        centre: (3,) its middle, in scene units.
        radius: Of a ball around it that holds it all.
    """

    cameras: Sequence[Camera]
    masks: Sequence[Picture] = field(repr=False)
    centre: ArrayLike
    radius: float


def enclosing_radius(cameras: Sequence[Camera], masks: Sequence[Picture], centre: ArrayLike) -> float:
    """Return the radius of a ball around ``centre`` that holds all that the masks show at the centre's distance."""
    radius = 0.0
    for camera, mask in zip(cameras, masks, strict=True):
        pixel, depth = camera.project(centre)
        rows, columns = np.nonzero(mask > 0.5)
        if len(rows) and depth > 0:
            away = np.hypot((columns + 0.5 - pixel[0]) / camera.fx, (rows + 0.5 - pixel[1]) / camera.fy)
            radius = max(radius, float(away.max() * depth))
    # What leans towards a camera looks larger than it is, what leans away smaller.
    return 1.1 * radius


def inside_hull(points: ArrayLike, silhouettes: Silhouettes) -> NDArray[np.bool_]:
    """Return which points (N, 3) lie inside every silhouette, or a little beside it, where masks are a pixel off.

    Beyond a picture, its silhouette goes on as at the border; behind a camera everything is inside.
    """
    points = np.asarray(points, dtype=np.float64)
    inside = np.ones(len(points), np.bool_)
    for camera, mask in zip(silhouettes.cameras, silhouettes.masks, strict=True):
        near = _distance(mask) <= _MARGIN
        pixels, depth = camera.project(points)
        front = depth > 0
        column, row = np.where(front[:, None], pixels, 0.0).T
        column = np.clip(column, 0, mask.shape[1] - 1).astype(np.intp)
        row = np.clip(row, 0, mask.shape[0] - 1).astype(np.intp)
        inside &= ~front | near[row, column]
    return inside


def hull_inverse_depth(camera: Camera, mask: Picture, silhouettes: Silhouettes) -> Floats:
    """Return the inverse depth (H, W) at which the hull begins in every pixel of the mask.

    Beyond a picture, its silhouette goes on as at the border.

    Args:
        camera: Without distortion.
        mask: (H, W) in [0, 1], which pixels are asked for.
        silhouettes: What bounds the hull; where the camera's own is among them, it decides nothing.

    Returns:
        1 / z in 1 / scene units; 0 outside the mask, and where the silhouettes contradict each other.
    """
    centre = np.asarray(silhouettes.centre, dtype=np.float64)
    # Cameras across the view cut a ray shortest, so they are asked first. What differs by rounding is equal, so that
    # the order in a symmetric rig is that of its cameras whatever the scene's unit.
    order = sorted(
        range(len(silhouettes.cameras)),
        key=lambda index: round(abs(float(silhouettes.cameras[index].forward @ camera.forward)), 9),
    )
    result = np.zeros(mask.shape, np.float32)
    if not order:
        return result
    # From positions on a ray (camera axes, z = 1) to each silhouette's pixels, homogeneous.
    projections = np.stack(
        [
            silhouettes.cameras[index].intrinsics
            @ (silhouettes.cameras[index].world_to_camera @ camera.camera_to_world)[:3]
            for index in order
        ]
    )
    masks = numba.typed.List([np.ascontiguousarray(silhouettes.masks[index], dtype=np.float32) for index in order])
    distances = numba.typed.List([_distance(mask) for mask in masks])
    middle = camera.rotation @ centre + camera.translation
    intrinsics = np.array([camera.fx, camera.fy, camera.cx, camera.cy])
    asked = np.ascontiguousarray(mask > 0.5)
    _march(asked, intrinsics, projections, masks, distances, middle, silhouettes.radius, result)
    return result


def _distance(mask: Picture) -> Floats:
    """Return how many pixels every pixel lies outside of a mask."""
    return np.asarray(cv2.distanceTransform((mask <= 0.5).astype(np.uint8), cv2.DIST_L2, 5), dtype=np.float32)


@numba.njit(cache=True, nogil=True)
def _clearance(x, y, z, projections, masks, distances):  # type: ignore[no-untyped-def]
    """Return how far z may grow before the point can be inside every silhouette; 0 where it is."""
    for index in range(len(masks)):
        p = projections[index]
        w = p[2, 0] * x + p[2, 1] * y + p[2, 2] * z + p[2, 3]
        if w <= 0.0:
            continue
        u = (p[0, 0] * x + p[0, 1] * y + p[0, 2] * z + p[0, 3]) / w
        v = (p[1, 0] * x + p[1, 1] * y + p[1, 2] * z + p[1, 3]) / w
        mask = masks[index]
        height, width = mask.shape
        # Beyond the picture it goes on as at its border.
        a, b = min(max(u - 0.5, 0.0), width - 1.0), min(max(v - 0.5, 0.0), height - 1.0)
        left, top = min(int(a), max(width - 2, 0)), min(int(b), max(height - 2, 0))
        distance = distances[index][top, left]
        if distance <= _NEAR:
            right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
            a, b = a - left, b - top
            upper = mask[top, left] * (1.0 - a) + mask[top, right] * a
            lower = mask[bottom, left] * (1.0 - a) + mask[bottom, right] * a
            if upper * (1.0 - b) + lower * b >= 0.5:
                continue
        # How fast the ray's point moves over this picture, in pixels for each z.
        dx, dy = x / z, y / z
        dw = p[2, 0] * dx + p[2, 1] * dy + p[2, 2]
        du = (p[0, 0] * dx + p[0, 1] * dy + p[0, 2] - u * dw) / w
        dv = (p[1, 0] * dx + p[1, 1] * dy + p[1, 2] - v * dw) / w
        # The speed changes on the way, hence a part of it only; a pixel at least.
        return max(_CAUTION * (distance - _NEAR), 1.0) / max(np.sqrt(du * du + dv * dv), 1e-9)
    return 0.0


@numba.njit(cache=True, nogil=True, parallel=True)
def _march(asked, intrinsics, projections, masks, distances, middle, radius, result):  # type: ignore[no-untyped-def]
    height, width = asked.shape
    fx, fy, cx, cy = intrinsics
    for row in numba.prange(height):
        for column in range(width):
            if not asked[row, column]:
                continue
            dx, dy = (column + 0.5 - cx) / fx, (row + 0.5 - cy) / fy
            # The ball's ends on the ray, in z.
            square = dx * dx + dy * dy + 1.0
            along = (dx * middle[0] + dy * middle[1] + middle[2]) / square
            gap = middle[0] ** 2 + middle[1] ** 2 + middle[2] ** 2 - along * along * square
            if gap >= radius * radius:
                continue
            half = np.sqrt((radius * radius - gap) / square)
            z, far = max(along - half, 1e-3 * radius), along + half
            before = z
            while z <= far:
                step = _clearance(dx * z, dy * z, z, projections, masks, distances)
                if step == 0.0:
                    break
                before = z
                # Before the plane of another camera its picture moves without bounds, and steps would end nowhere.
                z += min(max(step, SHORTEST_STEP * radius), LONGEST_STEP * radius)
            if z > far:
                continue
            for _ in range(_HALVINGS):
                between = 0.5 * (before + z)
                if _clearance(dx * between, dy * between, between, projections, masks, distances) == 0.0:
                    z = between
                else:
                    before = between
            result[row, column] = 1.0 / z
