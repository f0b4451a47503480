"""Classical matching: how well the sources agree at every plane.

Settings were chosen on real captures (docs/quality.md): normalised cross-correlation tells a true match from the chance
agreement of flat areas, which a colour difference alone prefers; the colour difference tells flat areas apart.
"""

from __future__ import annotations

from collections.abc import Sequence

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
BETTER = 2 / 3  # share of the pairs that counts
PARTS = 6  # of the sorted pairs, of which a network sees the means
CUES = 2 * PARTS + PARTS // 2 + 3


def view_pairs(views: int) -> list[tuple[int, int]]:
    """Return the pairs of views to compare: all among the eight nearest, and each further one with the two nearest."""
    return [(i, j) for i in range(views) for j in range(i + 1, views) if j < 8 or i < 2]


def matching_cost(volume: Volume) -> Tensor:
    """Return (D, H, W) costs, 0 for perfect agreement, about 1 for none.

    For each pair of views: ``(1 - MIXTURE) (1 - NCC) + MIXTURE min(mean |difference| / TRUNCATION, 2)`` over a window;
    1 where a sample lies outside a picture. The mean of the better two thirds of the pairs is taken, so that a view in
    which the point is hidden does not spoil the others; each pair counts as much as both of its views are present.
    Masks do not matter: what they exclude tells depths apart too.

    Raises:
        ValueError: For fewer than two views.
    """
    pairs, weights = _weighted_pairs(volume)
    if volume.colours.device.type != "cpu":
        return _matching_cost_torch(volume, pairs, weights)
    cost = torch.empty(volume.disparities.shape)
    matching_kernels.matching_cost(
        volume.colours.numpy(),
        volume.state.numpy(),
        np.array(pairs, dtype=np.int64),
        weights.numpy(),
        RADIUS,
        np.float32(BETTER),
        np.float32(NOISE),
        np.float32(TRUNCATION),
        np.float32(MIXTURE),
        cost.numpy(),
    )
    return cost


def _matching_cost_torch(volume: Volume, pairs: list[tuple[int, int]], weights: Tensor) -> Tensor:
    """Do what :func:`matching_cost` does on any device."""
    (decorrelation, difference), _ = _pair_terms(volume, pairs, RADIUS)
    values = (1 - MIXTURE) * decorrelation + MIXTURE * difference
    return _mean_between(values, weights.to(values.device), [(0.0, BETTER)])[0]


def matching_cues(volume: Volume) -> Tensor:
    """Return (D, CUES, H, W), what a network may judge a match by; the order and number of views do not matter.

    From the pairs of :func:`matching_cost`, sorted and cut into six parts of equal weight, from the best to the worst,
    the means of the parts: 6 values of 1 - NCC, 6 of the colour difference in truncations, 3 of 1 - NCC in the next
    smaller window (every other part; 1 where a sample is outside). Then the variance of grey in the window as
    0.5 log10(variance + 1e-5) + 1.5, the square root of its mean, and the share of pairs inside their pictures.

    Raises:
        ValueError: For fewer than two views.
    """
    pairs, weights = _weighted_pairs(volume)
    if volume.colours.device.type != "cpu":
        return _matching_cues_torch(volume)
    planes, _, _, height, width = volume.colours.shape
    cues = torch.empty((planes, CUES, height, width))
    matching_kernels.matching_cues(
        volume.colours.numpy(),
        volume.state.numpy(),
        volume.present.numpy(),
        np.array(pairs, dtype=np.int64),
        weights.numpy(),
        RADIUS,
        np.float32(NOISE),
        np.float32(TRUNCATION),
        PARTS,
        cues.numpy(),
    )
    return _scaled(cues)


def _matching_cues_torch(volume: Volume) -> Tensor:
    """Do what :func:`matching_cues` does on any device."""
    pairs, weights = _weighted_pairs(volume)
    weights = weights.to(volume.colours.device)
    cuts = [(part / PARTS, (part + 1) / PARTS) for part in range(PARTS)]
    terms, inside = _pair_terms(volume, pairs, RADIUS)
    narrow, _ = _pair_terms(volume, pairs, RADIUS - 1)
    grey = _grey(volume.colours)
    mean = _box_mean(grey, RADIUS)
    variance = (_box_mean(grey * grey, RADIUS) - mean * mean).clamp_min(0)
    parts = [
        _mean_between(terms[0], weights, cuts),
        _mean_between(terms[1], weights, cuts),
        _mean_between(narrow[0], weights, cuts[::2]),
    ]
    present = volume.present / volume.present.sum()
    parts += [torch.einsum("dvhw,v->dhw", level, present)[None] for level in (variance, mean)]
    parts += [torch.einsum("pdhw,p->dhw", inside.float(), weights / weights.sum())[None]]
    return _scaled(torch.cat(parts).transpose(0, 1).contiguous())


def _weighted_pairs(volume: Volume) -> tuple[list[tuple[int, int]], Tensor]:
    """Return the pairs of a volume's views, and (P,) how much each counts: as much as both views are present.

    Raises:
        ValueError: For fewer than two views.
    """
    pairs = view_pairs(volume.colours.shape[1])
    if not pairs:
        raise ValueError("matching needs two views")
    present = volume.present.cpu()
    return pairs, torch.stack([present[i] * present[j] for i, j in pairs])


