"""Splatting in plain torch, every pixel by every Gaussian: slow, but right to read and differentiable throughout."""

from __future__ import annotations

import torch
from torch import Tensor

from .kernels import CLOSED, LEAST, MOST
from .projection import project


def splat_reference(
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
    near: float = 0.01,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Render Gaussians as :func:`.differentiable.splat` does, in the precision and on the device of its arguments.

    Memory grows with N * H * W: for small clouds and pictures.

    Args:
        colours: (N, 3) sRGB; see :func:`seen_colours` for spherical harmonics.

    Returns:
        rgb (3, H, W), alpha (1, H, W), mean depth (1, H, W), 0 where nothing is, and first hit (1, H, W): the depth at
        which half of the light is stopped, 0 where it never is.
    """
    projected = project(means, quaternions, scales, opacities, intrinsics, pose, width, height, near)
    seen = (projected.extents[:, 0] > 0).nonzero()[:, 0]
    # In the single precision that every back end sorts by, ties in the order of the cloud.
    order = seen[projected.depths[seen].float().sort(stable=True).indices]
    places, conics, depths = projected.places[order], projected.conics[order], projected.depths[order]
    rows = torch.arange(height, device=means.device)[:, None] + 0.5
    columns = torch.arange(width, device=means.device) + 0.5
    dx, dy = columns - places[:, 0, None, None], rows - places[:, 1, None, None]
    a, b, c = (values[:, None, None] for values in conics.unbind(-1))
    power = (a * dx * dx + c * dy * dy) / 2 + b * dx * dy
    share = (opacities[order, None, None] * (-power).exp()).clamp_max(MOST)
    share = share * (share >= LEAST)
    after = (1 - share).cumprod(0)
    # A pixel is closed by the first that would leave too little light, and that one does not count either.
    is_open = after > CLOSED
    before = torch.cat([torch.ones_like(after[:1]), after[:-1]])
    weights = before * share * is_open
    left = (1 - share * is_open).prod(0)[None]
    alpha = 1 - left
    rgb = torch.einsum("nhw,nc->chw", weights, colours[order]) + left * background[:, None, None]
    depth = torch.einsum("nhw,n->hw", weights, depths)[None] / torch.where(alpha > 0, alpha, 1)
    stopped = (after < 0.5) & is_open
    nearest = stopped.to(share.dtype).cumsum(0).eq(1) & stopped
    return rgb, alpha, depth, (nearest * depths[:, None, None]).sum(0)[None]
