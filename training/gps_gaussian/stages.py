"""What each stage of the training runs: the parts that learn, with gradients, and no more of the others than needed."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor, nn

from inference.gps_gaussian.forward import Pairs, PairsOutput, gaussians_of_flow, shown_of
from inference.gps_gaussian.network import GPSGaussian

from .example import Example
from .losses import flow_loss, render_loss

PARTS = {"encoder": "img_encoder", "stereo": "raft_stereo", "regressor": "gs_parm_regresser"}
# Of each stage, where nothing else is asked for.
LEARNING = {1: ("encoder", "stereo"), 2: ("encoder", "stereo", "regressor")}


def choose_parts(network: GPSGaussian, parts: Collection[str]) -> None:
    """Let these parts learn and freeze the others."""
    for part, name in PARTS.items():
        getattr(network, name).requires_grad_(part in parts)


def stage_loss(network: GPSGaussian, example: Example, stage: int, half: bool) -> dict[str, Tensor]:
    """Return the losses to sum: ``flow`` where the stereo network learns, and in stage 2 ``render``.

    Args:
        network: In training mode.
        example: On its device.
        stage: 1 or 2.
        half: Whether the network computes in bfloat16; geometry and losses do not.
    """
    pairs = example.pairs
    losses = {}
    with torch.autocast(pairs.image.device.type, dtype=torch.bfloat16, enabled=half):
        shown, features, flows = _flows(network, pairs)
        output = gaussians_of_flow(network, pairs, shown, features, flows) if stage == 2 else None
    if next(network.raft_stereo.parameters()).requires_grad:
        losses["flow"] = flow_loss(flows, example.flow, example.valid)
    if output is not None:
        losses["render"] = render_loss(output, example)
    return losses


def sizes(example: Example) -> dict[str, int]:
    """Return how much of an example each loss is the mean over."""
    return {"flow": int(example.valid.sum()), "render": sum(len(targets) for targets in example.targets)}


class StageLoss(nn.Module):
    """:func:`stage_loss` as a module, for what watches over a network's gradients by its calls."""

    def __init__(self, network: GPSGaussian) -> None:
        super().__init__()
        self.network = network

    def forward(self, example: Example, stage: int, half: bool) -> dict[str, Tensor]:
        """Return the losses to sum."""
        return stage_loss(self.network, example, stage, half)


def run(network: GPSGaussian, pairs: Pairs) -> PairsOutput:
    """Return what the whole network makes, as :func:`pixel_gaussians` does, without the work that has no effect."""
    shown, features, flows = _flows(network, pairs)
    return gaussians_of_flow(network, pairs, shown, features, flows)


def flows_of(network: GPSGaussian, pairs: Pairs) -> list[Tensor]:
    """Return the stereo network's flows (2B, 1, H, W): of all steps where it learns, else of the last one."""
    return _flows(network, pairs)[2]


def corrects_nothing(network: GPSGaussian) -> bool:
    """Whether the stereo network returns the flow it is given: its last layer is zero, as at the guided start."""
    head = network.raft_stereo.update_module.update_block.flow_head.conv2
    return not any(bool(parameter.any()) for parameter in head.parameters())


def _flows(network: GPSGaussian, pairs: Pairs) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor], list[Tensor]]:
    """Return what the network sees, the encoder's features and the flows."""
    initial = pairs.initial if network.config.guided else None
    learning = next(network.raft_stereo.parameters()).requires_grad and torch.is_grad_enabled()
    shown = shown_of(pairs)
    features = network.img_encoder(shown)
    if initial is not None and not learning and corrects_nothing(network):
        return shown, features, [initial]
    with torch.set_grad_enabled(learning):
        return shown, features, network.raft_stereo(features[2], initial)
