"""The training loop of GPS-Gaussian: synthetic people in, weights out."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from inference.gps_gaussian.network import GPSGaussian, NetworkConfig
from inference.gps_gaussian.weights import load_network, save_network

from ..checkpoint import Progress, checkpoint_config, load_checkpoint, save_checkpoint
from ..distributed import Ranks, joined
from ..sharing import Draw, numbered, own_examples
from ..train import VALIDATION_SEED, follow, rate_at
from .drawing import Folder, Source, repeated
from .example import Example, extent, join, recoloured
from .stages import StageLoss, choose_parts, sizes
from .validation import Validation

LOG_EVERY = 20  # steps
MOST_SKIPPED = 20  # steps in a row whose loss or gradient is no number
SLOWEST_AVERAGE = 0.998


@dataclass(frozen=True)
class Settings:
    """One training run; see ``python -m training gps-gaussian --help``."""

    folder: Path
    minutes: float
    stage: int
    parts: tuple[str, ...]
    source: Source
    data: Path | None = None
    guided: bool = True
    resume: str | None = None
    batch: int = 1
    rate: float = 5e-4
    device: str = "cpu"
    half: bool = False
    workers: int = 1
    seed: int = 0
    schedule_minutes: float | None = None
    save_minutes: float = 5.0
    validation: int = 8


@dataclass
class _Run:
    """What changes in a run."""

    model: GPSGaussian
    average: GPSGaussian
    optimizer: torch.optim.Optimizer
    progress: Progress = field(default_factory=Progress)
    ranks: Ranks = field(default_factory=lambda: Ranks(torch.device("cpu")))

    def __post_init__(self) -> None:
        self.learner = self.ranks.learner(StageLoss(self.model))


def train(settings: Settings) -> None:
    """Train until the minutes are over; leave weights, checkpoint, log and picture sheet in the run's folder.

    Raises:
        RuntimeError: If the loss is no number for many steps in a row.
        WeightsError: If the weights to start from cannot be used.
    """
    with joined(settings.device, settings.batch) as ranks:
        _train(settings, ranks)


def _train(settings: Settings, ranks: Ranks) -> None:
    torch.manual_seed(settings.seed)
    settings.folder.mkdir(parents=True, exist_ok=True)
    run = _started(settings, ranks)
    progress = run.progress
    validation = _validation(settings, ranks.device) if ranks.first else None
    if validation is not None:
        _log(settings, {"step": progress.step} | validation.measure(run.average, settings.folder / "sheet.jpg"))
    stream = _stream(settings, progress, ranks)
    started = saved = time.monotonic()
    before, budget, drawing = progress.seconds, settings.minutes * 60, 0.0
    whole = (settings.schedule_minutes or settings.minutes) * 60
    running: list[dict[str, float]] = []
    skipped = 0
    while (elapsed := ranks.agreed(time.monotonic() - started)) < budget:
        share = (before + elapsed if settings.schedule_minutes else elapsed) / whole
        rate = rate_at(settings.rate, share, progress.step)
        asked = time.monotonic()
        batch = _joined([next(stream) for _ in range(settings.batch // ranks.count)], ranks)
        drawing += time.monotonic() - asked
        values = _step(run, batch, settings, rate)
        progress.samples += settings.batch
        skipped = skipped + 1 if values is None else 0
        if skipped > MOST_SKIPPED:
            raise RuntimeError(f"the loss was no number for {skipped} steps in a row, from step {progress.step} on")
        if values is not None:
            running.append(values)
        progress.step += 1
        progress.seconds = before + time.monotonic() - started
        if validation is None:
            continue
        if progress.step % LOG_EVERY == 0:
            record = {"step": progress.step, "seconds": round(progress.seconds), "rate": rate}
            record |= {name: float(np.mean([v[name] for v in running])) for name in (running[0] if running else ())}
            _log(settings, record | {"drawing_share": drawing / (time.monotonic() - started)})
            running.clear()
        if time.monotonic() - saved > settings.save_minutes * 60:
            saved = time.monotonic()
            _save(settings, run, validation)
    if validation is not None:
        _save(settings, run, validation)


def _validation(settings: Settings, device: torch.device) -> Validation:
    examples = [join([settings.source.draw(VALIDATION_SEED + n)], device) for n in range(settings.validation)]
    return Validation(examples, settings.half)


def _started(settings: Settings, ranks: Ranks) -> _Run:
    """Return a run that begins, goes on from a checkpoint, or starts from weights."""
    resume, device = settings.resume, ranks.device
    checkpoint = Path(resume) if resume and Path(resume).name.startswith("checkpoint") else None
    if checkpoint is not None:
        model = GPSGaussian(NetworkConfig.from_json(checkpoint_config(checkpoint))).to(device)
    elif resume:
        model, _ = load_network(resume, device)
    else:
        model = GPSGaussian(NetworkConfig(settings.guided)).to(device)
    # Convolutions are faster in this layout, in half precision above all.
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(model).eval().requires_grad_(False)
    # Frozen parts are among them, for later stages; without gradients they stay as they are.
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.rate, weight_decay=1e-5)
    progress = Progress() if checkpoint is None else load_checkpoint(checkpoint, model, average, optimizer)
    choose_parts(model, settings.parts)
    return _Run(model.train(), average, optimizer, progress, ranks)


def _joined(examples: Sequence[Example], ranks: Ranks) -> Example:
    """Return this process's pairs as one, as large as those of all processes: normalisation sees the rim."""
    heights, widths = zip(*ranks.gathered(extent(examples)), strict=True)
    return join(examples, ranks.device, (int(max(heights)), int(max(widths))))


