"""Gaussians and a camera to a picture, its alpha and its depth.

Conventions are those of gsplat's classic mode: perspective EWA splatting (Zwicker et al., EWA Volume Splatting, 2001;
Kerbl et al., 3D Gaussian Splatting, 2023) with 0.3 square pixels added to the covariance, contributions below 1/255
left out, at most .999 each, and a pixel closed before its transmittance would fall to 1e-4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..camera import Camera
from ..errors import CameraError
from ..gaussians import Gaussians
from ..harmonics import harmonics_at
from . import kernels

Floats = NDArray[np.float32]

CHUNK = 1 << 18  # Gaussians whose colours are found at once, to bound memory


@dataclass(frozen=True, eq=False)
class Splat:
    """What a camera sees of Gaussians.

    Args:
        rgb: (H, W, 3) display-referred sRGB over the background; may exceed 1 where colours do.
        alpha: (H, W) in [0, 1].
        depth: (H, W) mean z of what is seen, weighed by its share, in scene units; infinite where nothing is.
        first_hit: (H, W) z at which half of the light is stopped; infinite where it never is.
    """

    rgb: Floats
    alpha: Floats
    depth: Floats
    first_hit: Floats


def rasterize(
    gaussians: Gaussians, camera: Camera, background: ArrayLike = (0.0, 0.0, 0.0), near: float = 0.01
) -> Splat:
    """Render Gaussians on the CPU.

    Args:
        gaussians: N, possibly none.
        camera: Without distortion.
        background: sRGB behind them.
        near: Gaussians with their centre nearer than this z (scene units) are left out.

    Raises:
        CameraError: If the camera has lens distortion.
    """
    if camera.distortion is not None:
        raise CameraError("Gaussians are splatted for ideal cameras; remove the lens distortion first.")
    width, height = round(camera.width), round(camera.height)
    intrinsics = np.array([camera.fx, camera.fy, camera.cx, camera.cy])
    projected = kernels.project(
        gaussians.means,
        gaussians.quaternions,
        gaussians.scales,
        gaussians.opacities,
        np.ascontiguousarray(camera.world_to_camera),
        intrinsics,
        width,
        height,
        near,
    )
    places, conics, extents, depths = projected
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
        np.asarray(background, dtype=np.float32),
        rgb,
        alpha,
        depth,
        first_hit,
    )
    depth[alpha == 0] = np.inf
    first_hit[first_hit == 0] = np.inf
    return Splat(rgb, alpha, depth, first_hit)


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
