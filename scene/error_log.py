"""The last errors of this Blender's jobs, for diagnostics."""

from __future__ import annotations

import time
from collections import deque

_errors: deque[str] = deque(maxlen=10)


def remember(title: str, sentence: str) -> None:
    """Note what became of a job."""
    _errors.append(f"{time.strftime('%H:%M:%S')} {title}: {sentence}")


def last_errors() -> list[str]:
    """Return the errors, the oldest first, each with its time of day."""
    return list(_errors)
