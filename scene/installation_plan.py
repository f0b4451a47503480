"""What *Install Backend* will do, as the preferences ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import bpy

from . import backend
from .locks import Lock
from .wheels import listed_size


@dataclass(frozen=True)
class Plan:
    """What *Install Backend* will do.

    Args:
        lock: The packages.
        root: Where the environment will be.
        wheel_folder: Where they are taken from without a network; ``None``: fetched from the package index.
        index: Address of a further package index, or empty.
        keep: Whether the downloads stay when all is done.
    """

    lock: Lock
    root: Path
    wheel_folder: Path | None
    index: str
    keep: bool

    @property
    def downloads(self) -> Path:
        """Where fetched wheels are kept."""
        return self.root / "wheels"

    @property
    def log(self) -> Path:
        """What the commands print."""
        return self.root / "install.log"

    @property
    def source(self) -> str:
        """Where the packages come from, in words."""
        return "from the package index" if self.wheel_folder is None else "from a wheel folder"

    @property
    def to_download(self) -> int:
        """Bytes that are not there yet, 0 where the lock does not say; what is there is judged by names alone."""
        if self.wheel_folder is not None:
            return 0
        return max(0, self.lock.download - listed_size(self.downloads, self.lock.requirements))

    @property
    def needed(self) -> int:
        """Bytes that the disk must have free, 0 where the lock does not say."""
        return self.to_download + self.lock.unpacked


def plan() -> Plan:
    """Return what the preferences ask for.

    Raises:
        BackendError: If there is no list of packages for this machine.
    """
    chosen = backend.preferences()
    folder = Path(bpy.path.abspath(chosen.wheel_folder)) if chosen.wheel_folder else None
    index = chosen.package_index.strip()
    return Plan(backend.fitting_lock(), backend.backend_root(), folder, index, chosen.keep_downloads)
