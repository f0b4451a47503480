"""The Gaussians of several pairs as one cloud: each pixel once, without what other views contradict (ours).

Every view belongs to two pairs or more, and every surface is seen by several views. A pixel is kept from the pair that
matched it best. A Gaussian that floats before the surfaces of more views than confirm it is none; where a view sees the
surface more from the front, that view's Gaussians count, and grazing ones fade.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..camera import Array, Camera
from ..gaussian_transform import rotation_matrices
from ..gaussians import Gaussians, joined
from ..stereo.hull import inside_hull
from ..stereo.pairs import Pair
from .pipeline import PairCloud
from .subject import Subject

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]

# Longer sides, in pixels, of the grid on which pairs of one view are compared, and of the depth maps of views.
GRID_SIDE, DEPTH_SIDE = 1024, 512
# Depths that differ by less than this share agree; before another surface by more than twice that contradicts it.
AGREEMENT = 0.01
# As frontal as this share of the most frontal view that confirms it, a Gaussian is as good as gone.
FADED = 0.8


@dataclass(frozen=True, eq=False)
class _ViewCloud:
    """The Gaussians that come from one view's pixels, and how frontally it sees each (cosine)."""

    camera: Camera
    gaussians: Gaussians
    frontality: Floats


def fuse(clouds: Sequence[PairCloud], pairs: Sequence[Pair], subject: Subject) -> Gaussians:
    """Return one cloud of all pairs' Gaussians.

    Args:
        clouds: Of each pair.
        pairs: By the places of their views in the subject.
        subject: The person.
    """
    views = [
        _view_cloud(place, clouds, pairs, subject)
        for place in sorted({place for pair in pairs for place in (pair.left, pair.right)})
    ]
    maps = [_depth_map(view) for view in views]
    kept = [_confirmed(view, [other for other in maps if other.camera is not view.camera]) for view in views]
    together = joined(kept)
    return together.chosen(inside_hull(together.means, subject.silhouettes))


def _view_cloud(place: int, clouds: Sequence[PairCloud], pairs: Sequence[Pair], subject: Subject) -> _ViewCloud:
    """Return a view's Gaussians, every pixel from the pair that is most confident of it."""
    camera = subject.views[place].camera
    grid = camera.fitted(GRID_SIDE)
    best = np.full(grid.height * grid.width, -1.0, np.float32)
    chosen = np.zeros(best.shape, np.int32)
    parts = []
    for index, (cloud, pair) in enumerate(zip(clouds, pairs, strict=True)):
        if place not in (pair.left, pair.right):
            continue
        own = np.flatnonzero(cloud.of_right == (place == pair.right))
        pixels, _ = _pixels(grid, cloud.gaussians.means[own])
        # Among equally confident ones, the network's opacity decides.
        score = cloud.confidence[own] + cloud.gaussians.opacities[own]
        parts.append((index, own, pixels))
        peak = np.full(best.shape, -1.0, np.float32)
        np.maximum.at(peak, pixels, score)
        better = peak > best
        best, chosen = np.where(better, peak, best), np.where(better, index, chosen)
    gaussians = joined([clouds[index].gaussians.chosen(own[chosen[pixels] == index]) for index, own, pixels in parts])
    rays = gaussians.means - camera.centre
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    frontality = np.abs((_normals(gaussians) * rays).sum(axis=1)).astype(np.float32)
    return _ViewCloud(camera, gaussians, frontality)


@dataclass(frozen=True, eq=False)
class _DepthMap:
    """What a view sees, in small: z (infinite where nothing), and how frontally."""

    camera: Camera
    grid: Camera
    depth: Floats
    frontality: Floats


def _depth_map(view: _ViewCloud) -> _DepthMap:
    grid = view.camera.fitted(DEPTH_SIDE)
    pixels, depth = _pixels(grid, view.gaussians.means)
    farthest_first = np.argsort(-depth)
    nearest, frontality = (
        np.full(grid.height * grid.width, np.inf, np.float32),
        np.zeros(grid.height * grid.width, np.float32),
    )
    nearest[pixels[farthest_first]] = depth[farthest_first]
    frontality[pixels[farthest_first]] = view.frontality[farthest_first]
    return _DepthMap(view.camera, grid, nearest, frontality)


def _confirmed(view: _ViewCloud, others: Sequence[_DepthMap]) -> Gaussians:
    """Return a view's Gaussians without those that others contradict, grazing ones faded."""
    confirming = np.zeros(len(view.gaussians), np.int16)
    contradicting = np.zeros(len(view.gaussians), np.int16)
    most_frontal = view.frontality.copy()
    for other in others:
        pixels, depth = _pixels(other.grid, view.gaussians.means)
        seen = other.depth[pixels]
        agrees = np.abs(depth - seen) <= AGREEMENT * depth
        confirming += agrees
        contradicting += np.isfinite(seen) & (depth < (1.0 - 2.0 * AGREEMENT) * seen) & (depth > 0)
        most_frontal = np.where(agrees, np.maximum(most_frontal, other.frontality[pixels]), most_frontal)
    share = view.frontality / np.maximum(most_frontal, 1e-6)
    fading = np.clip((share - FADED) / (1.0 - FADED), 0.0, 1.0)
    keep = (confirming >= contradicting) & (fading > 0)
    faded = replace(view.gaussians, opacities=view.gaussians.opacities * fading.astype(np.float32))
    return faded.chosen(keep)


def _pixels(grid: Camera, points: Floats) -> tuple[NDArray[np.intp], Array]:
    """Return the flat index of the pixel that each point falls into, the border's for those outside, and its z."""
    pixels, depth = grid.project(points)
    column = np.clip(np.where(depth > 0, pixels[:, 0], 0.0), 0, grid.width - 1).astype(np.intp)
    row = np.clip(np.where(depth > 0, pixels[:, 1], 0.0), 0, grid.height - 1).astype(np.intp)
    return row * grid.width + column, depth


def _normals(gaussians: Gaussians) -> Array:
    """Return the directions (N, 3) in which the Gaussians are thinnest."""
    thinnest = gaussians.scales.argmin(axis=1)
    normals: Array = rotation_matrices(gaussians.quaternions)[np.arange(len(gaussians)), :, thinnest]
    return normals
