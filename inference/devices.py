"""What the networks can run on."""

from __future__ import annotations

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
        name: As ``--device`` and torch call it.
        label: What the maker calls it.
        memory: Bytes of its own memory; ``None`` where it shares the machine's.
    """

    name: str
    label: str
    memory: int | None = None


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
        properties = torch.cuda.get_device_properties(torch.device("cuda"))
        devices.insert(0, Device("cuda", str(properties.name), int(properties.total_memory)))
    return devices


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
