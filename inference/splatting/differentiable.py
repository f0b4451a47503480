"""Splatting for training: pictures of Gaussians with gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from . import gradients, gsplat_backend, kernels
from .backends import gsplat_usable
from .projection import project

Floats = NDArray[np.float32]


def splat(
    means: Tensor,
    quaternions: Tensor,
    scales: Tensor,
    opacities: Tensor,
    colours: Tensor,
    intrinsics: Tensor,
    pose: Tensor,
    width: int,
    height: int,
    background: Tensor | None = None,
    near: float = 0.01,
) -> tuple[Tensor, Tensor, Tensor]:
    """Render Gaussians; differentiable by the first five arguments.

    Conventions are those of :func:`.rasterize.rasterize`. On CUDA by gsplat where it works, else on the CPU, where the
    same arguments give the same bits.

    Args:
        means: (N, 3) in scene units; float32 and on one device like all others. N may be 0.
        quaternions: (N, 4) wxyz, of any length but 0.
        scales: (N, 3) standard deviations in scene units.
        opacities: (N,) in [0, 1].
        colours: (N, 3) sRGB.
        intrinsics: (4,) fx, fy, cx, cy in pixels.
        pose: (4, 4) world to camera, OpenCV axes.
        width, height: Of the picture.
        background: (3,) sRGB; black if not given.
        near: Gaussians with their centre nearer than this z are left out.

    Returns:
        rgb (3, H, W), alpha (1, H, W) and mean depth (1, H, W), which is 0 where nothing is.
    """
    device = means.device
    if background is None:
        background = torch.zeros(3, device=device)
    view = (intrinsics, pose, width, height)
    if device.type == "cuda" and len(means) and gsplat_usable(device):
        gaussians = (means, quaternions, scales, opacities, colours)
        return gsplat_backend.rasterization(*gaussians, *view, background, near)[:3]
    projected = project(means, quaternions, scales, opacities, *view, near)
    arguments = (
        projected.places,
        projected.conics,
        opacities,
        colours,
        projected.depths,
        projected.extents,
        background,
    )
    rgb, alpha, depth = _Blend.apply(*(values.cpu() for values in arguments), width, height)  # type: ignore[no-untyped-call]
    return rgb.to(device), alpha.to(device), depth.to(device)


class _Blend(torch.autograd.Function):
    """Projected Gaussians to a picture, by the kernels of the CPU."""

    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
        places, conics, opacities, colours, depths, extents, background = (_array(values) for values in arguments[:7])
        width, height = arguments[7:]
        seen = np.flatnonzero(extents[:, 0] > 0)
        order = seen[np.argsort(depths[seen], kind="stable")]
        tiles = kernels.bin_tiles(places[order], extents[order], width, height)
        rgb = np.empty((height, width, 3), np.float32)
        alpha, depth, first_hit = (np.empty((height, width), np.float32) for _ in range(3))
        ordered = tuple(values[order] for values in (places, conics, opacities, colours, depths))
        kernels.blend_tiles(*(*tiles, *ordered, background, rgb, alpha, depth, first_hit))
        ctx.count, ctx.order, ctx.blended, ctx.made = len(places), order, (*tiles, *ordered), (rgb, alpha, depth)
        # Copies: what the backward pass needs must not change with what the caller gets.
        copies = (torch.tensor(values) for values in (rgb.transpose(2, 0, 1), alpha[None], depth[None]))
        return next(copies), next(copies), next(copies)

    @staticmethod
    def backward(ctx: Any, *by: Tensor) -> tuple[Tensor | None, ...]:
        by_rgb, by_alpha, by_depth = _array(by[0].permute(1, 2, 0)), _array(by[1][0]), _array(by[2][0])
        rgb, alpha, depth = ctx.made
        # The mean depth is the sum of depths over alpha.
        by_sum = np.divide(by_depth, alpha, out=np.zeros_like(alpha), where=alpha > 0)
        pull = np.concatenate([by_rgb, by_sum[..., None]], axis=2)
        total = (by_rgb * rgb).sum(axis=2) + by_depth * depth - (by_alpha - by_sum * depth) * (1 - alpha)
        members = ctx.blended[1]
        gains = gradients.blend_gradients(*(*ctx.blended, pull, total))
        sums = torch.from_numpy(gradients.gather(gains, members, ctx.order, ctx.count))
        return sums[:, :2], sums[:, 2:5], sums[:, 5], sums[:, 6:9], sums[:, 9], None, None, None, None


def _array(values: Tensor) -> Floats:
    return np.ascontiguousarray(values.detach().numpy(), dtype=np.float32)
