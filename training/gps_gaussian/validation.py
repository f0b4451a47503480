"""How good a network is on fixed examples, beside the guided start, in numbers and as a sheet of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.gps_gaussian.network import GPSGaussian, NetworkConfig

from .example import Example
from .losses import flow_error, psnr, render_targets
from .stages import run

SHOWN = 6  # examples of the sheet
SIDE = 320  # of its pictures in pixels


@dataclass(frozen=True, eq=False)
class Measure:
    """A network on one pair: mean flow error in pixels, and the targets' pictures."""

    flow_error: float
    pictures: list[Tensor]


class Validation:
    """Fixed examples, and what the untrained guided chain makes of them.

    Args:
        examples: Of one pair each, with their guided start.
        half: Whether networks compute in bfloat16, as in training.
    """

    def __init__(self, examples: Sequence[Example], half: bool) -> None:
        self._examples = examples
        self._half = half
        device = examples[0].flow.device
        untrained = GPSGaussian(NetworkConfig(guided=True)).eval().to(device)
        self._before = [self._measured(untrained, example) for example in examples]

    def measure(self, network: GPSGaussian, sheet: Path) -> dict[str, float]:
        """Return the mean flow error (``epe``, pixels) and PSNR, both of the network and of the untrained guided chain.

        Also write the sheet: a source, the truth, the untrained chain's picture, the network's.
        """
        now = [self._measured(network, example) for example in self._examples]
        rows = [
            [example.pairs.image[0], example.targets[0][0].rgb, before.pictures[0], after.pictures[0]]
            for example, before, after in zip(self._examples, self._before, now, strict=True)
        ]
        picture = np.concatenate([np.concatenate([_fitted(part) for part in row], axis=1) for row in rows[:SHOWN]])
        cv2.imwrite(str(sheet), np.round(picture[..., ::-1] * 255).astype(np.uint8))
        return {
            "epe": float(np.mean([measure.flow_error for measure in now])),
            "epe_guided": float(np.mean([measure.flow_error for measure in self._before])),
            "psnr": self._psnr(now),
            "psnr_guided": self._psnr(self._before),
        }

    @torch.no_grad()
    def _measured(self, network: GPSGaussian, example: Example) -> Measure:
        with torch.autocast(example.flow.device.type, dtype=torch.bfloat16, enabled=self._half):
            output = run(network, example.pairs)
        error = float(flow_error(output.flows[-1], example.flow, example.valid))
        return Measure(error, render_targets(output, example)[0])

    def _psnr(self, measures: Sequence[Measure]) -> float:
        values = [
            psnr(picture, target.rgb)
            for measure, example in zip(measures, self._examples, strict=True)
            for picture, target in zip(measure.pictures, example.targets[0], strict=True)
        ]
        return float(np.mean(values))


def _fitted(picture: Tensor) -> NDArray[np.float32]:
    """Return a picture (3, h, w) inside a black square of the sheet."""
    pixels = picture.permute(1, 2, 0).clamp(0, 1).float().cpu().numpy()
    height, width = pixels.shape[:2]
    scale = SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    square = np.zeros((SIDE, SIDE, 3), np.float32)
    left, top = (SIDE - size[0]) // 2, (SIDE - size[1]) // 2
    square[top : top + size[1], left : left + size[0]] = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return square
