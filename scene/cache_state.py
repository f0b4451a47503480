"""What the cache of finished frames holds, for panels that ask at every redraw."""

from __future__ import annotations

import threading
import time

from ..inference.frame_cache import FrameCache
from .requests import cache
from .words import counted, disk_size

# For so many seconds a panel believes what was found (seconds).
_BELIEVED = 2.0

# So long a panel waits for the first count: a small cache is counted by then; ten thousand frames take fifty
# milliseconds (seconds).
_PATIENCE = 0.003


class _Known:
    """What was found last, and when it was looked for: of the user's folder, not of a scene."""

    size: tuple[int, int] | None = None
    when = float("-inf")


def cache_in_words() -> str:
    """Return how many frames the cache holds and how much space they take.

    Where that is older than two seconds, a thread counts them anew for the next redraw.
    """
    now = time.monotonic()
    if now - _Known.when > _BELIEVED:
        _Known.when = now
        counting = threading.Thread(target=_count, args=(cache(),), name="sightline-count", daemon=True)
        counting.start()
        if _Known.size is None:
            counting.join(_PATIENCE)
    if _Known.size is None:
        return "Counting the cached frames"
    entries, size = _Known.size
    if not entries:
        return "The frame cache is empty"
    return f"Cache: {counted(entries, 'frame')}, {disk_size(size)}"


def empty_cache() -> None:
    """Remove every frame from the cache."""
    cache().clear()
    forget()


def forget() -> None:
    """Count anew at the next question."""
    _Known.size, _Known.when = None, float("-inf")


def _count(frames: FrameCache) -> None:
    _Known.size = frames.size()
