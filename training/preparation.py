"""From a synthetic sample to what the network reads, with the sweeps a real capture would give and worse ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from inference.convglr.encodings import encode
from inference.convglr.network import Encodings, NetworkConfig
from inference.planesweep.draft import energy, filled
from inference.planesweep.geometry import sweep_geometry
from inference.planesweep.kernels import OUTSIDE
from inference.planesweep.matching import matching_cost
from inference.planesweep.narrowing import Coarse, coarse_pass
from inference.planesweep.volume import Interval, Volume, sweep_volume

from .scenes import Sample


@dataclass(frozen=True, eq=False)
class Example:
    """The network's inputs and the truth.

    ``rgb`` is (3, H, W); ``disparity`` (H, W), zero at infinity, NaN unknown; ``seen`` (H, W), the share of planes that
    any view shows.
    """

    volume: Volume
    encodings: Encodings
    energy: Tensor
    view_weights: Tensor
    rgb: Tensor
    disparity: Tensor
    seen: Tensor


def prepare(
    sample: Sample,
    config: NetworkConfig,
    random: np.random.Generator,
    cost: Callable[[Volume], Tensor] = matching_cost,
) -> Example:
    """Sweep a sample as the pipeline does, now and then over an interval that is too wide or partly wrong.

    ``cost`` is that of the coarse pass.
    """
    count = len(sample.images)
    if count > 2 and random.random() < 0.15:
        count = int(random.integers(2, count))
    images, sources = list(sample.images[:count]), list(sample.sources[:count])
    with torch.no_grad():
        coarse = coarse_pass(sample.target, sources, images, sample.near, sample.far, cost)
        sources, images, weights = filled(sample.target, sources, images, config.views)
        disparity = torch.where(torch.isinf(sample.depth), torch.zeros_like(sample.depth), 1 / sample.depth)
        interval = _interval(coarse, disparity, sample, random)
        geometry = sweep_geometry(sample.target, sources)
        volume = sweep_volume(images, geometry, interval, config.planes)
        volume.state[:, weights == 0] = OUTSIDE
        per_disparity = coarse.step * (coarse.costs.shape[0] - 1) / (1 / sample.near - 1 / sample.far)
        return Example(
            volume,
            encode(geometry, interval, config.planes // config.group, per_disparity, config.planes),
            energy(volume, coarse.prior(interval, config.planes)),
            weights,
            sample.rgb,
            disparity,
            (volume.state != OUTSIDE).any(dim=1).float().mean(dim=0),
        )


def _interval(coarse: Coarse, disparity: Tensor, sample: Sample, random: np.random.Generator) -> Interval:
    """Return the coarse pass's interval (70 %), the whole range (15 %), or one around the truth that is off (15 %)."""
    height, width = disparity.shape
    lowest, highest = 1 / sample.far, 1 / sample.near
    draw = random.random()
    if draw < 0.7:
        return coarse.interval(height, width)
    if draw < 0.85 or bool(disparity.isnan().any()):
        return Interval.constant(height, width, sample.near, sample.far, disparity.device)
    size = 2 * int(random.integers(2, 12)) + 1
    padded = functional.pad(disparity[None, None], (size // 2,) * 4, mode="replicate")
    smooth = functional.avg_pool2d(padded, size, 1)[0, 0]
    half = (highest - lowest) * float(random.uniform(0.02, 0.25))
    centre = smooth + half * float(random.normal(0, 0.4))
    low = (centre - half).clamp(lowest, highest - half)
    return Interval(low, torch.maximum((centre + half).clamp(max=highest), low + half))
