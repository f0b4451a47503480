"""The training loop of ConvGLR: synthetic scenes in, weights out."""

from __future__ import annotations

import copy
import itertools
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from inference.convglr.network import ConvGLR, NetworkConfig, Output
from inference.planesweep.draft import attend
from inference.planesweep.matching import matching_cost
from inference.planesweep.volume import Volume
from inference.weights import load_weights, save_weights

from .checkpoint import Progress, load_checkpoint, save_checkpoint
from .distributed import Ranks, joined, summing
from .losses import loss
from .photographs import PhotographSamples
from .preparation import Example, prepare
from .scenes import SceneConfig, sample_scene
from .sharing import Colours, Draw, numbered, own_examples

VALIDATION_SEED = 2**40  # far from every training seed
VALIDATION = 16  # scenes
LOG_EVERY = 50  # steps
REPLAY = 32  # examples kept to be seen again
Cost = Callable[[Volume], Tensor]
T = TypeVar("T")
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


@dataclass(frozen=True)
class Drawing:
    """What examples are made of: scenes, and now and then photographs where captures are given."""

    scene: SceneConfig
    network: NetworkConfig
    cost: Cost
    device: torch.device
    captures: tuple[Path, ...] = ()

    @cached_property
    def _photographs(self) -> PhotographSamples:
        return PhotographSamples(self.captures, self.scene)

    def example(self, seed: int) -> Example:
        """Return the example of a seed."""
        random = np.random.default_rng(seed)
        if self.captures and random.random() < PHOTOGRAPHS:
            return prepare(self._photographs.draw(random), self.network, random, self.cost)
        sample = sample_scene(seed, self.scene, self.device)
        return prepare(sample, self.network, np.random.default_rng(seed), self.cost)


def train(settings: Settings) -> None:
    """Train until the minutes are over; leave weights, checkpoint, log and picture sheet in the run's folder."""
    with joined(settings.device, settings.batch) as ranks:
        _train(settings, ranks)


def _train(settings: Settings, ranks: Ranks) -> None:
    device = ranks.device
    torch.manual_seed(settings.seed)
    settings.folder.mkdir(parents=True, exist_ok=True)
    scene = SceneConfig(views=settings.network.views, crop=settings.crop)
    model = ConvGLR(settings.network).to(device)
    if settings.resume and not Path(settings.resume).name.startswith("checkpoint"):
        tensors = load_weights(settings.resume, "convglr").tensors
        model.load_state_dict({name: value.float() for name, value in tensors.items()})
    cost: Cost = matching_cost
    if settings.network.guided:
        # Learned on its own (train_cost): here it only makes the examples.
        cost = copy.deepcopy(model.cost.requires_grad_(False)).eval()
    average = copy.deepcopy(model).eval()
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.rate, weight_decay=1e-4)
    progress = Progress()
    if settings.resume and Path(settings.resume).name.startswith("checkpoint"):
        progress = load_checkpoint(Path(settings.resume), model, average, optimizer)
    learner, share = ranks.learner(model), settings.batch // ranks.count
    drawing = Drawing(scene, settings.network, cost, device)
    validation = [drawing.example(VALIDATION_SEED + n) for n in range(VALIDATION if ranks.first else 0)]
    stream = _stream(settings, drawing, progress, ranks)
    started, saved, waiting = time.monotonic(), time.monotonic(), 0.0
    before, budget = progress.seconds, settings.minutes * 60
    running: list[float] = []
    while (elapsed := ranks.agreed(time.monotonic() - started)) < budget:
        rate = rate_at(settings.rate, elapsed / budget, progress.step)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad(set_to_none=True)
        losses = []
        for place in range(share):
            asked = time.monotonic()
            example = next(stream)
            waiting += time.monotonic() - asked
            precision = torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda")
            with precision, summing(learner, more=place + 1 < share):
                value = loss(_apply(learner, example), example) / share
            torch.autograd.backward(value)
            losses.append(float(value.detach()) * share)
        running += itertools.chain(*ranks.gathered(losses))
        progress.samples += settings.batch
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        progress.step += 1
        progress.seconds = before + time.monotonic() - started
        follow(average, model, min(0.999, (1 + progress.step) / (10 + progress.step)))
        if not ranks.first:
            continue
        if progress.step % LOG_EVERY == 0 or time.monotonic() - saved > settings.save_minutes * 60:
            record = {"step": progress.step, "seconds": round(progress.seconds), "loss": float(np.mean(running[-200:]))}
            record |= {"rate": rate, "drawing_share": waiting / (time.monotonic() - started)}
            if time.monotonic() - saved > settings.save_minutes * 60:
                saved = time.monotonic()
                record |= validate(average, validation, settings.folder / "sheet.jpg")
                save(settings, model, average, optimizer, progress)
            _log(settings, record)
    if ranks.first:
        save(settings, model, average, optimizer, progress)
        _log(settings, {"step": progress.step} | validate(average, validation, settings.folder / "sheet.jpg"))


def _log(settings: Settings, record: dict[str, float]) -> None:
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


def _apply(model: nn.Module, example: Example) -> Output:
    output: Output = model(example.volume, example.encodings, example.energy, example.view_weights)
    return output


def _stream(settings: Settings, drawing: Drawing, progress: Progress, ranks: Ranks) -> Iterator[Example]:
    """Return this process's examples: drawn on the GPU itself where there is one, else by other processes."""
    fresh: Iterator[Draw[Example]] = numbered(settings.seed * 2**32 + progress.samples)
    turns = twice(fresh, np.random.default_rng(settings.seed + progress.samples))
    if ranks.device.type == "cuda":
        return own_examples(turns, drawing.example, _recoloured, settings.batch, ranks, workers=0)
    if not settings.workers:
        torch.set_num_threads(1)  # numba's first kernel has given torch all cores
    drawing = replace(drawing, captures=settings.captures)
    return own_examples(turns, drawing.example, _recoloured, settings.batch, ranks, settings.workers)


def twice(fresh: Iterator[T], random: np.random.Generator) -> Iterator[tuple[T, Colours | None]]:
    """Give everything a second time later, with an exchange of its colours: learning costs less than drawing."""
    kept: list[T] = []
    for one in fresh:
        yield one, None
        kept.append(one)
        if len(kept) > REPLAY:
            again = kept.pop(int(random.integers(len(kept))))
            yield again, random.permutation(3)


def _recoloured(example: Example, colours: Colours) -> Example:
    """Exchange the colour channels of volume and truth alike."""
    order = torch.as_tensor(colours, device=example.rgb.device)
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
