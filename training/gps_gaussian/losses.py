"""What GPS-Gaussian is trained to minimise, and what its pictures are judged by."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from inference.gps_gaussian.forward import PairsOutput
from inference.splatting.differentiable import splat

from ..losses import structure
from .example import Example, Target

DECAY = 0.9 ** (15 / 2)  # of the weights of earlier steps of the stereo network
ABSOLUTE_WEIGHT, STRUCTURE_WEIGHT = 0.8, 0.2


def flow_loss(flows: Sequence[Tensor], truth: Tensor, valid: Tensor) -> Tensor:
    """Return the weighted sum over the steps of the mean absolute error in pixels, 0 where nothing is valid."""
    total = truth.new_zeros(())
    for step, flow in enumerate(flows):
        total = total + DECAY ** (len(flows) - 1 - step) * flow_error(flow, truth, valid)
    return total


def flow_error(flow: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
    """Return the mean absolute error in pixels over what is valid, 0 where nothing is."""
    # Not by the mean of a selection, which is no number where it is empty.
    error: Tensor = ((flow - truth).abs() * valid).sum() / valid.sum().clamp_min(1)
    return error


def picture_loss(rgb: Tensor, truth: Tensor) -> Tensor:
    """Return 0.8 times the mean absolute difference and 0.2 times 1 - SSIM of two pictures (3, h, w)."""
    absolute = (rgb - truth).abs().mean()
    return ABSOLUTE_WEIGHT * absolute + STRUCTURE_WEIGHT * structure(rgb, truth, torch.ones_like(truth[0]))


def render_loss(output: PairsOutput, example: Example) -> Tensor:
    """Return the mean picture loss of all targets, inside their crops around the person."""
    losses = [
        picture_loss(picture, target.rgb)
        for pictures, targets in zip(render_targets(output, example), example.targets, strict=True)
        for picture, target in zip(pictures, targets, strict=True)
    ]
    return torch.stack(losses).mean()


def render_targets(output: PairsOutput, example: Example) -> list[list[Tensor]]:
    """Return the pictures (3, h, w) of every pair's targets."""
    count = len(example.targets)
    return [
        [_render(output, example, (pair, pair + count), target) for target in targets]
        for pair, targets in enumerate(example.targets)
    ]


def psnr(rgb: Tensor, truth: Tensor) -> float:
    """Return the PSNR in dB of a picture, limited to [0, 1]."""
    return float(-10 * torch.log10((rgb.clamp(0, 1) - truth).square().mean() + 1e-10))


def _render(output: PairsOutput, example: Example, views: tuple[int, int], target: Target) -> Tensor:
    """Splat the Gaussians of two views for a target."""
    which = list(views)
    chosen = output.inverse_depth[which, 0] > 0

    def gathered(values: Tensor) -> Tensor:
        return values[which].permute(0, 2, 3, 1)[chosen].float()

    camera = target.camera
    device = target.rgb.device
    rgb, _, _ = splat(
        gathered(output.points),
        gathered(output.shapes.rotations),
        gathered(output.shapes.scales),
        gathered(output.shapes.opacities)[:, 0],
        gathered(example.pairs.image),
        torch.tensor([camera.fx, camera.fy, camera.cx, camera.cy], dtype=torch.float32, device=device),
        torch.tensor(camera.world_to_camera, dtype=torch.float32, device=device),
        camera.width,
        camera.height,
    )
    return rgb
