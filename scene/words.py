"""Numbers as people read them."""

from __future__ import annotations

from collections.abc import Sequence


def counted(number: int, noun: str) -> str:
    """Return a number of things, such as ``1 frame`` or ``1,200 frames``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def disk_size(size: float) -> str:
    """Return a number of bytes in megabytes or gigabytes, as file browsers count them."""
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"


def duration(seconds: float) -> str:
    """Return how long something takes, as exactly as an estimate is worth."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def spelled(frames: Sequence[int]) -> str:
    """Return ascending frames, such as ``frames 1, 4-6``."""
    runs: list[list[int]] = []
    for frame in frames:
        if runs and frame == runs[-1][-1] + 1:
            runs[-1].append(frame)
        else:
            runs.append([frame])
    words = [f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs]
    return f"{'frames' if len(frames) > 1 else 'frame'} {', '.join(words)}"
