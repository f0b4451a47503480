"""The coarse pass: where along its ray every pixel's surface may lie.

Planes are counted in pixels of disparity. Captures span from ten pixels between their near and far end to more than
five hundred; a fixed number of planes over that span would be pixels apart in the wide ones. A flat sweep at a third
of the resolution has planes one (small) pixel apart over the whole span, is matched and aggregated, and leaves every
pixel a smooth interval of disparity that holds what is still likely there, wide where several depths are. The full
sweep then places its planes inside that interval.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..camera import Camera
from ..progress import Progress, silent
from . import kernels
from .geometry import disparity_span, sweep_geometry
from .matching import aggregate, matching_cost
from .volume import Interval, Volume, sweep_volume

SCALE = 3  # the coarse pass runs at 1 / SCALE of the resolution
FEWEST_PLANES = 16
MOST_PLANES = 256
PLANES_AT_ONCE = 32  # of a large target fewer, but one for each thread
SAMPLES_AT_ONCE = 1_200_000  # of each source: one to two seconds' work for two cores
TEMPERATURE = 0.04  # of the likelihood: costs to log-probabilities
TAIL = 0.02  # probability left out at either end of an interval
MARGIN = 2.0  # coarse planes added at either end
REACH = 2  # coarse pixels over which neighbours' intervals are joined


@dataclass(frozen=True)
class Window:
    """A rectangle's top left pixel (x, y) inside a target of ``width`` x ``height`` pixels."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, eq=False)
class Coarse:
    """Result of the coarse pass.

    Args:
        costs: (K, h, w) aggregated costs of flat planes, far first.
        near, far: Depths of the last and the first plane.
        step: Distance of neighbouring planes in full-resolution pixels of the widest source.
    """

    costs: Tensor
    near: float
    far: float
    step: float

    @property
    def probabilities(self) -> Tensor:
        """(K, h, w) likelihood of every plane, summing to one at every pixel."""
        return torch.softmax(-self.costs / TEMPERATURE, dim=0)

    def interval(self, height: int, width: int) -> Interval:
        """Return the smooth interval (height, width) that holds what is likely at every pixel."""
        planes = self.costs.shape[0]
        cumulative = self.probabilities.cumsum(dim=0)
        first = (cumulative < TAIL).sum(dim=0).float() - MARGIN
        last = (cumulative < 1 - TAIL).sum(dim=0).float() + MARGIN
        low, high = _widened(-first, height, width).neg(), _widened(last, height, width)
        # Both ends keep the margin's width inside the range of depths.
        low = low.clamp(0, planes - 1 - 2 * MARGIN)
        high = torch.maximum(high.clamp(max=planes - 1), low + 2 * MARGIN)
        return Interval(self._disparity(low), self._disparity(high))

    def prior(self, interval: Interval, planes: int, window: Window | None = None) -> Tensor:
        """Return (planes, H, W) coarse costs at the planes of a full-resolution sweep, by trilinear interpolation.

        Args:
            interval: Of the sweep, (H, W).
            planes: Of the sweep.
            window: Where in the whole target the sweep lies; ``None``: it is the whole.
        """
        if window is None:
            window = Window(0, 0, interval.low.shape[1], interval.low.shape[0])
        scale_x, scale_y = self.costs.shape[2] / window.width, self.costs.shape[1] / window.height
        if self.costs.device.type != "cpu":
            return self._prior_torch(interval, planes, window.x, window.y, scale_x, scale_y)
        out = torch.empty((planes, *interval.low.shape))
        kernels.interpolate_costs(
            np.ascontiguousarray(self.costs.permute(1, 2, 0).numpy()),
            float(window.x),
            float(window.y),
            scale_x,
            scale_y,
            np.float32(1 / self.far),
            np.float32(1 / self.near),
            np.ascontiguousarray(interval.low.numpy()),
            np.ascontiguousarray(interval.high.numpy()),
            planes,
            out.numpy(),
        )
        return out

    def _prior_torch(
        self, interval: Interval, planes: int, left: int, top: int, scale_x: float, scale_y: float
    ) -> Tensor:
        """Do what :meth:`prior` does on any device."""
        disparities = interval.disparities(planes)
        height, width = interval.low.shape
        coarse_height, coarse_width = self.costs.shape[1:]
        depth = (disparities - 1 / self.far) / (1 / self.near - 1 / self.far) * 2 - 1
        x = (left + torch.arange(width, device=depth.device) + 0.5) * scale_x - 0.5
        y = (top + torch.arange(height, device=depth.device) + 0.5) * scale_y - 0.5
        x = x / max(coarse_width - 1, 1) * 2 - 1
        y = y / max(coarse_height - 1, 1) * 2 - 1
        grid = torch.stack([x.expand_as(depth), y[:, None].expand_as(depth), depth], dim=-1)
        # align_corners: -1 and 1 are the centres of the first and the last sample, on all three axes.
        return functional.grid_sample(
            self.costs[None, None], grid[None], mode="bilinear", padding_mode="border", align_corners=True
        )[0, 0]

    def _disparity(self, plane: Tensor) -> Tensor:
        planes = self.costs.shape[0]
        return 1 / self.far + plane / (planes - 1) * (1 / self.near - 1 / self.far)


