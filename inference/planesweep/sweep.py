"""A target's sweep: narrowed once for the whole picture, then swept tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ..camera import Camera
from ..progress import Progress, silent
from .draft import energy, filled
from .geometry import SweepGeometry, sweep_geometry
from .kernels import OUTSIDE
from .matching import matching_cost
from .narrowing import Coarse, Window, coarse_pass
from .volume import Interval, Masks, Volume, sweep_volume

ALIGNMENT = 4  # networks halve the picture twice
OVERLAP = 48  # pixels that neighbouring tiles share, so that a network's context at a seam is nearly the same
RIM = 8  # of them, those at a tile's border that do not count: windows and convolutions are cut off there


@dataclass(frozen=True, eq=False)
class SourceImages:
    """Sources on a device.

    Args:
        cameras: V cameras without distortion, nearest first.
        images: V pictures (h, w, 3), float32.
        masks: V masks (h, w) in [0, 1], ``None`` where everything counts.
        presence: (V,) in (0, 1], how much each takes part; ``None``: all fully.
    """

    cameras: Sequence[Camera]
    images: Sequence[Tensor]
    masks: Masks
    presence: Tensor | None = None


@dataclass(frozen=True)
class Tile:
    """A rectangle of the target."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, eq=False)
class Slab:
    """What the sweep of one tile gives to a method."""

    tile: Tile
    geometry: SweepGeometry
    interval: Interval
    volume: Volume
    energy: Tensor


class Sweep:
    """The sweep of one target.

    Args:
        target: Without distortion.
        sources: At least two.
        near, far: Depth range.
        planes: D of the fine sweep.
        views: V of the volume; sources are repeated up to it (without counting as evidence).
        cost: Of the coarse pass.
        progress: Told of the coarse pass.
    """

    def __init__(
        self,
        target: Camera,
        sources: SourceImages,
        near: float,
        far: float,
        planes: int,
        views: int | None = None,
        cost: Callable[[Volume], Tensor] = matching_cost,
        progress: Progress = silent,
    ) -> None:
        self.target, self.near, self.far, self.planes = target, near, far, planes
        self.coarse: Coarse = coarse_pass(
            target, sources.cameras, sources.images, near, far, cost, sources.presence, progress
        )
        count = max(views or 0, len(sources.cameras))
        self._cameras, self._images, self.view_weights = filled(
            target, sources.cameras, sources.images, count, sources.presence
        )
        self._presence = sources.presence
        if sources.presence is not None:
            self._presence = functional.pad(sources.presence, (0, count - len(sources.presence)), value=1.0)
        self._masks = [sources.masks[index % len(sources.masks)] for index in range(count)]
        width, height = (-(-side // ALIGNMENT) * ALIGNMENT for side in (target.width, target.height))
        self._interval = _padded(self.coarse.interval(target.height, target.width), width, height)
        self.size = (width, height)

    @property
    def pixels_per_disparity(self) -> float:
        """Pixels that a point moves in the widest source per unit of disparity."""
        return self.coarse.step * (self.coarse.costs.shape[0] - 1) / (1 / self.near - 1 / self.far)

    @property
    def plane_step(self) -> float:
        """Median distance of neighbouring planes in pixels of the widest source."""
        step = (self._interval.high - self._interval.low) / max(self.planes - 1, 1)
        return float(step.median()) * self.pixels_per_disparity

    def slabs(self, side: int, progress: Progress = silent) -> Iterator[Slab]:
        """Sweep the target in tiles of at most ``side`` pixels; one tile where it fits.

        ``progress`` hears of each tile when it begins and when it is sampled, which is a third of its way.
        """
        cut = tiles(*self.size, side)
        for index, tile in enumerate(cut):
            progress(index / len(cut), "Rendering")
            camera = self.target.crop(tile.x, tile.y, tile.width, tile.height)
            geometry = sweep_geometry(camera, self._cameras)
            interval = self._interval.crop(tile.x, tile.y, tile.width, tile.height)
            volume = sweep_volume(self._images, geometry, interval, self.planes, self._masks, self._presence)
            volume.state[:, self.view_weights == 0] = OUTSIDE
            progress((index + 0.3) / len(cut), "Rendering")
            window = Window(tile.x, tile.y, self.target.width, self.target.height)
            costs = energy(volume, self.coarse.prior(interval, self.planes, window))
            yield Slab(tile, geometry, interval, volume, costs)


def tiles(width: int, height: int, side: int) -> list[Tile]:
    """Cut a picture into overlapping tiles of at most ``side`` pixels, aligned to multiples of 4."""
    return [
        Tile(x, y, min(side, width), min(side, height)) for y in _starts(height, side) for x in _starts(width, side)
    ]


def _starts(length: int, side: int) -> list[int]:
    if length <= side:
        return [0]
    count = -(-(length - OVERLAP) // (side - OVERLAP))
    last = length - side
    return [round(last * index / (count - 1) / ALIGNMENT) * ALIGNMENT for index in range(count)]


def blend(parts: Iterator[tuple[Tile, Tensor]], width: int, height: int) -> Tensor:
    """Join overlapping tiles' (C, h, w) layers to (C, height, width), fading over what they share but the rims."""
    total: Tensor | None = None
    weights = torch.zeros(0)
    for tile, layers in parts:
        if total is None:
            total = torch.zeros((layers.shape[0], height, width), device=layers.device)
            weights = torch.zeros((height, width), device=layers.device)
        fade_x = _fade(tile.x, tile.width, width).to(layers.device)
        fade = _fade(tile.y, tile.height, height).to(layers.device)[:, None] * fade_x
        window = (slice(tile.y, tile.y + tile.height), slice(tile.x, tile.x + tile.width))
        total[:, window[0], window[1]] += layers * fade
        weights[window] += fade
    if total is None:
        raise ValueError("no tiles to blend")
    return total / weights


def _fade(start: int, size: int, length: int) -> Tensor:
    ramp = ((torch.arange(size) + 0.5 - RIM) / (OVERLAP - 2 * RIM)).clamp_min(0.0)
    fade = torch.ones(size)
    if start > 0:
        fade = torch.minimum(fade, ramp)
    if start + size < length:
        fade = torch.minimum(fade, ramp.flip(0))
    return fade


def _padded(interval: Interval, width: int, height: int) -> Interval:
    """Extend an interval to the right and downwards by its last values."""
    old_height, old_width = interval.low.shape
    rows = torch.arange(height, device=interval.low.device).clamp(max=old_height - 1)
    columns = torch.arange(width, device=interval.low.device).clamp(max=old_width - 1)
    return Interval(interval.low[rows][:, columns].contiguous(), interval.high[rows][:, columns].contiguous())
