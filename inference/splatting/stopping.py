"""Where half of the light is stopped, from lists of Gaussians per tile, in torch."""

from __future__ import annotations

import torch
from torch import Tensor

from .kernels import LEAST, MOST

STEP = 8  # Gaussians of a tile at once: many are wasted behind the surface, few cost more launches


def first_hit(
    places: Tensor,
    conics: Tensor,
    opacities: Tensor,
    depths: Tensor,
    starts: Tensor,
    members: Tensor,
    width: int,
    height: int,
    tile: int,
) -> Tensor:
    """Return the depth (H, W) at which transmittance falls below a half; infinite where it does not.

    No pixel closes before that (:mod:`.rasterize`): from a half or more, a single Gaussian leaves 5e-4 at least.

    Args:
        places, conics, opacities, depths: (N, 2), (N, 3), (N,), (N,) of the projected Gaussians.
        starts, members: Tile t, row by row, has the Gaussians ``members[starts[t] : starts[t + 1]]``, nearest first.
        width, height: Of the picture.
        tile: Side of a tile in pixels.
    """
    columns, rows = -(-width // tile), -(-height // tile)
    device = places.device
    inner = torch.arange(tile * tile, device=device)
    index = torch.arange(columns * rows, device=device)[:, None]
    x, y = index % columns * tile + inner % tile, index // columns * tile + inner // tile
    # (tiles, pixels): pixels beyond the picture are done from the start.
    light = ((x < width) & (y < height)).to(places.dtype)
    hit = torch.full_like(light, torch.inf)
    position, ends = starts[:-1].clone(), starts[1:]
    active = (position < ends).nonzero()[:, 0]
    while len(active):
        listed = position[active, None] + torch.arange(STEP, device=device)
        n = members[listed.clamp_max(len(members) - 1)]
        dx, dy = (x[active, :, None] + 0.5) - places[n, 0][:, None], (y[active, :, None] + 0.5) - places[n, 1][:, None]
        a, b, c = (values[:, None] for values in conics[n].unbind(-1))
        power = (a * dx * dx + c * dy * dy) / 2 + b * dx * dy
        share = (opacities[n][:, None] * (-power).exp()).clamp_max(MOST)
        share = share * ((share >= LEAST) & (power >= 0) & (listed < ends[active, None])[:, None])
        after = light[active, :, None] * (1 - share).cumprod(-1)
        stopped = (light[active] >= 0.5) & (after[..., -1] < 0.5)
        nearest = (after < 0.5).to(torch.uint8).argmax(-1)
        hit[active] = torch.where(stopped, depths[n].gather(1, nearest), hit[active])
        light[active] = after[..., -1]
        position[active] += STEP
        active = active[(light[active] >= 0.5).any(-1) & (position[active] < ends[active])]
    whole = hit.view(rows, columns, tile, tile).transpose(1, 2).reshape(rows * tile, columns * tile)
    return whole[:height, :width].contiguous()
