"""The picture of a target from the Gaussians of the pairs around it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ..camera import Camera
from ..gaussians import Gaussians
from ..splatting import Splat, rasterize

Floats = NDArray[np.float32]


def render_blended(
    clouds: Sequence[Gaussians], weights: Sequence[float], target: Camera, device: torch.device
) -> Splat:
    """Render every cloud and mix the pictures, so that a moving target passes from pair to pair without a jump.

    Args:
        clouds: Of the pairs.
        weights: Their shares, which sum to 1.
        target: Without distortion.
        device: To splat on.

    Returns:
        The mixture; its colours are multiplied by alpha. Depths are those of the pair with the largest share that sees
        something there.
    """
    splats = [rasterize(cloud, target, device=device) for cloud in clouds]
    if len(splats) == 1:
        return splats[0]
    rgb = sum(np.float32(weight) * splat.rgb for weight, splat in zip(weights, splats, strict=True))
    alpha = sum(np.float32(weight) * splat.alpha for weight, splat in zip(weights, splats, strict=True))
    depth, first_hit = (np.full(splats[0].alpha.shape, np.inf, np.float32) for _ in range(2))
    for index in np.argsort(weights):
        splat = splats[index]
        depth = np.where(np.isfinite(splat.depth), splat.depth, depth)
        first_hit = np.where(np.isfinite(splat.first_hit), splat.first_hit, first_hit)
    return Splat(np.asarray(rgb), np.asarray(alpha), depth, first_hit)
