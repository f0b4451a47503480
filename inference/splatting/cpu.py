"""Splatting on the CPU."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..camera import Camera
from ..gaussians import Gaussians
from ..harmonics import harmonics_at
from . import kernels

Floats = NDArray[np.float32]

CHUNK = 1 << 18  # Gaussians whose colours are found at once, to bound memory


def render(
    gaussians: Gaussians, camera: Camera, background: Floats, near: float
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return rgb (H, W, 3), alpha, depth and first hit (H, W) of :class:`.rasterize.Splat`."""
    width, height = camera.width, camera.height
    places, conics, extents, depths = kernels.project(
        gaussians.means,
        gaussians.quaternions,
        gaussians.scales,
        gaussians.opacities,
        np.ascontiguousarray(camera.world_to_camera),
        np.array([camera.fx, camera.fy, camera.cx, camera.cy]),
        width,
        height,
        near,
    )
    seen = np.flatnonzero(extents[:, 0] > 0)
    # Stable, so that equal depths keep the order of the cloud on every machine.
    order = seen[np.argsort(depths[seen], kind="stable")]
    starts, members = kernels.bin_tiles(places[order], extents[order], width, height)
    rgb = np.empty((height, width, 3), np.float32)
    alpha, depth, first_hit = (np.empty((height, width), np.float32) for _ in range(3))
    kernels.blend_tiles(
        starts,
        members,
        places[order],
        conics[order],
        gaussians.opacities[order],
        _colours(gaussians, camera, order),
        depths[order],
        background,
        rgb,
        alpha,
        depth,
        first_hit,
    )
    depth[alpha == 0] = np.inf
    first_hit[first_hit == 0] = np.inf
    return rgb, alpha, depth, first_hit


def _colours(gaussians: Gaussians, camera: Camera, which: NDArray[np.int64]) -> Floats:
    """Return (M, 3) colours of the chosen Gaussians as the camera sees them, cut at zero."""
    if gaussians.degree == 0:
        return np.maximum(gaussians.colours[which], np.float32(0))
    colours = np.empty((len(which), 3), np.float32)
    for first in range(0, len(which), CHUNK):
        part = which[first : first + CHUNK]
        directions = gaussians.means[part].astype(np.float64) - camera.centre
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        harmonics = gaussians.harmonics[part]
        values = harmonics_at(directions, harmonics.shape[1])
        colours[first : first + CHUNK] = np.maximum(0.5 + np.einsum("nk,nkc->nc", values, harmonics), 0)
    return colours