def _step(run: _Run, batch: Example, settings: Settings, rate: float) -> dict[str, float] | None:
    """Take one step; return its losses, or ``None`` where a loss or gradient is no number and nothing is changed."""
    for group in run.optimizer.param_groups:
        group["lr"] = rate
    run.optimizer.zero_grad(set_to_none=True)
    losses = run.learner(batch, settings.stage, settings.half)
    parts = sizes(batch)
    pooled = {name: run.ranks.pooled(float(value.detach()), parts[name]) for name, value in losses.items()}
    if not all(math.isfinite(value) for value, _ in pooled.values()):
        return None
    torch.autograd.backward(torch.stack([value * pooled[name][1] for name, value in losses.items()]).sum())
    norm = torch.nn.utils.clip_grad_norm_(run.model.parameters(), 1.0)
    if not bool(norm.isfinite()):
        return None
    run.optimizer.step()
    follow(run.average, run.model, min(SLOWEST_AVERAGE, (1 + run.progress.step) / (10 + run.progress.step)))
    return {name: value for name, (value, _) in pooled.items()}


def _stream(settings: Settings, progress: Progress, ranks: Ranks) -> Iterator[Example]:
    """Return this process's examples: of the folder there is, or drawn as training goes and given twice."""
    random = np.random.default_rng([settings.seed, progress.samples])
    draws: Iterator[Draw[Example]]
    if settings.data is not None:
        draws = numbered(progress.samples)
    else:
        draws = repeated(numbered(settings.seed * 2**32 + progress.samples), random)
    made = settings.source.draw if settings.data is None else Folder(settings.data, settings.seed).read
    turns = ((one, random.permutation(3)) for one in draws)
    return own_examples(turns, made, recoloured, settings.batch, ranks, settings.workers)


def _save(settings: Settings, run: _Run, validation: Validation) -> None:
    """Validate, and write the checkpoint and the averaged weights."""
    measured = validation.measure(run.average, settings.folder / "sheet.jpg")
    _log(settings, {"step": run.progress.step, "seconds": round(run.progress.seconds)} | measured)
    config = run.model.config.to_json()
    path = settings.folder / "checkpoint.safetensors"
    save_checkpoint(path, run.model, run.average, run.optimizer, run.progress, config)
    record: dict[str, Any] = vars(run.progress) | {"stage": settings.stage, "parts": list(settings.parts)}
    record |= {"size": settings.source.size, "batch": settings.batch, "rate": settings.rate}
    record |= {"device": settings.device, "data": "synthetic people", "started_from": settings.resume}
    save_network(settings.folder / "weights.safetensors", run.average, record)


def _log(settings: Settings, record: dict[str, Any]) -> None:
    with (settings.folder / "log.jsonl").open("a") as log:
        log.write(json.dumps(record) + "\n")
