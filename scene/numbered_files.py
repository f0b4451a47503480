"""Files that have the number of their frame in their names: ``walk.0012.ply`` is frame 12 of ``walk.####.ply``."""

from __future__ import annotations

import re
from pathlib import Path

_PLACE = re.compile(r"#+(?=[^#]*$)")


def parts(name: str) -> tuple[str, int, str] | None:
    """Return what stands before and after the frame's number in a pattern, and how many digits it has.

    ``None`` where the name has no place for a number.
    """
    place = _PLACE.search(name)
    return None if place is None else (name[: place.start()], len(place.group()), name[place.end() :])


def file_at(pattern: Path, frame: int) -> Path:
    """Return what the file of a frame is called, whether it is there or not; the pattern's name has a ``#``."""
    found = parts(pattern.name)
    if found is None:
        raise ValueError(f"{pattern} has no # where the frame's number stands")
    before, digits, after = found
    return pattern.with_name(f"{before}{frame:0{digits}d}{after}")