def _scaled(cues: Tensor) -> Tensor:
    """Bring variance and brightness to the range of the other cues, in place."""
    cues[:, -3] = 0.5 * torch.log10(cues[:, -3] + 1e-5) + 1.5
    cues[:, -2] = cues[:, -2].clamp_min(0).sqrt()  # running sums may fall below zero by rounding
    return cues


def _mean_between(values: Tensor, weights: Tensor, cuts: Sequence[tuple[float, float]]) -> Tensor:
    """Return (len(cuts), ...) weighted means of the sorted ``values`` (P, ...) between shares of their whole weight."""
    ordered, order = values.sort(dim=0)
    ends = weights[order].cumsum(dim=0)
    starts = ends - weights[order]
    total = weights.sum()
    means = []
    for first, last in cuts:
        counted = (ends.clamp(max=last * total) - starts.clamp_min(first * total)).clamp_min(0)
        means.append((ordered * counted).sum(dim=0) / ((last - first) * total))
    return torch.stack(means)


def _pair_terms(volume: Volume, pairs: list[tuple[int, int]], radius: int) -> tuple[Tensor, Tensor]:
    """Return 1 - NCC and the colour difference of every pair (2, P, D, H, W), and whether it is inside (P, D, H, W)."""
    colours = volume.colours
    grey = _grey(colours)
    mean = _box_mean(grey, radius)
    variance = (_box_mean(grey * grey, radius) - mean * mean).clamp_min(0)
    terms, inside = [], []
    for i, j in pairs:
        covariance = _box_mean(grey[:, i] * grey[:, j], radius) - mean[:, i] * mean[:, j]
        correlation = covariance / ((variance[:, i] * variance[:, j]).sqrt() + NOISE)
        difference = _box_mean((colours[:, i] - colours[:, j]).abs().mean(dim=1), radius)
        both = (volume.state[:, i] != kernels.OUTSIDE) & (volume.state[:, j] != kernels.OUTSIDE)
        pair = torch.stack([1 - correlation, (difference / TRUNCATION).clamp_max(2)])
        terms.append(torch.where(both, pair, torch.ones_like(pair)))
        inside.append(both)
    return torch.stack(terms, dim=1), torch.stack(inside)


def _grey(colours: Tensor) -> Tensor:
    """Return (D, V, H, W) luma (ITU-R BT.601) of (D, V, 3, H, W)."""
    return torch.einsum("dvchw,c->dvhw", colours, colours.new_tensor([0.299, 0.587, 0.114]))


def _box_mean(values: Tensor, radius: int) -> Tensor:
    """Return the mean of (..., H, W) over (2 radius + 1)^2 windows, cut at the border."""
    flat = values.reshape(1, -1, *values.shape[-2:])
    return functional.avg_pool2d(flat, 2 * radius + 1, 1, radius, count_include_pad=False).view(values.shape)


def aggregate(cost: Tensor) -> Tensor:
    """Return semi-globally aggregated costs (D, H, W): the mean path cost of eight directions.

    Source: Hirschmueller, Stereo Processing by Semi-Global Matching and Mutual Information, PAMI 2008.
    """
    if cost.device.type != "cpu" or cost.requires_grad:
        return _aggregate_torch(cost)
    lines = np.ascontiguousarray(cost.permute(1, 2, 0).numpy())
    total = matching_kernels.aggregate(lines, np.float32(SMALL_STEP), np.float32(LARGE_STEP))
    return torch.from_numpy(total).permute(2, 0, 1).contiguous()


def _aggregate_torch(cost: Tensor) -> Tensor:
    """Do what :func:`aggregate` does on any device, differentiably."""
    sideways = cost.transpose(1, 2)
    upright = _paths(torch.stack([cost] * 3 + [cost.flip(1)] * 3), (-1, 0, 1) * 2)
    right, left = _paths(torch.stack([sideways, sideways.flip(1)]), (0, 0))
    total: Tensor = upright[:3].sum(dim=0) + upright[3:].sum(dim=0).flip(1) + (right + left.flip(1)).transpose(1, 2)
    return total / 8


def _paths(cost: Tensor, shifts: Sequence[int]) -> Tensor:
    """Return the path costs of (N, D, H, W) from the top down, the n-th moving ``shifts[n]`` columns a row."""
    previous = torch.zeros_like(cost[:, :, 0])
    rows = []
    for y in range(cost.shape[2]):
        previous = torch.stack([_moved(path, shift) for path, shift in zip(previous, shifts, strict=True)])
        least = previous.amin(dim=1, keepdim=True)
        nearer = functional.pad(previous[:, 1:] + SMALL_STEP, (0, 0, 0, 1), value=torch.inf)
        farther = functional.pad(previous[:, :-1] + SMALL_STEP, (0, 0, 1, 0), value=torch.inf)
        best = torch.minimum(torch.minimum(previous, least + LARGE_STEP), torch.minimum(nearer, farther))
        previous = cost[:, :, y] + best - least
        rows.append(previous)
    return torch.stack(rows, dim=2)


def _moved(path: Tensor, shift: int) -> Tensor:
    """Return (D, W) moved by ``shift`` columns; a path that comes from beside the picture begins at zero."""
    return functional.pad(path, (shift, -shift))
