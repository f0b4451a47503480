"""Workers that share frames out among them: the one of this Blender, or one for each GPU of this machine."""

from __future__ import annotations

import os
from collections.abc import Generator
from dataclasses import dataclass

from ..inference.worker.client import WorkerClient
from . import backend
from .job import Job, Step, answer
from .machine import gpu_count

# What is said in place of a number for one worker on each GPU.
GPUS = "gpus"

# Which GPUs a process of CUDA's sees, and how many threads the libraries of the worker start.
_VISIBLE = "CUDA_VISIBLE_DEVICES"
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True)
class Worker:
    """A worker that frames can be given to; ``label`` is empty where it is the only one."""

    client: WorkerClient
    label: str = ""


def preferred_workers() -> int | str:
    """Return how many workers the preferences ask for."""
    return GPUS if backend.preferences().use_all_gpus else 1


def open_workers(job: Job, wanted: int | str) -> Generator[Step, None, list[Worker]]:
    """Return so many workers, or one for each GPU: that of this Blender where it is one, else others in its place.

    Raises:
        BackendError: If no Python is there to run them.
        Cancelled: If the job was cancelled.
    """
    environments: list[dict[str, str]] = []
    if isinstance(wanted, int):
        if wanted > 1:
            threads = str(max(1, (os.cpu_count() or 1) // wanted))
            environments = [dict.fromkeys(_THREADS, threads)] * wanted
    else:
        told = yield from answer(job, backend.client(), "info", {}, 0.0, 0.0)
        count = gpu_count(told)
        environments = [{_VISIBLE: name} for name in _visible(count)] if count > 1 else []
    if not environments:
        return [Worker(backend.client())]
    backend.end_worker()  # what it holds in memory would be there twice
    kind = "Worker" if isinstance(wanted, int) else "GPU"
    return [Worker(backend.further_client(entry), f"{kind} {n}") for n, entry in enumerate(environments, 1)]


def close_workers(workers: list[Worker]) -> None:
    """End those that are not this Blender's one."""
    for worker in workers:
        if worker.label:
            backend.close_aside(worker.client)


def _visible(count: int) -> list[str]:
    """Return the names of the GPUs that this process sees itself, each for a process that is to see it alone."""
    named = os.environ.get(_VISIBLE, "")
    names = [name.strip() for name in named.split(",")] if named else []
    return names[:count] or [str(index) for index in range(count)]
