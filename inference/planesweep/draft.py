"""The classical draft: a picture by weighing planes and views, without learned weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..camera import Camera
from . import kernels, matching_kernels
from .volume import Volume

PRIOR_WEIGHT = 10.0  # of the coarse pass's costs in the energy
VARIANCE_WEIGHT = 100.0  # of the variance of colour between views
AGREEMENT = 0.02  # squared colour difference at which a view loses most of its weight
ROUNDS = 2  # of reweighting views by their agreement


WINDOW_RADIUS = 2  # of the variance of colour
MISMATCH = 0.02  # variance assumed where fewer than two views see a plane


def colour_variance(volume: Volume) -> Tensor:
    """Return (D, H, W): variance of colour over the views that see the plane, in a 5x5 window cut at the border.

    Where fewer than two views see it, the value is that of a clear mismatch; in between, where a second one is not
    fully present.
    """
    if volume.colours.device.type != "cpu":
        return _colour_variance_torch(volume)
    out = torch.empty(volume.disparities.shape)
    matching_kernels.colour_variance(
        volume.colours.numpy(),
        volume.state.numpy(),
        volume.present.numpy(),
        WINDOW_RADIUS,
        np.float32(MISMATCH),
        out.numpy(),
    )
    return out


def _colour_variance_torch(volume: Volume) -> Tensor:
    """Do what :func:`colour_variance` does on any device."""
    weights = (volume.state != kernels.OUTSIDE)[:, :, None] * volume.present[:, None, None, None]
    total = weights.sum(dim=1, keepdim=True)
    mean = (volume.colours * weights).sum(dim=1, keepdim=True) / total.clamp_min(1e-6)
    variance = ((volume.colours - mean).square_() * weights).sum(dim=1).mean(dim=1) / total[:, 0, 0].clamp_min(1e-6)
    second = (total[:, 0, 0] - weights.amax(dim=1)[:, 0]).clamp(0, 1)
    variance = torch.lerp(torch.full_like(variance, MISMATCH), variance, second)
    return functional.avg_pool2d(variance[None], 2 * WINDOW_RADIUS + 1, 1, WINDOW_RADIUS, count_include_pad=False)[0]


def energy(volume: Volume, prior: Tensor) -> Tensor:
    """Return (D, H, W), minus the log-likelihood of every plane: the coarse pass's cost and the colours' variance."""
    return PRIOR_WEIGHT * prior + VARIANCE_WEIGHT * colour_variance(volume)


def nearness(target: Camera, sources: Sequence[Camera], presence: Tensor | None = None) -> Tensor:
    """Return (V,) weights of the sources by the distance of their centres, the nearest 1, times their presence.

    A fraction of the mean distance is added to each, so that a source at the target's very place does not silence the
    others: its calibration is no more certain than theirs.
    """
    distances = np.array([float(np.linalg.norm(source.centre - target.centre)) for source in sources])
    present = np.ones(len(sources)) if presence is None else presence.cpu().double().numpy()
    weights = (distances + 0.3 * np.average(distances, weights=present) + 1e-9) ** -2.0
    return torch.as_tensor(present * weights / weights.max(), dtype=torch.float32)


def filled(
    target: Camera,
    sources: Sequence[Camera],
    images: Sequence[Tensor],
    count: int,
    presence: Tensor | None = None,
) -> tuple[list[Camera], list[Tensor], Tensor]:
    """Fill up to ``count`` views by repeating them.

    Returns:
        Cameras, pictures, and (count,) weights by :func:`nearness` with zero for the repeated ones, which must be
        marked invalid in the volume: they fill a network's inputs but are no evidence.
    """
    weights = torch.zeros(count, device=images[0].device)
    weights[: len(sources)] = nearness(target, sources, presence).to(weights.device)
    order = [index % len(sources) for index in range(count)]
    return [sources[index] for index in order], [images[index] for index in order], weights


@dataclass(frozen=True, eq=False)
class Draft:
    """What attention over planes makes of a volume.

    Args:
        views: (V, 3, H, W) each source's colour, averaged over the planes by attention.
        weights: (V, H, W) share of each source, summing to one where any sees the point, else zero.
        rgb: (3, H, W) the weighted mean.
        seen: (H, W) in [0, 1]: share of the views, by weight, that show the scene here: in the picture and not masked.
        covered: (H, W) in [0, 1]: attention on samples inside any picture, masked or not, as far as it is present.
        disparity: (H, W) mean disparity under attention.
        confidence: (H, W) in [0, 1]: attention within two planes of its own mean.
    """

    views: Tensor
    weights: Tensor
    rgb: Tensor
    seen: Tensor
    covered: Tensor
    disparity: Tensor
    confidence: Tensor


def attend(volume: Volume, attention: Tensor, view_weights: Tensor) -> Draft:
    """Average a volume over planes, then over views by nearness and agreement.

    Args:
        volume: D planes of V views.
        attention: (D, H, W) summing to one over the planes.
        view_weights: (V,) from :func:`nearness`; zero for a view that must not count.
    """
    views, inside, seen = _average_planes(volume, attention)
    views = (views / inside[:, None].clamp_min(1e-3)).clamp(0, 1)
    # A view masked here loses its say where most views show the scene (a passer-by masked out). Where most are masked,
    # all count alike: that is the backdrop of a cut-out, transparent but coloured right, so that no fringe appears.
    near = view_weights[:, None, None] * inside
    share = (view_weights[:, None, None] * seen).sum(dim=0) / near.sum(dim=0).clamp_min(1e-9)
    belongs = ((share - 0.4) / 0.2).clamp(0, 1)
    near = near * (1 - belongs) + view_weights[:, None, None] * (seen + 1e-3 * inside) * belongs
    with torch.no_grad():
        weights = _shares(near)
        for _ in range(ROUNDS):
            mean = (weights[:, None] * views).sum(dim=0)
            difference = (views - mean).square().mean(dim=1)
            weights = _shares(near * (torch.exp(-difference / AGREEMENT) + 1e-6))
    planes = attention.shape[0]
    covered = _of_one(inside, volume.present).clamp(0, 1)
    index = torch.arange(planes, device=attention.device, dtype=attention.dtype)[:, None, None]
    middle = (attention * index).sum(dim=0)
    confidence = (attention * ((index - middle).abs() <= 2.0)).sum(dim=0)
    return Draft(
        views=views,
        weights=weights,
        rgb=(weights[:, None] * views).sum(dim=0),
        seen=((weights * seen / inside.clamp_min(1e-3)).sum(dim=0) * covered).clamp(0, 1),
        covered=covered,
        disparity=(attention * volume.disparities).sum(dim=0),
        confidence=confidence,
    )


def _average_planes(volume: Volume, attention: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the views' colours (V, 3, H, W), and the attention (V, H, W) on samples in the picture and on unmasked."""
    if attention.device.type != "cpu" or attention.requires_grad:
        inside, seen = (
            torch.einsum("dhw,dvhw->vhw", attention, chosen.to(attention.dtype))
            for chosen in (volume.state != kernels.OUTSIDE, volume.state == kernels.SEEN)
        )
        return torch.einsum("dhw,dvchw->vchw", attention, volume.colours), inside, seen
    views = torch.empty(volume.colours.shape[1:])
    inside, seen = torch.empty(volume.state.shape[1:]), torch.empty(volume.state.shape[1:])
    kernels.average_planes(
        volume.colours.numpy(),
        volume.state.numpy(),
        attention.contiguous().numpy(),
        views.numpy(),
        inside.numpy(),
        seen.numpy(),
    )
    return views, inside, seen


def _of_one(values: Tensor, presence: Tensor) -> Tensor:
    """Return the largest of (V, H, W); where it is not fully present, the mean of the largest that make up one."""
    largest, order = values.sort(dim=0, descending=True)
    total = presence[order].cumsum(dim=0).clamp(max=1)
    return (largest * total.diff(dim=0, prepend=torch.zeros_like(total[:1]))).sum(dim=0)


def _shares(weights: Tensor) -> Tensor:
    """Return ``weights`` (V, H, W) scaled to sum to one; zero where all are."""
    return weights / weights.sum(dim=0, keepdim=True).clamp_min(1e-12)