def _widened(ends: Tensor, height: int, width: int) -> Tensor:
    """Return (h, w) upper ends joined with their neighbours', smoothed without falling below any, at full resolution.

    A mean over the reach of maxima over the reach is nowhere below the value it started from.
    """
    size = 2 * REACH + 1
    joined = functional.max_pool2d(ends[None, None], size, 1, REACH)
    padded = functional.pad(joined, (REACH,) * 4, mode="replicate")
    smooth = functional.avg_pool2d(padded, size, 1)
    return functional.interpolate(smooth, size=(height, width), mode="bilinear", align_corners=False)[0, 0]


def coarse_pass(
    target: Camera,
    sources: Sequence[Camera],
    images: Sequence[Tensor],
    near: float,
    far: float,
    cost: Callable[[Volume], Tensor] = matching_cost,
    presence: Tensor | None = None,
    progress: Progress = silent,
) -> Coarse:
    """Match the sources at a third of the resolution.

    Args:
        target: Camera of the full-resolution target.
        sources, images: V cameras and their pictures (3, h, w) or (h, w, 3), full resolution.
        near, far: Depth range of the target's frustum.
        cost: How well the views of a volume agree at every sample, 0 for perfectly.
        presence: (V,) how much each source takes part, in [0, 1]; ``None``: all fully.
        progress: Told before and after the planes that are matched at once.
    """
    span = _widest_span(target, sources, near, far, presence)
    planes, done = _planes(span), 0
    parts: list[Tensor] = []
    for volume in coarse_volumes(target, sources, images, near, far, presence):
        progress(done / planes, "Matching")
        parts.append(cost(volume))
        done += len(parts[-1])
        progress(done / planes, "Matching")
    return Coarse(aggregate(torch.cat(parts)), near, far, span / (planes - 1))


def coarse_volumes(
    target: Camera,
    sources: Sequence[Camera],
    images: Sequence[Tensor],
    near: float,
    far: float,
    presence: Tensor | None = None,
) -> Iterator[Volume]:
    """Sweep the flat planes of the coarse pass, far first; see :func:`coarse_pass`.

    A part of the planes at a time: of a large target, the volume of all would be gigabytes.
    """
    planes = _planes(_widest_span(target, sources, near, far, presence))
    small_target = target.resized(max(1, round(target.width / SCALE)), max(1, round(target.height / SCALE)))
    small_sources, small_images = [], []
    for source, image in zip(sources, images, strict=True):
        picture = image if image.shape[0] == 3 and image.shape[-1] != 3 else image.permute(2, 0, 1)
        size = (max(1, round(source.height / SCALE)), max(1, round(source.width / SCALE)))
        small_images.append(functional.interpolate(picture[None], size=size, mode="area")[0])
        small_sources.append(source.resized(size[1], size[0]))
    geometry = sweep_geometry(small_target, small_sources)
    disparities = torch.linspace(1 / far, 1 / near, planes, dtype=torch.float64).tolist()
    size = (small_target.height, small_target.width)
    at_once = min(max(SAMPLES_AT_ONCE // (size[0] * size[1]), torch.get_num_threads()), PLANES_AT_ONCE)
    for first in range(0, planes, at_once):
        part = disparities[first : first + at_once]
        interval = Interval.constant(*size, 1 / part[-1], 1 / part[0], images[0].device)
        yield sweep_volume(small_images, geometry, interval, len(part), presence=presence)


def _planes(span: float) -> int:
    """Return the number of planes for a span of so many pixels at full resolution."""
    return int(min(max(span / SCALE + 1, FEWEST_PLANES), MOST_PLANES))


def _widest_span(target: Camera, sources: Sequence[Camera], near: float, far: float, presence: Tensor | None) -> float:
    """Return the largest :func:`disparity_span`, or the mean of the largest whose presences make up one."""
    spans = np.array([disparity_span(target, source, near, far) for source in sources])
    if presence is None:
        return float(spans.max())
    order = np.argsort(-spans)
    shares = presence.cpu().double().numpy()[order]
    counted = np.diff(np.minimum(np.cumsum(shares), 1.0), prepend=0.0)
    return float(np.average(spans[order], weights=counted))
