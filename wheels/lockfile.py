"""Read and write locks: pip's own requirement files, every wheel pinned by its hash, and their sizes as comments."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

LOCKS = Path(__file__).with_name("locks")

_NOTE = re.compile(r"# (?P<file>\S+\.whl): (?P<download>\d+) bytes, (?P<unpacked>\d+) unpacked")
_PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+) --hash=sha256:(?P<sha256>[0-9a-f]{64})")


@dataclass(frozen=True)
class Wheel:
    """One wheel of a lock; sizes in bytes."""

    name: str
    version: str
    file: str
    sha256: str
    download: int
    unpacked: int


def lock_path(target: str) -> Path:
    """Return where the lock of a target is."""
    return LOCKS / f"{target}.txt"


def to_text(wheels: list[Wheel]) -> str:
    """Return the lock of these wheels."""
    lines = [
        f"# download: {sum(wheel.download for wheel in wheels)}",
        f"# unpacked: {sum(wheel.unpacked for wheel in wheels)}",
        "# Written by `make locks` from wheels/requirements.txt.",
    ]
    for wheel in sorted(wheels, key=lambda wheel: wheel.name):
        lines.append(f"# {wheel.file}: {wheel.download} bytes, {wheel.unpacked} unpacked")
        lines.append(f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}")
    return "\n".join(lines) + "\n"


def read_lock(path: Path) -> list[Wheel]:
    """Return the wheels of a lock.

    Raises:
        ValueError: If a line is not what :func:`to_text` writes.
    """
    wheels: list[Wheel] = []
    note: re.Match[str] | None = None
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()[3:], start=4):
        pin = _PIN.fullmatch(line)
        if note is not None and pin is not None:
            sizes = int(note["download"]), int(note["unpacked"])
            wheels.append(Wheel(pin["name"], pin["version"], note["file"], pin["sha256"], *sizes))
            note = None
        elif note is None and (note := _NOTE.fullmatch(line)) is not None:
            continue
        else:
            raise ValueError(f"Line {number} of '{path}' is not a line of a lock; write it again by `make locks`.")
    return wheels
