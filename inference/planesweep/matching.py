"""Classical matching: how well the sources agree at every plane.

Settings were chosen on real captures (docs/quality.md): normalised cross-correlation tells a true match from the chance
agreement of flat areas, which a colour difference alone prefers; the colour difference tells flat areas apart.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from . import kernels, matching_kernels
from .volume import Volume

RADIUS = 2  # of the matching window, in pixels of the volume
NOISE = 1e-4  # variance of grey values below which a window counts as flat
TRUNCATION = 0.15  # mean colour difference that counts as one unit of cost
MIXTURE = 0.35  # share of the colour difference, the rest is correlation
SMALL_STEP = 0.1  # penalty of a change by one plane between neighbours
LARGE_STEP = 0.8  # penalty of a larger one


def view_pairs(views: int) -> list[tuple[int, int]]:
    """Return the pairs of views to compare: all among the four nearest, and each further one with the two nearest."""
    return [(i, j) for i in range(views) for j in range(i + 1, views) if j < 4 or i < 2]


def matching_cost(volume: Volume) -> Tensor:
    """Return (D, H, W) costs, 0 for perfect agreement, about 1 for none.

    For each pair of views: ``(1 - MIXTURE) (1 - NCC) + MIXTURE min(mean |difference| / TRUNCATION, 2)`` over a window;
    1 where a sample lies outside a picture. The mean of the better two thirds of the pairs is taken, so that a view in
    which the point is hidden does not spoil the others. Masks do not matter: what they exclude tells depths apart too.

    Raises:
        ValueError: For fewer than two views.
    """
    pairs = view_pairs(volume.colours.shape[1])
    if not pairs:
        raise ValueError("matching needs two views")
    best = -(-2 * len(pairs) // 3)
    if volume.colours.device.type != "cpu":
        return _matching_cost_torch(volume, pairs, best)
    cost = torch.empty(volume.disparities.shape)
    matching_kernels.matching_cost(
        volume.colours.numpy(),
        volume.state.numpy(),
        np.array(pairs, dtype=np.int64),
        RADIUS,
        best,
        np.float32(NOISE),
        np.float32(TRUNCATION),
        np.float32(MIXTURE),
        cost.numpy(),
    )
    return cost


def _matching_cost_torch(volume: Volume, pairs: list[tuple[int, int]], best: int) -> Tensor:
    """Do what :func:`matching_cost` does on any device."""
    colours = volume.colours
    weights = colours.new_tensor([0.299, 0.587, 0.114])
    grey = torch.einsum("dvchw,c->dvhw", colours, weights)
    mean = _box_mean(grey)
    deviation = (_box_mean(grey * grey) - mean * mean).clamp_min(0)
    costs = []
    for i, j in pairs:
        covariance = _box_mean(grey[:, i] * grey[:, j]) - mean[:, i] * mean[:, j]
        correlation = covariance / ((deviation[:, i] * deviation[:, j]).sqrt() + NOISE)
        difference = _box_mean((colours[:, i] - colours[:, j]).abs().mean(dim=1))
        value = (1 - MIXTURE) * (1 - correlation) + MIXTURE * (difference / TRUNCATION).clamp_max(2)
        inside = (volume.state[:, i] != kernels.OUTSIDE) & (volume.state[:, j] != kernels.OUTSIDE)
        costs.append(torch.where(inside, value, torch.ones_like(value)))
    return torch.stack(costs).sort(dim=0).values[:best].mean(dim=0)


def _box_mean(values: Tensor) -> Tensor:
    """Return the mean of (..., H, W) over the matching window, cut at the border."""
    flat = values.reshape(1, -1, *values.shape[-2:])
    return functional.avg_pool2d(flat, 2 * RADIUS + 1, 1, RADIUS, count_include_pad=False).view(values.shape)


def aggregate(cost: Tensor) -> Tensor:
    """Return semi-globally aggregated costs (D, H, W): the mean path cost of eight directions.

    Source: Hirschmueller, Stereo Processing by Semi-Global Matching and Mutual Information, PAMI 2008.
    """
    if cost.device.type != "cpu":
        return _aggregate_torch(cost)
    lines = np.ascontiguousarray(cost.permute(1, 2, 0).numpy())
    total = matching_kernels.aggregate(lines, np.float32(SMALL_STEP), np.float32(LARGE_STEP))
    return torch.from_numpy(total).permute(2, 0, 1).contiguous()


def _aggregate_torch(cost: Tensor) -> Tensor:
    """Do what :func:`aggregate` does on any device."""
    total = torch.zeros_like(cost)
    for shift in (-1, 0, 1):
        total += _aggregate_down(cost, shift) + _aggregate_down(cost.flip(1), shift).flip(1)
    sideways = cost.transpose(1, 2)
    across = _aggregate_down(sideways, 0) + _aggregate_down(sideways.flip(1), 0).flip(1)
    return (total + across.transpose(1, 2)) / 8


def _aggregate_down(cost: Tensor, shift: int) -> Tensor:
    """Return the path costs of (D, H, W) from the top down, moving ``shift`` columns a row."""
    paths = torch.empty_like(cost)
    previous = torch.zeros_like(cost[:, 0])
    for y in range(cost.shape[1]):
        if shift and y:
            previous = previous.roll(shift, dims=1)
            previous[:, 0 if shift == 1 else -1] = 0.0
        least = previous.amin(dim=0)
        best = torch.minimum(previous, least + LARGE_STEP)
        best[1:] = torch.minimum(best[1:], previous[:-1] + SMALL_STEP)
        best[:-1] = torch.minimum(best[:-1], previous[1:] + SMALL_STEP)
        previous = cost[:, y] + best - least
        paths[:, y] = previous
    return paths
