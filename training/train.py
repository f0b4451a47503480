"""The training loop of ConvGLR: synthetic scenes in, weights out."""

from __future__ import annotations

import copy
import itertools
import json
import math
import multiprocessing
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from inference.convglr.network import ConvGLR, NetworkConfig, Output
from inference.planesweep.draft import attend
from inference.planesweep.matching import matching_cost
from inference.planesweep.volume import Volume
from inference.weights import load_weights, save_weights

from .checkpoint import Progress, load_checkpoint, save_checkpoint
from .losses import loss
from .photographs import PhotographSamples
from .preparation import Example, prepare
from .scenes import SceneConfig, sample_scene

VALIDATION_SEED = 2**40  # far from every training seed
REPLAY = 32  # examples kept to be seen again
Cost = Callable[[Volume], Tensor]
PHOTOGRAPHS = 0.3  # share of examples drawn from photographs where captures are given


@dataclass(frozen=True)
class Settings:
    """One training run; see ``python -m training convglr --help``."""

    folder: Path
    minutes: float
    network: NetworkConfig
    resume: str | None = None
    crop: int = 128
    batch: int = 2
    rate: float = 4e-4
    device: str = "cpu"
    workers: int = 1
    captures: tuple[Path, ...] = ()
    seed: int = 0
    save_minutes: float = 5.0


class Examples(IterableDataset[Example]):
    """Prepared scenes of ever new seeds, shared out among the loader's processes."""

    def __init__(
        self, scene: SceneConfig, network: NetworkConfig, cost: Cost, first: int, captures: tuple[Path, ...]
    ) -> None:
        self.scene, self.network, self.cost, self.first, self.captures = scene, network, cost, first, captures

    def __iter__(self) -> Iterator[Example]:
        worker = torch.utils.data.get_worker_info()
        offset, stride = (0, 1) if worker is None else (worker.id, worker.num_workers)
        torch.set_num_threads(1)
        photographs = PhotographSamples(self.captures, self.scene) if self.captures else None
        seed = self.first + offset
        while True:
            random = np.random.default_rng(seed)
            if photographs is not None and random.random() < PHOTOGRAPHS:
                yield prepare(photographs.draw(random), self.network, random, self.cost)
            else:
                yield _example(seed, self.scene, self.network, self.cost, torch.device("cpu"))
            seed += stride


def train(settings: Settings) -> None:
    """Train until the minutes are over; leave weights, checkpoint, log and picture sheet in the run's folder."""
    device = torch.device(settings.device)
    torch.manual_seed(settings.seed)
    settings.folder.mkdir(parents=True, exist_ok=True)
    scene = SceneConfig(views=settings.network.views, crop=settings.crop)
    model = ConvGLR(settings.network).to(device)
    if settings.resume and not Path(settings.resume).name.startswith("checkpoint"):
        tensors = load_weights(settings.resume, "convglr").tensors
        model.load_state_dict({name: value.float() for name, value in tensors.items()})
    # Learned on its own (train_cost): here it only makes the examples.
    cost: Cost = copy.deepcopy(model.cost).eval().requires_grad_(False) if settings.network.guided else matching_cost
    average = copy.deepcopy(model).eval()
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.rate, weight_decay=1e-4)
    progress = Progress()
    if settings.resume and Path(settings.resume).name.startswith("checkpoint"):
        progress = load_checkpoint(Path(settings.resume), model, average, optimizer)
    validation = [_example(VALIDATION_SEED + n, scene, settings.network, cost, device) for n in range(16)]
    stream = twice(
        _stream(settings, scene, cost, progress, device), np.random.default_rng(settings.seed + progress.samples)
    )
    started, saved, drawing = time.monotonic(), time.monotonic(), 0.0
    before, budget = progress.seconds, settings.minutes * 60
    running: list[float] = []
    while (elapsed := time.monotonic() - started) < budget:
        rate = rate_at(settings.rate, elapsed / budget, progress.step)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad(set_to_none=True)
        for _ in range(settings.batch):
            asked = time.monotonic()
            example = next(stream)
            drawing += time.monotonic() - asked
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
                value = loss(_apply(model, example), example) / settings.batch
            torch.autograd.backward(value)
            running.append(float(value.detach()) * settings.batch)
            progress.samples += 1
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        progress.step += 1
        progress.seconds = before + time.monotonic() - started
        follow(average, model, min(0.999, (1 + progress.step) / (10 + progress.step)))
        if progress.step % 50 == 0 or time.monotonic() - saved > settings.save_minutes * 60:
            record = {"step": progress.step, "seconds": round(progress.seconds), "loss": float(np.mean(running[-200:]))}
            record |= {"rate": rate, "drawing_share": drawing / (time.monotonic() - started)}
            if time.monotonic() - saved > settings.save_minutes * 60:
                saved = time.monotonic()
                record |= validate(average, validation, settings.folder / "sheet.jpg")
                save(settings, model, average, optimizer, progress)
            with (settings.folder / "log.jsonl").open("a") as log:
                log.write(json.dumps(record) + "\n")
    save(settings, model, average, optimizer, progress)
    record = {"step": progress.step} | validate(average, validation, settings.folder / "sheet.jpg")
    with (settings.folder / "log.jsonl").open("a") as log:
        log.write(json.dumps(record) + "\n")


