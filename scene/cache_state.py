"""What the cache of finished frames holds, for panels that ask at every redraw."""

from __future__ import annotations

import time

from .requests import cache
from .words import counted, disk_size

# For so many seconds a panel believes what was found (seconds).
_BELIEVED = 2.0


class _Known:
    """What was found last, and when: of the user's folder, not of a scene."""

    size: tuple[int, int] = (0, 0)
    when = float("-inf")


def cache_in_words() -> str:
    """Return how many frames the cache holds and how much space they take, at most two seconds old."""
    now = time.monotonic()
    if now - _Known.when > _BELIEVED:
        _Known.size, _Known.when = cache().size(), now
    entries, size = _Known.size
    if not entries:
        return "The frame cache is empty"
    return f"Cache: {counted(entries, 'frame')}, {disk_size(size)}"


def empty_cache() -> None:
    """Remove every frame from the cache."""
    cache().clear()
    _Known.when = float("-inf")
