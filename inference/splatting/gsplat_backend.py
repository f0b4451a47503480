"""Splatting on CUDA by gsplat (Ye et al., gsplat: An Open-Source Library for Gaussian Splatting, 2024), if it is built.

Our conventions are its classic mode's. It sorts by depths in single precision, so that Gaussians nearly equally far may
swap, and offers no first hit: that is found from its lists of Gaussians in torch.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..camera import Camera
from .kernels import BLUR
from .stopping import first_hit

TILE = 16  # pixels, gsplat's default


def import_compiled() -> None:
    """Import gsplat's compiled part.

    Raises:
        ImportError: If it is not there. To ask for it is the only safe way: without it, gsplat would build it by itself
            for many minutes at its first use.
    """
    from gsplat import csrc  # noqa: F401


def rasterization(
    means: Tensor,
    quaternions: Tensor,
    scales: Tensor,
    opacities: Tensor,
    colours: Tensor,
    intrinsics: Tensor,
    pose: Tensor,
    width: int,
    height: int,
    background: Tensor,
    near: float,
) -> tuple[Tensor, Tensor, Tensor, dict[str, Any]]:
    """Render with gradients; arguments as of :func:`.differentiable.splat`, N > 0, on CUDA.

    Returns:
        rgb (3, H, W), alpha (1, H, W), mean depth (1, H, W), 0 where nothing is, and gsplat's own notes.
    """
    from gsplat import rasterization as rasterize_by_gsplat

    fx, fy, cx, cy = intrinsics.tolist()
    matrix = torch.tensor([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], dtype=torch.float32, device=means.device)
    picture, alpha, notes = rasterize_by_gsplat(
        means,
        quaternions,
        scales,
        opacities,
        colours,
        pose[None],
        matrix[None],
        width,
        height,
        near_plane=near,
        eps2d=BLUR,
        packed=False,
        tile_size=TILE,
        backgrounds=background[None],
        render_mode="RGB+ED",
        rasterize_mode="classic",
    )
    channels = picture[0].permute(2, 0, 1)
    return channels[:3], alpha[0].permute(2, 0, 1), channels[3:], notes


@torch.no_grad()
def render(
    means: Tensor,
    quaternions: Tensor,
    scales: Tensor,
    opacities: Tensor,
    colours: Tensor,
    camera: Camera,
    background: Tensor,
    near: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Render N > 0 Gaussians; arguments and results as of :func:`.cuda.render`."""
    intrinsics = torch.tensor([camera.fx, camera.fy, camera.cx, camera.cy])
    pose = torch.tensor(camera.world_to_camera, dtype=torch.float32, device=means.device)
    size = camera.width, camera.height
    gaussians = (means, quaternions, scales, opacities, colours)
    rgb, alpha, depth, notes = rasterization(*gaussians, intrinsics, pose, *size, background, near)
    members = notes["flatten_ids"].long()
    starts = torch.cat([notes["isect_offsets"].flatten().long(), members.new_tensor([len(members)])])
    projected = (notes["means2d"][0], notes["conics"][0], opacities, notes["depths"][0])
    hit = first_hit(*projected, starts, members, *size, TILE)
    depth = torch.where(alpha > 0, depth, torch.inf)
    return rgb.permute(1, 2, 0).contiguous(), alpha[0], depth[0], hit
