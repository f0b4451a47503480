"""The training loop of the learned matching cost: coarse sweeps of synthetic scenes in, weights out.

What is minimised is what the cost is for: the difference between the target's picture and the picture that the coarse
planes make of the sources, weighed by the costs after aggregation, as the full sweep weighs its planes. Where the depth
is known, the likelihood of the true plane counts too.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, IterableDataset

from inference.convglr.learned_cost import LearnedCost
from inference.convglr.network import ConvGLR, NetworkConfig
from inference.planesweep.draft import attend, energy, nearness
from inference.planesweep.matching import aggregate, matching_cost, matching_cues
from inference.planesweep.narrowing import coarse_volumes
from inference.planesweep.volume import Volume
from inference.weights import load_weights, save_weights

from .distributed import processes
from .scenes import Sample, SceneConfig, sample_scene
from .train import VALIDATION_SEED, Settings, follow, rate_at

WINDOW = 48  # side in coarse pixels of what one step sees of an example
VALIDATION = 16  # scenes
POOL = 200  # examples kept to be seen again
DEPTH_TEMPERATURE = 0.1  # of the likelihood of planes, that of the full sweep's energy
DEPTH_WEIGHT = 0.0075


@dataclass(frozen=True, eq=False)
class CoarseExample:
    """A coarse sweep and the truth.

    Args:
        volume: Flat planes, far first.
        cues, cost: What the network reads (see :class:`LearnedCost`).
        view_weights: (V,)
        rgb: (3, h, w)
        plane: (h, w) the true plane's fractional number, NaN where not known.
    """

    volume: Volume
    cues: Tensor
    cost: Tensor
    view_weights: Tensor
    rgb: Tensor
    plane: Tensor

    def window(self, y: int, x: int, flipped: bool) -> CoarseExample:
        """Return a square of WINDOW pixels, mirrored or not."""
        rows, columns = slice(y, y + WINDOW), slice(x, x + WINDOW)

        def cut(values: Tensor) -> Tensor:
            part = values[..., rows, columns]
            return part.flip(-1) if flipped else part

        volume = Volume(cut(self.volume.colours), cut(self.volume.state), cut(self.volume.disparities))
        return CoarseExample(volume, cut(self.cues), cut(self.cost), self.view_weights, cut(self.rgb), cut(self.plane))


@torch.no_grad()
def coarse_example(sample: Sample) -> CoarseExample:
    """Sweep a sample as the coarse pass does."""
    parts = list(coarse_volumes(sample.target, sample.sources, sample.images, sample.near, sample.far))
    volume = Volume(
        torch.cat([part.colours for part in parts]),
        torch.cat([part.state for part in parts]),
        torch.cat([part.disparities for part in parts]),
    )
    planes, height, width = volume.disparities.shape
    rgb = functional.interpolate(sample.rgb[None], size=(height, width), mode="area")[0]
    disparity = functional.interpolate((1 / sample.depth)[None, None], size=(height, width), mode="nearest")[0, 0]
    plane = (disparity - 1 / sample.far) / (1 / sample.near - 1 / sample.far) * (planes - 1)
    weights = nearness(sample.target, sample.sources)
    return CoarseExample(volume, matching_cues(volume), matching_cost(volume), weights, rgb, plane.clamp(0, planes - 1))


class CoarseExamples(IterableDataset[CoarseExample]):
    """Coarse sweeps of ever new seeds."""

    def __init__(self, scene: SceneConfig, first: int) -> None:
        self.scene, self.first = scene, first

    def __iter__(self) -> Iterator[CoarseExample]:
        worker = torch.utils.data.get_worker_info()
        offset, stride = (0, 1) if worker is None else (worker.id, worker.num_workers)
        torch.set_num_threads(1)
        seed = self.first + offset
        while True:
            yield coarse_example(sample_scene(seed, self.scene, torch.device("cpu")))
            seed += stride


def rendering_loss(network: LearnedCost, example: CoarseExample) -> tuple[Tensor, Tensor]:
    """Return what is minimised, and the PSNR of the picture over what is seen."""
    costs = aggregate(network.corrected(example.cues, example.cost))
    attention = torch.softmax(-energy(example.volume, costs), dim=0)
    draft = attend(example.volume, attention, example.view_weights)
    difference = draft.rgb - example.rgb
    covered = draft.covered.detach()
    total = (difference.abs().mean(dim=0) * covered).mean()
    known = ~example.plane.isnan()
    if known.any():
        below = example.plane.nan_to_num().long().clamp(max=len(costs) - 2)
        likelihood = torch.softmax(-costs / DEPTH_TEMPERATURE, dim=0)
        near_truth = likelihood.gather(0, below[None]) + likelihood.gather(0, below[None] + 1)
        total = total - DEPTH_WEIGHT * ((near_truth[0] + 1e-3).log() * known).sum() / known.sum()
    error = (difference.detach().square().mean(dim=0) * covered).sum() / covered.sum().clamp_min(1e-6)
    return total, -10 * torch.log10(error + 1e-9)


def train_cost(settings: Settings) -> None:
    """Train until the minutes are over; leave the weights that were resumed, with the new cost, and a log.

    Raises:
        ValueError: If there is nothing to resume: the cost is a part of a guided network's weights; or if several
            processes were started: they would write over each other's files.
    """
    if processes() > 1:
        raise ValueError("the matching cost is learned by one process; start it without torchrun")
    if settings.resume is None:
        raise ValueError("the matching cost is a part of a guided network; name its weights to resume from")
    torch.manual_seed(settings.seed)
    random = np.random.default_rng(settings.seed)
    settings.folder.mkdir(parents=True, exist_ok=True)
    start = load_weights(settings.resume, "convglr")
    config = NetworkConfig.from_json(start.info.configuration)
    model = ConvGLR(config)
    model.load_state_dict({name: value.float() for name, value in start.tensors.items()}, strict=False)
    network, average = model.cost, copy.deepcopy(model.cost).eval()
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.rate, weight_decay=1e-4)
    scene = SceneConfig(views=config.views, crop=settings.crop)
    validation = [
        coarse_example(sample_scene(VALIDATION_SEED + n, scene, torch.device("cpu"))) for n in range(VALIDATION)
    ]
    examples = CoarseExamples(scene, settings.seed * 2**32)
    stream = iter(
        DataLoader(examples, batch_size=None, num_workers=settings.workers, multiprocessing_context="spawn")
        if settings.workers
        else examples
    )
    pool: list[CoarseExample] = []
    started, reported, step, drawn = time.monotonic(), 0.0, 0, 0
    running: list[float] = []
    while (elapsed := time.monotonic() - started) < settings.minutes * 60:
        for group in optimizer.param_groups:
            group["lr"] = rate_at(settings.rate, elapsed / (settings.minutes * 60), step)
        optimizer.zero_grad(set_to_none=True)
        pool.append(next(stream))
        drawn += 1
        if len(pool) > POOL:
            pool.pop(int(random.integers(POOL)))
        for index in [len(pool) - 1, *random.integers(len(pool), size=settings.batch - 1)]:
            value, _ = rendering_loss(network, _random_window(pool[index], random))
            torch.autograd.backward(value / settings.batch)
            running.append(float(value.detach()))
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        step += 1
        follow(average, network, min(0.99, (1 + step) / (10 + step)))
        last = time.monotonic() - started + 1 > settings.minutes * 60
        if last or elapsed - reported > settings.save_minutes * 60:
            reported = elapsed
            record = {"step": step, "scenes": drawn, "seconds": round(elapsed), "loss": float(np.mean(running[-400:]))}
            record |= _validate(average, validation)
            with (settings.folder / "log.jsonl").open("a") as log:
                log.write(json.dumps(record) + "\n")
            model.cost.load_state_dict(network.state_dict())
            tensors = model.state_dict() | {f"cost.{name}": value for name, value in average.state_dict().items()}
            history = dict(start.info.training) | {"cost": record | {"crop": settings.crop, "batch": settings.batch}}
            save_weights(settings.folder / "weights.safetensors", tensors, "convglr", config.to_json(), history)


@torch.no_grad()
def _validate(network: LearnedCost, examples: list[CoarseExample]) -> dict[str, float]:
    """Return mean PSNR of coarse pictures by the learned and by the classical cost on fixed scenes."""
    learned = [float(rendering_loss(network, example)[1]) for example in examples]
    classical = [float(rendering_loss(LearnedCost(), example)[1]) for example in examples]
    return {"psnr": float(np.mean(learned)), "psnr_classical": float(np.mean(classical))}


def _random_window(example: CoarseExample, random: np.random.Generator) -> CoarseExample:
    height, width = example.plane.shape
    y, x = (int(random.integers(0, max(size - WINDOW, 0) + 1)) for size in (height, width))
    return example.window(y, x, bool(random.random() < 0.5))
