"""What the worker has found on this machine: devices, packages, ways to splat. Asked for, then remembered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import backend
from .backend import Backend
from .job import Job, Steps, answer
from .words import counted, disk_size


class _Known:
    """The last answer, and which backend gave it."""

    told: tuple[Backend, dict[str, Any]] | None = None


def look(job: Job) -> Steps:
    """Ask the worker what is there; what is missing is a warning.

    Raises:
        SightlineError: If there is no worker, or it fails.
    """
    client, asked = backend.client(), backend.find_backend()
    told = yield from answer(job, client, "info", {}, 0.0, 1.0)
    _Known.told = asked, told
    return {"sentence": f"Found {counted(len(told['devices']), 'device')}: {', '.join(device_lines())}"}


def found() -> dict[str, Any] | None:
    """Return what the worker's ``info`` said, ``None`` before it was asked and after another backend was chosen."""
    if _Known.told is None or _Known.told[0] != backend.believed_backend():
        return None
    return _Known.told[1]


def device_lines() -> list[str]:
    """Return each device in words."""
    told = found()
    return [_in_words(device) for device in told["devices"]] if told else []


def gpus() -> int:
    """Return how many GPUs of NVIDIA's were found."""
    told = found()
    return gpu_count(told) if told else 0


def gpu_count(told: Mapping[str, Any]) -> int:
    """Return how many GPUs of NVIDIA's are in what a worker's ``info`` said."""
    return sum(device["name"].partition(":")[0] == "cuda" for device in told["devices"])


def forget() -> None:
    """Drop what is known."""
    _Known.told = None


def _in_words(device: dict[str, Any]) -> str:
    facts = [device["label"]]
    if device["memory"]:
        facts.append(disk_size(device["memory"]))
    if device.get("capability"):
        facts.append(f"compute capability {device['capability']}")
    if device.get("driver"):
        facts.append(f"driver {device['driver']}")
    kind = {"cuda": "CUDA: ", "mps": "MPS: "}.get(device["name"].partition(":")[0], "")
    return kind + ", ".join(facts)
