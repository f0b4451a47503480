"""How much memory a result took, measured where it was made: what a farm job may ask of its machines."""

from __future__ import annotations

import sys
from typing import Any

import torch


def reset_peak() -> None:
    """Begin to measure anew what a GPU's memory holds at most; the process's own peak is that of its whole life."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def peak(device: str) -> dict[str, Any]:
    """Return the peaks since :func:`reset_peak` as plain values.

    Args:
        device: Kind of the device that the result was made on: ``cpu``, ``cuda`` or ``mps``.

    Returns:
        ``device`` and ``label``; ``device_bytes`` that torch reserved on the GPU (CUDA's own context, some hundred
        megabytes, comes besides; ``None`` for a device without memory of its own); ``host_bytes`` of this process
        (resident, the peak of its life; ``None`` where the system does not tell).
    """
    on_gpu = device == "cuda"
    return {
        "device": device,
        "label": torch.cuda.get_device_name() if on_gpu else device,
        "device_bytes": int(torch.cuda.max_memory_reserved()) if on_gpu else None,
        "host_bytes": _resident_peak(),
    }


def _resident_peak() -> int | None:
    if sys.platform == "win32":
        return None
    import resource

    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else 1024 * largest  # getrusage(2): bytes there, kilobytes elsewhere
