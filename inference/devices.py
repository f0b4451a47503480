"""What the networks can run on."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import BackendError

if TYPE_CHECKING:
    import torch

DEVICE_NAMES = ("auto", "cpu", "cuda", "mps")


@dataclass(frozen=True)
class Device:
    """A device of this machine.

    Args:
        name: As ``--device`` and torch call it; further GPUs are ``cuda:1`` and so on.
        label: What the maker calls it.
        memory: Bytes of its own memory; ``None`` where it shares the machine's.
        capability: Compute capability of a CUDA device, such as ``9.0``.
        driver: Version of its driver; empty where there is none or it does not say.
    """

    name: str
    label: str
    memory: int | None = None
    capability: str = ""
    driver: str = ""


def list_devices() -> list[Device]:
    """Return what torch can use on this machine, the one that ``auto`` takes first.

    Raises:
        ImportError: If torch is not installed.
    """
    import torch

    devices = [Device("cpu", f"CPU, {torch.get_num_threads()} threads")]
    if torch.backends.mps.is_available():
        devices.insert(0, Device("mps", "Apple GPU"))
    if torch.cuda.is_available():
        driver = _nvidia_driver()
        devices = [*(_cuda_device(index, driver) for index in range(torch.cuda.device_count())), *devices]
    return devices


def _cuda_device(index: int, driver: str) -> Device:
    import torch

    properties = torch.cuda.get_device_properties(index)
    capability = f"{properties.major}.{properties.minor}"
    name = f"cuda:{index}" if index else "cuda"
    return Device(name, str(properties.name), int(properties.total_memory), capability, driver)


def _nvidia_driver() -> str:
    """Return the version that NVIDIA's own tool tells, which comes with the driver; torch knows none."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        told = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return told.stdout.split("\n")[0].strip() if told.returncode == 0 else ""


def choose_device(name: str = "auto") -> torch.device:
    """Return the torch device of one of :data:`DEVICE_NAMES`.

    Raises:
        BackendError: If this machine, or this build of torch, has no such device.
        ImportError: If torch is not installed.
    """
    import torch

    if name not in DEVICE_NAMES:
        raise BackendError(f"The device '{name}' is not known; use one of: {', '.join(DEVICE_NAMES)}.")
    present = [device.name for device in list_devices()]
    if name == "auto":
        return torch.device(present[0])
    if name not in present:
        raise BackendError(
            f"The device '{name}' is not there for torch {torch.__version__}; use: {', '.join(present)}."
        )
    return torch.device(name)
