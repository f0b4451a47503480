"""Wheels in a folder: which of them a lock lists, by their hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from .locks import Requirement


@dataclass(frozen=True)
class Found:
    """What of a lock is in a folder.

    Args:
        wheels: The file of each package that is there.
        missing: Packages of which there is no file.
        wrong: Files of the right name with another hash.
    """

    wheels: dict[str, Path] = field(default_factory=dict)
    missing: list[Requirement] = field(default_factory=list)
    wrong: list[Path] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes of the files that are there."""
        return sum(path.stat().st_size for path in self.wheels.values())


def find_wheels(folder: Path, requirements: Iterable[Requirement]) -> Found:
    """Look in a folder for the wheels of a lock and compute their hashes, which takes seconds for gigabytes.

    Raises:
        OSError: If the folder or a file in it cannot be read.
    """
    files = sorted(folder.glob("*.whl")) if folder.is_dir() else []
    found = Found()
    for requirement in requirements:
        for path in (path for path in files if requirement.served_by(path.name)):
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() in requirement.hashes:
                    found.wheels[requirement.name] = path
                    break
            found.wrong.append(path)
        if requirement.name not in found.wheels:
            found.missing.append(requirement)
    return found


def listed_size(folder: Path, requirements: Iterable[Requirement]) -> int:
    """Return the bytes of the files in a folder that have the names of a lock's wheels; for a panel, without hashes."""
    try:
        files = [(path.name, path.stat().st_size) for path in folder.glob("*.whl")]
    except OSError:  # may not be read, or one has just gone
        return 0
    return sum(size for entry in requirements for name, size in files if entry.served_by(name))
