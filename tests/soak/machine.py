"""What the soak does to processes and disks, and what it reads of them: Linux alone."""

import contextlib
import os
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests.blender.frame_sessions import children


@dataclass
class Usage:
    """Memory and open files of one process, sampled while it lives."""

    resident: list[int] = field(default_factory=list)  # bytes
    files: list[int] = field(default_factory=list)

    def sample(self, pid: int) -> None:
        """Take a sample, unless the process is gone."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
            self.resident.append(pages * os.sysconf("SC_PAGE_SIZE"))
            self.files.append(files)

    def growth(self) -> tuple[float, int]:
        """Return by how many MiB, and how many files, the last quarter's median is above the second quarter's."""
        early, late = slice(len(self.files) // 4, len(self.files) // 2), slice(3 * len(self.files) // 4, None)
        medians = [sorted(values)[len(values) // 2] for values in (self.resident[early], self.resident[late])]
        counts = [sorted(values)[len(values) // 2] for values in (self.files[early], self.files[late])]
        return (medians[1] - medians[0]) / 2**20, counts[1] - counts[0]


def worker_of(process: "subprocess.Popen[bytes]") -> int | None:
    """Return the worker of a Blender, if it has one."""
    return next(iter(children(process.pid)), None)


def kill_worker(process: "subprocess.Popen[bytes]") -> None:
    """Kill a Blender's worker, as the system does where memory runs out."""
    if (pid := worker_of(process)) is not None:
        os.kill(pid, signal.SIGKILL)


def stop_worker(process: "subprocess.Popen[bytes]") -> None:
    """Have a Blender's worker hang for good."""
    if (pid := worker_of(process)) is not None:
        os.kill(pid, signal.SIGSTOP)


def lose(process: "subprocess.Popen[bytes]") -> None:
    """End a Blender and its worker at once, as where a machine is gone."""
    pids = [process.pid, *children(process.pid)]
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


@contextlib.contextmanager
def away(path: Path):
    """Take a file away for a while."""
    elsewhere = path.with_name(f"{path.name}.away")
    path.rename(elsewhere)
    try:
        yield
    finally:
        elsewhere.rename(path)


@contextlib.contextmanager
def full(folder: Path):
    """Fill the disk of a folder for a while."""
    filler = folder / ".filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        for size in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"\0" * size)
    try:
        yield
    finally:
        filler.unlink()


def mount(folder: Path, megabytes: int) -> None:
    """Put a small disk at a folder; ``make soak`` gives the test a namespace where that is allowed."""
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "soak", folder], check=True)
