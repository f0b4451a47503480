"""Perspective projection of Gaussians in torch: any precision, any device, differentiable."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from .kernels import BLUR, LEAST, MARGIN


@dataclass(frozen=True, eq=False)
class Projected:
    """Gaussians in the picture.

    Args:
        places: (N, 2) centres in pixels, pixel edges at 0..W.
        conics: (N, 3) inverse covariances as xx, xy, yy.
        depths: (N,) z of the centres.
        extents: (N, 2) half width and height of where they contribute at all; 0 where that is outside the picture.
    """

    places: Tensor
    conics: Tensor
    depths: Tensor
    extents: Tensor


def project(
    means: Tensor,
    quaternions: Tensor,
    scales: Tensor,
    opacities: Tensor,
    intrinsics: Tensor,
    pose: Tensor,
    width: int,
    height: int,
    near: float,
) -> Projected:
    """Project Gaussians with the conventions of :mod:`.rasterize`.

    Args:
        means, quaternions, scales, opacities: (N, 3), (N, 4) wxyz of any length, (N, 3), (N,).
        intrinsics: (4,) fx, fy, cx, cy in pixels.
        pose: (4, 4) world to camera.
        width, height: Of the picture.
        near: Gaussians with their centre nearer than this z contribute nowhere.
    """
    fx, fy, cx, cy = (float(value) for value in intrinsics)
    x, y, z = (means @ pose[:3, :3].T + pose[:3, 3]).unbind(-1)
    in_front = z >= near
    # Nothing behind the camera may bring an infinity into the gradients.
    safe = torch.where(in_front, z, 1)
    reach_x, reach_y = MARGIN * 0.5 * width / fx, MARGIN * 0.5 * height / fy
    slope_x = (x / safe).clamp(-cx / fx - reach_x, (width - cx) / fx + reach_x)
    slope_y = (y / safe).clamp(-cy / fy - reach_y, (height - cy) / fy + reach_y)
    # Columns: the axes of the Gaussian, one standard deviation long, in the camera's coordinates.
    axes = (pose[:3, :3] @ _rotations(quaternions)) * scales[:, None, :]
    u = (fx / safe)[:, None] * (axes[:, 0] - slope_x[:, None] * axes[:, 2])
    v = (fy / safe)[:, None] * (axes[:, 1] - slope_y[:, None] * axes[:, 2])
    xx, xy, yy = (u * u).sum(-1) + BLUR, (u * v).sum(-1), (v * v).sum(-1) + BLUR
    determinant = xx * yy - xy * xy
    valid = in_front & (determinant > 0)
    places = torch.stack([fx * x / safe + cx, fy * y / safe + cy], dim=-1)
    conics = torch.stack([yy, -xy, xx], dim=-1) / torch.where(valid, determinant, 1)[:, None]
    with torch.no_grad():
        reach = (2 * (opacities / LEAST).log()).clamp_min(0)
        extents = (reach[:, None] * torch.stack([xx, yy], dim=-1)).sqrt()
        size = torch.tensor([width, height], device=means.device)
        inside = ((places + extents > 0) & (places - extents < size)).all(-1)
        seen = valid & inside & (opacities >= LEAST)
        # Never 0 for what counts.
        extents = torch.where(seen[:, None], extents + 1e-3, 0)
    return Projected(places, conics, z, extents)


def _rotations(quaternions: Tensor) -> Tensor:
    """Return rotation matrices (N, 3, 3) of quaternions (N, 4) wxyz."""
    w, x, y, z = functional.normalize(quaternions, dim=-1).unbind(-1)
    rows = [
        *(1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        *(2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        *(2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    ]
    return torch.stack(rows, dim=-1).view(-1, 3, 3)
