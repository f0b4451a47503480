"""Correlation of two views along their rows (RAFT-Stereo, Lipson et al., 3DV 2021)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

LEVELS = 4
RADIUS = 4


class CorrelationPyramid:
    """All pairs of columns of every row, at four widths.

    Args:
        first, second: (N, C, h, w) features; ``h`` rows are compared with the same row of the other.
    """

    def __init__(self, first: Tensor, second: Tensor) -> None:
        channels = first.shape[1]
        # Summed in single precision, also where the features are not.
        level = torch.einsum("nchx,nchy->nhxy", first.float(), second.float()) / channels**0.5
        self._levels = [level]
        for _ in range(LEVELS - 1):
            level = functional.avg_pool2d(level, (1, 2))
            self._levels.append(level)

    def look_up(self, columns: Tensor) -> Tensor:
        """Return (N, 36, h, w): correlation around ``columns`` (N, h, w), whole steps from -4 to 4 of each level's.

        Positions between columns are interpolated linearly; what lies outside is zero.
        """
        steps = torch.arange(-RADIUS, RADIUS + 1, device=columns.device, dtype=columns.dtype)
        sampled = [_sample(level, columns[..., None] / 2**i + steps) for i, level in enumerate(self._levels)]
        return torch.cat(sampled, dim=-1).permute(0, 3, 1, 2)


def _sample(level: Tensor, positions: Tensor) -> Tensor:
    """Return (N, h, w, S): ``level`` (N, h, w, K) at ``positions`` (N, h, w, S) of its last axis."""
    below = positions.floor()
    share = positions - below
    count = level.shape[-1]

    def at(index: Tensor) -> Tensor:
        inside = (index >= 0) & (index < count)
        # A position that is no number stays none in the result; as an index it would end the process on CUDA.
        return level.gather(-1, index.nan_to_num().clamp(0, count - 1).long()) * inside

    return at(below) * (1 - share) + at(below + 1) * share
