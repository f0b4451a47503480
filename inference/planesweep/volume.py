"""The plane sweep volume: every source seen from the target at every plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from . import kernels
from .geometry import SweepGeometry

Masks = Sequence[Tensor | None]


@dataclass(frozen=True, eq=False)
class Interval:
    """The disparities a sweep covers at every pixel: ``low`` (far end) and ``high`` (near end), (H, W) float32."""

    low: Tensor
    high: Tensor

    @classmethod
    def constant(cls, height: int, width: int, near: float, far: float, device: torch.device) -> Interval:
        """Return the flat interval between two depths."""
        low = torch.full((height, width), 1.0 / far, device=device)
        return cls(low, torch.full_like(low, 1.0 / near))

    def disparities(self, planes: int) -> Tensor:
        """Return (D, H, W) disparities of evenly spaced planes, far first."""
        share = torch.linspace(0.0, 1.0, planes, device=self.low.device)[:, None, None]
        return self.low + share * (self.high - self.low)

    def crop(self, x: int, y: int, width: int, height: int) -> Interval:
        """Return the interval of a rectangle of pixels."""
        window = (slice(y, y + height), slice(x, x + width))
        return Interval(self.low[window], self.high[window])


@dataclass(frozen=True, eq=False)
class Volume:
    """What the sources show at every plane.

    Args:
        colours: (D, V, 3, H, W) sRGB; zero outside a source's picture.
        state: (D, V, H, W) uint8: ``kernels.OUTSIDE`` the picture, ``MASKED`` out, or ``SEEN``.
        disparities: (D, H, W).
        presence: (V,) in [0, 1], how much each source takes part (see :mod:`..selection`); ``None``: all fully.
    """

    colours: Tensor
    state: Tensor
    disparities: Tensor
    presence: Tensor | None = None

    @property
    def present(self) -> Tensor:
        """(V,) how much each source takes part."""
        views = self.colours.shape[1]
        return torch.ones(views, device=self.colours.device) if self.presence is None else self.presence


def sweep_volume(
    images: Sequence[Tensor],
    geometry: SweepGeometry,
    interval: Interval,
    planes: int,
    masks: Masks | None = None,
    presence: Tensor | None = None,
) -> Volume:
    """Sample ``planes`` planes of every source.

    Pixel centres lie at +0.5, samples are bilinear, zero outside (convention of the MPFER authors). On the CPU a numba
    kernel does it; elsewhere, and where gradients flow to the images, torch.

    Args:
        images: V pictures (3, h, w) or, contiguous and faster on the CPU, (h, w, 3); float32 on the interval's device.
        geometry: Projections into the V sources.
        interval: What to cover at every pixel.
        planes: Number of planes, far first.
        masks: V masks (h, w) in [0, 1] or ``None`` each; below one half is not the scene.
        presence: Of the volume.
    """
    numba = interval.low.device.type == "cpu" and not any(image.requires_grad for image in images)
    sweep = _sweep_numba if numba else sweep_volume_torch
    return replace(sweep(images, geometry, interval, planes, masks), presence=presence)


def _sweep_numba(
    images: Sequence[Tensor],
    geometry: SweepGeometry,
    interval: Interval,
    planes: int,
    masks: Masks | None = None,
) -> Volume:
    height, width = interval.low.shape
    colours = torch.empty((planes, len(images), 3, height, width))
    state = torch.empty((planes, len(images), height, width), dtype=torch.uint8)
    low, high = (np.ascontiguousarray(end.numpy(), dtype=np.float32) for end in (interval.low, interval.high))
    for view, image in enumerate(images):
        picture = np.ascontiguousarray(_channels_last(image).numpy(), dtype=np.float32)
        place = (geometry.matrices[view], geometry.offsets[view], low, high, planes, view)
        kernels.sweep(picture, *place, colours.numpy(), state.numpy())
        if masks is not None and (mask := masks[view]) is not None:
            kernels.mark_masked(np.ascontiguousarray(mask.numpy(), dtype=np.float32), *place, state.numpy())
    return Volume(colours, state, interval.disparities(planes))


def sweep_volume_torch(
    images: Sequence[Tensor],
    geometry: SweepGeometry,
    interval: Interval,
    planes: int,
    masks: Masks | None = None,
) -> Volume:
    """Do what :func:`sweep_volume` does by ``grid_sample``: any device, differentiable in the images."""
    device = interval.low.device
    disparities = interval.disparities(planes)
    height, width = interval.low.shape
    # Float64 until the pixel's share is fixed: large focal lengths would lose hundredths of a pixel. Apple's GPUs have
    # none.
    exact = torch.float32 if device.type == "mps" else torch.float64
    x = torch.arange(width, device=device, dtype=exact) + 0.5
    y = torch.arange(height, device=device, dtype=exact) + 0.5
    pixels = torch.stack(
        [x.expand(height, width), y[:, None].expand(height, width), torch.ones_like(x).expand(height, width)]
    )
    colours, states = [], []
    for view, image in enumerate(images):
        picture = _channels_last(image).permute(2, 0, 1)
        size = torch.tensor([picture.shape[2], picture.shape[1]], device=device, dtype=torch.float32)
        matrix = torch.from_numpy(geometry.matrices[view]).to(exact).to(device)
        offset = torch.from_numpy(geometry.offsets[view]).float().to(device)
        base = torch.einsum("ij,jhw->ihw", matrix, pixels).float()
        homogeneous = base[:, None] + offset[:, None, None, None] * disparities
        depth = homogeneous[2]
        position = homogeneous[:2] / depth.clamp_min(1e-9)
        position = position.permute(1, 2, 3, 0)
        inside = (depth > 1e-9) & (position >= 0).all(dim=-1) & (position <= size).all(dim=-1)
        grid = torch.where((depth > 1e-9)[..., None], position / size * 2 - 1, torch.full_like(position, -9.0))
        sampled = functional.grid_sample(
            picture[None].expand(planes, -1, -1, -1), grid, mode="bilinear", padding_mode="zeros", align_corners=False
        )
        colours.append(sampled)
        state = inside.to(torch.uint8) * kernels.SEEN
        if masks is not None and (mask := masks[view]) is not None:
            column = position[..., 0].long().clamp(0, mask.shape[1] - 1)
            row = position[..., 1].long().clamp(0, mask.shape[0] - 1)
            state[inside & (mask[row, column] < 0.5)] = kernels.MASKED
        states.append(state)
    return Volume(torch.stack(colours, dim=1), torch.stack(states, dim=1), disparities)


def _channels_last(image: Tensor) -> Tensor:
    """Return a picture as (h, w, 3), whichever of the two layouts it came in."""
    return image if image.shape[-1] == 3 and image.shape[0] != 3 else image.permute(1, 2, 0)
