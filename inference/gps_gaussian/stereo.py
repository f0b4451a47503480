"""Two-way stereo: a cut-down RAFT-Stereo of three steps at an eighth of the resolution. Names are the official ones."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .correlation import LEVELS, RADIUS, CorrelationPyramid
from .encoder import ResidualBlock

CHANNELS = 96
STEPS = 3
CELL = 8  # pixels a cell of the coarse grid is wide


class ContextNetwork(nn.Module):
    """Features to match by, and the start of the hidden state and its context."""

    def __init__(self) -> None:
        super().__init__()
        self.conv2 = nn.Sequential(ResidualBlock(CHANNELS, CHANNELS), nn.Conv2d(CHANNELS, 2 * CHANNELS, 3, 1, 1))
        heads = [
            nn.Sequential(ResidualBlock(CHANNELS, CHANNELS), nn.Conv2d(CHANNELS, CHANNELS, 3, 1, 1)) for _ in range(2)
        ]
        self.outputs08 = nn.ModuleList(heads)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return matching features (N, 192, h, w), hidden state and context (N, 96, h, w)."""
        hidden, context = (head(features) for head in self.outputs08)
        return self.conv2(features), torch.tanh(hidden), functional.relu(context)


class MotionEncoder(nn.Module):
    """Correlation and flow -> 128 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.convc1 = nn.Conv2d(LEVELS * (2 * RADIUS + 1), 64, 1)
        self.convc2 = nn.Conv2d(64, 64, 3, 1, 1)
        self.convf1 = nn.Conv2d(2, 64, 7, 1, 3)
        self.convf2 = nn.Conv2d(64, 64, 3, 1, 1)
        self.conv = nn.Conv2d(128, 126, 3, 1, 1)

    def forward(self, correlation: Tensor, flow: Tensor) -> Tensor:
        """Return (N, 128, h, w) of (N, 36, h, w) and (N, 2, h, w)."""
        matched = functional.relu(self.convc2(functional.relu(self.convc1(correlation))))
        moved = functional.relu(self.convf2(functional.relu(self.convf1(flow))))
        joined = functional.relu(self.conv(torch.cat([matched, moved], dim=1)))
        return torch.cat([joined, flow], dim=1)


class ConvGRU(nn.Module):
    """A convolutional gated recurrent unit whose context enters as biases."""

    def __init__(self) -> None:
        super().__init__()
        self.convz = nn.Conv2d(CHANNELS + 128, CHANNELS, 3, 1, 1)
        self.convr = nn.Conv2d(CHANNELS + 128, CHANNELS, 3, 1, 1)
        self.convq = nn.Conv2d(CHANNELS + 128, CHANNELS, 3, 1, 1)

    def forward(self, hidden: Tensor, context: tuple[Tensor, Tensor, Tensor], motion: Tensor) -> Tensor:
        """Return the next hidden state (N, 96, h, w)."""
        both = torch.cat([hidden, motion], dim=1)
        update = torch.sigmoid(self.convz(both) + context[0])
        reset = torch.sigmoid(self.convr(both) + context[1])
        candidate = torch.tanh(self.convq(torch.cat([reset * hidden, motion], dim=1)) + context[2])
        return (1 - update) * hidden + update * candidate


class FlowHead(nn.Module):
    """Hidden state -> change of the flow."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(CHANNELS, 256, 3, 1, 1)
        self.conv2 = nn.Conv2d(256, 2, 3, 1, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        """Return (N, 2, h, w); only the first channel, x, is used: rows are rectified."""
        change: Tensor = self.conv2(functional.relu(self.conv1(hidden)))
        return change


class UpdateBlock(nn.Module):
    """One step: motion, recurrence, change of the flow, weights of the upsampling."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = MotionEncoder()
        self.gru08 = ConvGRU()
        self.flow_head = FlowHead()
        self.mask = nn.Sequential(nn.Conv2d(CHANNELS, 256, 3, 1, 1), nn.ReLU(), nn.Conv2d(256, 9 * CELL**2, 1))


class UpdateModule(nn.Module):
    """Holds the block under the name that the official weights give it."""

    def __init__(self) -> None:
        super().__init__()
        self.update_block = UpdateBlock()


class Stereo(nn.Module):
    """Features of both views -> their flows: x in the other view minus x in the own, in pixels of full resolution."""

    def __init__(self) -> None:
        super().__init__()
        self.cnet = ContextNetwork()
        self.context_zqr_convs = nn.ModuleList([nn.Conv2d(CHANNELS, 3 * CHANNELS, 3, 1, 1)])
        self.update_module = UpdateModule()

    def forward(self, features: Tensor, initial: Tensor | None = None) -> list[Tensor]:
        """Return the flows (2B, 1, H, W) of all three steps in training, of the last one otherwise.

        Args:
            features: (2B, 96, H / 8, W / 8) of B first views, then of their B second ones.
            initial: (2B, 1, H, W) flow to start from (ours, the guided configuration), 0 where unknown. Then only what
                is changed passes through the coarse grid, so that its detail is kept. ``None``: the paper's start, 0.
        """
        block = self.update_module.update_block
        matching, hidden, context = self.cnet(features)
        ours, theirs = matching.chunk(2)
        correlation = CorrelationPyramid(torch.cat([ours, theirs]), torch.cat([theirs, ours]))
        biases = self.context_zqr_convs[0](context).chunk(3, dim=1)
        count, _, height, width = features.shape
        grid = torch.arange(width, device=features.device, dtype=torch.float32).expand(count, height, width)
        start = torch.zeros_like(grid) if initial is None else _shrunk(initial)
        columns = grid + start
        flows = []
        for step in range(STEPS):
            columns = columns.detach()
            flow = torch.stack([columns - grid, torch.zeros_like(grid)], dim=1)
            motion = block.encoder(correlation.look_up(columns), flow)
            hidden = block.gru08(hidden, biases, motion)
            columns = columns + block.flow_head(hidden)[:, 0]
            if self.training or step == STEPS - 1:
                # The gradient of the weights is scaled down, as in RAFT.
                change = upsample(columns - grid - start, 0.25 * block.mask(hidden))
                flows.append(change if initial is None else initial + change)
        return flows


def _shrunk(flow: Tensor) -> Tensor:
    """Return (N, H / 8, W / 8) of (N, 1, H, W): means of what is known, in cells."""
    known = functional.avg_pool2d((flow != 0).float(), CELL)
    return (functional.avg_pool2d(flow, CELL) / known.clamp_min(1e-6))[:, 0] / CELL


def upsample(flow: Tensor, weights: Tensor) -> Tensor:
    """Return (N, 1, 8 h, 8 w) pixels of ``flow`` (N, h, w) in cells: convex means of the 3x3 cells around.

    Args:
        weights: (N, 9 * 64, h, w) logits: neighbour-major, then the pixel's row and column in its cell.
    """
    count, height, width = flow.shape
    shares = torch.softmax(weights.float().view(count, 9, CELL, CELL, height, width), dim=1)
    around = functional.unfold(CELL * flow[:, None], 3, padding=1).view(count, 9, 1, 1, height, width)
    mixed = (shares * around).sum(dim=1)
    return mixed.permute(0, 3, 1, 4, 2).reshape(count, 1, CELL * height, CELL * width)
