"""What an installation will fetch and take, in words, before it begins."""

from __future__ import annotations

from ..inference.errors import BackendError
from . import backend, locks
from .environments import environments
from .installation_plan import Plan
from .locks import CPU, CUDA, Lock
from .words import counted, disk_size


def plan_lines(asked: Plan) -> list[str]:
    """Return what *Install Backend* will do: for what, how much, from where, to where."""
    wanted = backend.preferences().accelerator
    lock = asked.lock
    lines = [locks.why(lock, wanted, locks.nvidia_driver()), _cost(asked)]
    lines += [f"Instead {other.title}: {_sizes(other)}" for other in _others(lock)]
    taken = [f"{entry.accelerator} {disk_size(entry.size)}" for entry in environments(asked.root, lock.python)]
    if taken:
        lines.append(f"On the disk now: {', '.join(taken)}")
    return lines


def dialog_lines(asked: Plan) -> list[str]:
    """Return what is asked before the installation begins."""
    return [*plan_lines(asked), f"Into '{asked.root}'"]


def _cost(asked: Plan) -> str:
    lock = asked.lock
    if asked.wheel_folder is not None:
        return f"{_packages(lock)} from '{asked.wheel_folder}', {_size(lock.unpacked)} on the disk"
    already = lock.download - asked.to_download
    words = f"{_packages(lock)}, {_sizes(lock)}"
    return f"{words}; {disk_size(already)} of it is downloaded already" if already > 0 else words


def _packages(lock: Lock) -> str:
    return counted(len(lock.requirements), "package")


def _sizes(lock: Lock) -> str:
    return f"{_size(lock.download)} to download, {_size(lock.unpacked)} on the disk"


def _size(size: int) -> str:
    return disk_size(size) if size else "an unknown amount"


def _others(lock: Lock) -> list[Lock]:
    """Return the locks of the other accelerators for the same machine."""
    found = []
    for wanted in (CPU, CUDA):
        try:
            other = locks.find_lock(lock.path.parent, lock.platform, lock.python, wanted, None)
        except BackendError:
            continue
        if other != lock:
            found.append(other)
    return found