def save(
    settings: Settings, model: ConvGLR, average: ConvGLR, optimizer: torch.optim.Optimizer, progress: Progress
) -> None:
    """Write the checkpoint and the averaged weights."""
    config = settings.network.to_json()
    save_checkpoint(settings.folder / "checkpoint.safetensors", model, average, optimizer, progress, config)
    record = {
        **vars(progress),
        "crop": settings.crop,
        "batch": settings.batch,
        "device": settings.device,
        "data": "synthetic",
    }
    record["started_from"] = settings.resume
    save_weights(settings.folder / "weights.safetensors", average.state_dict(), "convglr", config, record)


@torch.no_grad()
def validate(model: ConvGLR, examples: list[Example], sheet: Path) -> dict[str, float]:
    """Return mean PSNR of the network and of the classical draft on fixed scenes; write a picture of some."""
    rows, learned, classical = [], [], []
    for example in examples:
        output = _apply(model, example)
        draft = attend(example.volume, torch.softmax(-example.energy, dim=0), example.view_weights).rgb
        learned.append(_psnr(output.rgb, example))
        classical.append(_psnr(draft, example))
        rows.append(torch.cat([example.rgb, draft, output.rgb.clamp(0, 1)], dim=2))
    picture = torch.cat(rows[:10], dim=1).permute(1, 2, 0).cpu().numpy()
    cv2.imwrite(str(sheet), np.round(picture[..., ::-1] * 255).clip(0, 255).astype(np.uint8))
    return {"psnr": float(np.mean(learned)), "psnr_classical": float(np.mean(classical))}


def _apply(model: ConvGLR, example: Example) -> Output:
    output: Output = model(example.volume, example.encodings, example.energy, example.view_weights)
    return output


def _example(seed: int, scene: SceneConfig, network: NetworkConfig, cost: Cost, device: torch.device) -> Example:
    return prepare(sample_scene(seed, scene, device), network, np.random.default_rng(seed), cost)


def _stream(
    settings: Settings, scene: SceneConfig, cost: Cost, progress: Progress, device: torch.device
) -> Iterator[Example]:
    """Return endless examples: drawn on the GPU itself where there is one, else by other processes."""
    first = settings.seed * 2**32 + progress.samples
    if device.type == "cuda":
        return (_example(seed, scene, settings.network, cost, device) for seed in itertools.count(first))
    examples = Examples(scene, settings.network, cost, first, settings.captures)
    if not settings.workers:
        return iter(examples)
    # numba's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    loader = DataLoader(
        examples, batch_size=None, num_workers=settings.workers, prefetch_factor=4, multiprocessing_context=context
    )
    return iter(loader)


def twice(fresh: Iterator[Example], random: np.random.Generator) -> Iterator[Example]:
    """Give every example a second time later, with its colours exchanged: learning costs less than drawing."""
    kept: list[Example] = []
    for example in fresh:
        yield example
        kept.append(example)
        if len(kept) > REPLAY:
            yield _recoloured(kept.pop(int(random.integers(len(kept)))), random)


def _recoloured(example: Example, random: np.random.Generator) -> Example:
    """Exchange the colour channels of volume and truth alike."""
    order = torch.as_tensor(random.permutation(3), device=example.rgb.device)
    volume = replace(example.volume, colours=example.volume.colours[:, :, order])
    return replace(example, volume=volume, rgb=example.rgb[order])


def rate_at(peak: float, share: float, step: int) -> float:
    """Return the learning rate: 100 steps of warm-up, then a cosine to a fiftieth of the peak."""
    warm = min(1.0, (step + 1) / 100)
    return peak * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(share, 1.0))))


@torch.no_grad()
def follow(average: torch.nn.Module, model: torch.nn.Module, decay: float) -> None:
    """Move the averaged parameters towards the model's."""
    for ours, theirs in zip(average.parameters(), model.parameters(), strict=True):
        ours.lerp_(theirs, 1 - decay)


def _psnr(picture: Tensor, example: Example) -> float:
    """Return the PSNR over what is seen."""
    error = (picture.clamp(0, 1) - example.rgb).square().mean(dim=0)
    return float(-10 * torch.log10((error * example.seen).sum() / example.seen.sum().clamp_min(1) + 1e-10))
