"""A learned matching cost for the coarse pass (ours): which agreement between sources is evidence, and which is chance.

The classical cost weighs correlation and colour difference alike everywhere. A small network sees both, of every pair,
with the texture and the brightness around, and adds a correction; the same for every plane and any number of sources.
It starts at zero, so that the untrained cost is the classical one.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..planesweep.matching import CUES, matching_cost, matching_cues
from ..planesweep.volume import Volume

WIDTH = 16
SCALE = 0.5  # of the correction, so that rates which suit convolutions suit it too


class LearnedCost(nn.Module):
    """Volume -> matching cost of every plane."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(CUES + 1, WIDTH, 3, padding=1)
        self.second = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        self.third = nn.Conv2d(WIDTH, WIDTH, 3, padding=2, dilation=2)
        self.correction = nn.Conv2d(WIDTH, 1, 1)
        nn.init.zeros_(self.correction.weight)
        nn.init.zeros_(self.correction.bias)  # type: ignore[arg-type]

    def forward(self, volume: Volume) -> Tensor:
        """Return (D, H, W) costs on the scale of :func:`matching_cost`."""
        return self.corrected(matching_cues(volume), matching_cost(volume))

    def corrected(self, cues: Tensor, cost: Tensor) -> Tensor:
        """Return (D, H, W) costs of the classical ones and the (D, CUES, H, W) cues beside them."""
        features = functional.relu(self.first(torch.cat([cues, cost[:, None]], dim=1)))
        features = features + functional.relu(self.second(features))
        features = features + functional.relu(self.third(features))
        correction: Tensor = self.correction(features)[:, 0]
        return cost + SCALE * correction
