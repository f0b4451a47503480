"""Colours for what no source shows, from what lies around it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

LEVELS = 8
TRUSTED = 4.0  # a pixel (a coarse one too) of which a quarter is covered keeps its colour


def filled_in(picture: Tensor, covered: Tensor) -> Tensor:
    """Fill uncovered pixels by pull and push: from ever coarser means of the covered pixels around them.

    Source: Gortler et al., The Lumigraph, SIGGRAPH 1996, section 3.4.

    Args:
        picture: (3, H, W), black where nothing is covered.
        covered: (H, W) in [0, 1].
    """
    weight = (TRUSTED * covered).clamp(0, 1)[None, None]
    levels = [torch.cat([picture[None] * weight, weight], dim=1)]
    while len(levels) <= LEVELS and max(levels[-1].shape[-2:]) > 1:
        levels.append(functional.avg_pool2d(levels[-1], 2, ceil_mode=True))
    result = _mean(levels[-1])
    for level in reversed(levels[:-1]):
        coarse = functional.interpolate(result, size=level.shape[-2:], mode="bilinear", align_corners=False)
        trust = level[:, 3:] if level is levels[0] else (TRUSTED * level[:, 3:]).clamp(max=1)
        result = trust * _mean(level) + (1 - trust) * coarse
    return result[0]


def _mean(level: Tensor) -> Tensor:
    return level[:, :3] / level[:, 3:].clamp_min(1e-6)
