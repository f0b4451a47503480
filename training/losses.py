"""What the network is trained to minimise."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from inference.convglr.network import Output

from .preparation import Example

DRAFT_WEIGHT = 0.3
STRUCTURE_WEIGHT = 0.1
DEPTH_WEIGHT = 0.005
UNSEEN_WEIGHT = 0.05  # of pixels that no view shows: they are filled in afterwards


def loss(output: Output, example: Example) -> Tensor:
    """Return L1 and structure; guided, also L1 of the draft and the attention's distance to the true depth."""
    weight = UNSEEN_WEIGHT + (1 - UNSEEN_WEIGHT) * example.seen
    total = (weight * (output.rgb - example.rgb).abs()).mean()
    total = total + STRUCTURE_WEIGHT * structure(output.rgb, example.rgb, weight)
    if output.draft is not None and output.attention is not None:
        total = total + DRAFT_WEIGHT * (weight * (output.draft.rgb - example.rgb).abs()).mean()
        total = total + DEPTH_WEIGHT * depth_loss(output.attention, example)
    return total


def structure(a: Tensor, b: Tensor, weight: Tensor) -> Tensor:
    """Return the weighted mean of 1 - SSIM of two pictures (3, H, W).

    Over 7x7 uniform windows, cheaper than the measure's Gaussian; ``weight`` is (H, W).
    """
    stack = torch.cat([a, b, a * a, b * b, a * b])[None]
    mean_a, mean_b, square_a, square_b, product = torch.split(functional.avg_pool2d(stack, 7, 1)[0], 3)
    variance = square_a - mean_a**2 + square_b - mean_b**2
    covariance = product - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    similarity = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    quality: Tensor = similarity / ((mean_a**2 + mean_b**2 + c1) * (variance + c2))
    return (weight[3:-3, 3:-3] * (1 - quality)).mean()


def depth_loss(attention: Tensor, example: Example) -> Tensor:
    """Return minus the log of the attention within about a plane of the truth, where the truth lies in the interval."""
    disparities = example.volume.disparities
    step = ((disparities[-1] - disparities[0]) / (len(disparities) - 1)).clamp_min(1e-12)
    kernel = (1.5 - (disparities - example.disparity).abs() / step).clamp(0, 1)
    inside = (kernel.amax(dim=0) > 0.4) & ~example.disparity.isnan()
    kernel = torch.where(inside, kernel, torch.ones_like(kernel))
    likelihood = (attention * kernel).sum(dim=0).clamp_min(1e-4)
    return -(likelihood.log() * inside).mean()
