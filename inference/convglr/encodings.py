"""Positional and angular encodings of a sweep (their form is ours: the paper gives none)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..planesweep import kernels
from ..planesweep.geometry import SweepGeometry
from ..planesweep.volume import Interval
from .network import Encodings


def encode(
    geometry: SweepGeometry, interval: Interval, groups: int, pixels_per_disparity: float, planes: int
) -> Encodings:
    """Return the encodings of a sweep.

    Args:
        geometry: Of the target and its V sources.
        interval: Disparities of the sweep, (H, W).
        groups: D / G slices.
        pixels_per_disparity: Pixels a point moves in the widest source per unit of disparity.
        planes: D.
    """
    device = interval.low.device
    height, width = interval.low.shape
    inverse = geometry.ray_matrix
    x = ((torch.arange(width) + 0.5) * inverse[0, 0] + inverse[0, 2]).float().to(device)
    y = ((torch.arange(height) + 0.5) * inverse[1, 1] + inverse[1, 2]).float().to(device)
    steps = (interval.high - interval.low) / (planes - 1) * pixels_per_disparity
    rays = torch.stack([x.expand(height, width), y[:, None].expand(height, width)])
    return Encodings(rays, _angles(geometry, interval, groups, x, y), steps)


def _angles(geometry: SweepGeometry, interval: Interval, groups: int, x: Tensor, y: Tensor) -> Tensor:
    """Return (groups, V, H, W) angles between the target's rays, of slopes ``x`` and ``y``, and the sources'."""
    if interval.low.device.type != "cpu":
        return _angles_torch(geometry, interval, groups, x, y)
    out = torch.empty((groups, len(geometry.directions), *interval.low.shape))
    low, high = (np.ascontiguousarray(end.numpy()) for end in (interval.low, interval.high))
    kernels.ray_angles(x.numpy(), y.numpy(), geometry.directions, low, high, out.numpy())
    return out


def _angles_torch(geometry: SweepGeometry, interval: Interval, groups: int, x: Tensor, y: Tensor) -> Tensor:
    """Do what :func:`_angles` does on any device."""
    shape = interval.low.shape
    rays = torch.stack([x.expand(shape), y[:, None].expand(shape), torch.ones_like(interval.low)])
    middle = (torch.arange(groups, device=x.device) + 0.5)[:, None, None] / groups
    disparities = interval.low + middle * (interval.high - interval.low)
    # The source sees the point (ray / disparity) along ray / disparity - centre; scaled by the disparity it stays
    # finite.
    centres = torch.from_numpy(geometry.directions).float().to(x.device)
    towards = rays - centres[:, None, :, None, None] * disparities[None, :, None]
    cross = torch.linalg.cross(towards, rays.expand_as(towards), dim=2).norm(dim=2)
    return torch.atan2(cross, (towards * rays).sum(dim=2)).transpose(0, 1)
