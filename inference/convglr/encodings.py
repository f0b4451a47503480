"""Positional and angular encodings of a sweep (their form is ours: the paper gives none)."""

from __future__ import annotations

import torch

from ..planesweep.geometry import SweepGeometry
from ..planesweep.volume import Interval
from .network import Encodings


def encode(geometry: SweepGeometry, interval: Interval, groups: int, pixels_per_disparity: float, planes: int) -> Encodings:
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
    inverse = torch.as_tensor(geometry.ray_matrix, device=device)
    x = (torch.arange(width, device=device) + 0.5) * inverse[0, 0] + inverse[0, 2]
    y = (torch.arange(height, device=device) + 0.5) * inverse[1, 1] + inverse[1, 2]
    rays = torch.stack([x.expand(height, width), y[:, None].expand(height, width), torch.ones_like(x).expand(height, width)])
    rays = rays.float()
    middle = (torch.arange(groups, device=device) + 0.5)[:, None, None] / groups
    disparities = interval.low + middle * (interval.high - interval.low)
    # The source sees the point (ray / disparity) along ray / disparity - centre; scaled by the disparity it stays finite.
    centres = torch.as_tensor(geometry.directions, device=device).float()
    towards = rays - centres[:, None, :, None, None] * disparities[None, :, None]
    cross = torch.linalg.cross(towards, rays.expand_as(towards), dim=2).norm(dim=2)
    dot = (towards * rays).sum(dim=2)
    angles = torch.atan2(cross, dot).transpose(0, 1)
    steps = (interval.high - interval.low) / (planes - 1) * pixels_per_disparity
    return Encodings(rays[:2], angles, steps)
