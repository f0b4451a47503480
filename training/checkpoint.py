"""Everything a training run needs to go on, in safetensors files of a size that is easily carried about."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

LARGEST = 15_000_000  # bytes of tensors in one file


@dataclass
class Progress:
    """How far a run is: steps taken, samples drawn and seconds spent."""

    step: int = 0
    samples: int = 0
    seconds: float = 0.0


def save_checkpoint(
    path: Path,
    model: nn.Module,
    average: nn.Module,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
    config: dict[str, Any],
) -> None:
    """Write a checkpoint, whole or not at all; what does not fit into its file goes into numbered ones beside it."""
    tensors: dict[str, Tensor] = {f"model.{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in average.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": torch.as_tensor(value) for name, value in state.items()}
    first, *others = _parts({name: value.detach().cpu().clone().contiguous() for name, value in tensors.items()})
    # Named by the step, so that those of the checkpoint before stay whole until its file is replaced.
    names = [f"{path.stem}-{progress.step}-{number}.safetensors" for number in range(1, len(others) + 1)]
    for name, part in zip(names, others, strict=True):
        save_file(part, path.with_name(name))
    aside = path.with_suffix(".partial")
    metadata = {"progress": json.dumps(vars(progress)), "config": json.dumps(config), "others": json.dumps(names)}
    save_file(first, aside, metadata=metadata)
    aside.replace(path)
    for old in path.parent.glob(f"{path.stem}-*-*.safetensors"):
        if old.name not in names:
            old.unlink()


def checkpoint_config(path: Path) -> dict[str, Any]:
    """Return the configuration of a checkpoint's network."""
    with safe_open(path, framework="pt") as file:
        config: dict[str, Any] = json.loads(file.metadata()["config"])
    return config


def load_checkpoint(path: Path, model: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer) -> Progress:
    """Read a checkpoint of the same network into its parts."""
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        progress = Progress(**json.loads(metadata["progress"]))
    tensors: dict[str, Tensor] = {}
    for part in (path, *(path.with_name(name) for name in json.loads(metadata["others"]))):
        tensors |= load_file(part)
    for prefix, module in (("model.", model), ("average.", average)):
        module.load_state_dict({n.removeprefix(prefix): v for n, v in tensors.items() if n.startswith(prefix)})
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, index, key = name.split(".", 2)
            state.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return progress


def _parts(tensors: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    """Return the tensors in their order, in parts of ``LARGEST`` bytes or of one tensor."""
    parts: list[dict[str, Tensor]] = [{}]
    size = 0
    for name, tensor in tensors.items():
        if parts[-1] and size + tensor.nbytes > LARGEST:
            parts.append({})
            size = 0
        parts[-1][name] = tensor
        size += tensor.nbytes
    return parts
