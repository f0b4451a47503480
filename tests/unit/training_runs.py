"""Tiny training runs of a fixed number of steps, alone or as one of several processes: ``-m tests.unit.training_runs``.

The clock tells the steps, so that rates and the end do not depend on the machine's pace; that of all processes but the
first is wrong. With several processes ConvGLR does not end by the clock, but by a signal that only one of them gets.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from inference.convglr.network import NetworkConfig
from tests.unit.people_examples import ball_sample
from tests.unit.sweep_scenes import FAR, MIDDLE, NEAR, cast, look_at, photograph, source_cameras
from training import train as convglr
from training.distributed import processes
from training.gps_gaussian import drawing
from training.gps_gaussian import train as gps_gaussian
from training.gps_gaussian.example import Example, prepare
from training.scenes import Sample, SceneConfig

STEPS, BATCH = 4, 4
MINUTES = 10 / 60  # of which a step takes a second


@dataclass(frozen=True)
class UnevenBalls(drawing.Source):
    """Balls in place of people: pictures of different heights, whose flow is known in different shares of them."""

    def draw(self, seed: int) -> Example:
        example = prepare(ball_sample(15.0 + seed % 7, (5.0,)), self.size)  # type: ignore[arg-type]
        rows = slice(0, example.flow.shape[2] - 16 * (seed % 2))
        pairs = replace(
            example.pairs,
            **{name: getattr(example.pairs, name)[:, :, rows] for name in ("image", "mask", "initial")},
        )
        valid = example.valid[:, :, rows] & (torch.arange(example.valid.shape[3]) < 16 * (1 + seed % 4))
        return Example(pairs, example.flow[:, :, rows], valid, example.targets)


def wall(seed: int, config: SceneConfig, device: torch.device) -> Sample:
    """The made-up scene in place of random ones, seen from another place with every seed."""
    place = np.random.default_rng(seed).uniform(-0.3, 0.3, 3)
    target, sources = look_at(tuple(place), MIDDLE, 32, 32, 36.0), source_cameras(config.views, 48, 40, 50.0)
    rgb, *images = (torch.from_numpy(photograph(one)).permute(2, 0, 1).contiguous() for one in (target, *sources))
    depth = torch.from_numpy(cast(target).astype(np.float32))
    return Sample(target, sources, rgb, images, depth, NEAR, FAR)


def train_convglr(folder: Path) -> None:
    """ConvGLR on small scenes."""
    network = NetworkConfig(views=3, planes=8, group=4, width=4)
    convglr.train(
        convglr.Settings(folder, MINUTES, network, crop=32, batch=BATCH, rate=0.05, workers=0, save_minutes=2 / 60)
    )


def train_gps_gaussian(folder: Path) -> None:
    """GPS-Gaussian, all of it, drawn as it goes."""
    gps_gaussian.train(
        gps_gaussian.Settings(
            folder,
            MINUTES,
            stage=2,
            parts=("encoder", "stereo", "regressor"),
            source=UnevenBalls(64, None),
            batch=BATCH,
            rate=0.005,
            workers=0,
            validation=1,
            save_minutes=2 / 60,
        )
    )


RUNS: dict[str, Callable[[Path], None]] = {"convglr": train_convglr, "gps-gaussian": train_gps_gaussian}


def run(name: str, folder: Path) -> None:
    """Train in a folder, with a clock of our own, a line of the log for every step, and examples soon seen again."""
    steps = 0
    rank = int(os.environ.get("RANK", "0"))
    by_signal = name == "convglr" and processes() > 1

    def clock() -> float:
        over = steps >= STEPS and not by_signal
        return (steps if rank == 0 else 3 * steps) + (3600 if over else 0)

    def follow(*arguments: Any) -> None:
        nonlocal steps
        steps += 1
        original(*arguments)
        if by_signal and rank == 1 and steps == STEPS:
            os.kill(os.getpid(), signal.SIGTERM)

    original = convglr.follow
    with pytest.MonkeyPatch.context() as patch:
        for module in (convglr, gps_gaussian):
            patch.setattr(module, "time", SimpleNamespace(monotonic=clock))
            patch.setattr(module, "follow", follow)
            patch.setattr(module, "LOG_EVERY", 1)
        patch.setattr(convglr, "sample_scene", wall)
        patch.setattr(convglr, "REPLAY", 3)
        patch.setattr(convglr, "VALIDATION", 1)
        torch.set_num_threads(1)
        RUNS[name](folder)


if __name__ == "__main__":
    run(sys.argv[1], Path(sys.argv[2]))
