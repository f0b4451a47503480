"""Which frames are meant: a scene's, or those that are typed as ``1-100,120`` or ``1-100x2`` (``1-100:2`` on farms)."""

from __future__ import annotations

import re
from collections.abc import Sequence

import bpy

# Blender's own limit, either side of 0.
_LIMIT = 1048574

_PART = re.compile(r"(-?\d+)(?:-(-?\d+)(?:[x:](\d+))?)?")


def frames_of(scene: bpy.types.Scene) -> range:
    """Return the frames of a scene's range."""
    return range(scene.frame_start, scene.frame_end + 1, scene.frame_step)


def frames_ahead(scene: bpy.types.Scene, frame: int, count: int, *, backwards: bool, around: bool) -> list[int]:
    """Return the frames that may be next on the timeline, at most so many, the likeliest first.

    Args:
        scene: Its preview range counts where it is on, as for playing.
        frame: The current one.
        count: The most.
        backwards: Whether lower frames come next; those of the other side follow where there are not enough.
        around: Whether the other end follows the end of the range, as in playing.
    """
    first, last = scene.frame_start, scene.frame_end
    if scene.use_preview_range:
        first, last = scene.frame_preview_start, scene.frame_preview_end
    if around:
        length, step = last - first + 1, -1 if backwards else 1
        return [first + (frame + step * place - first) % length for place in range(1, min(count, length) + 1)]
    later, earlier = range(max(frame + 1, first), last + 1), range(min(frame - 1, last), first - 1, -1)
    ahead, behind = (earlier, later) if backwards else (later, earlier)
    return [*ahead[:count], *behind[: max(0, count - len(ahead))]]


def parse_frames(text: str) -> tuple[int, ...]:
    """Return the frames that a text names, ascending, each once.

    Raises:
        ValueError: If it names none, or is something else; the sentence says what is expected.
    """
    frames: set[int] = set()
    for piece in text.replace(" ", "").split(","):
        found = _PART.fullmatch(piece)
        if found is None:
            raise ValueError(f"'{piece}' is no frame and no range; write 12, 1-100, 1-100x2, or several with commas")
        first = int(found[1])
        last, step = int(found[2] or first), int(found[3] or 1)
        if last < first or step < 1:
            raise ValueError(f"'{piece}' names no frame; write the first before the last, and a step above 0")
        if max(abs(first), abs(last)) > _LIMIT:
            raise ValueError(f"'{piece}' is beyond Blender's frames, which end at {_LIMIT}")
        frames.update(range(first, last + 1, step))
    return tuple(sorted(frames))


def frames_as_text(frames: Sequence[int]) -> str:
    """Return ascending frames, each once, as :func:`parse_frames` and farms read them: ``1-100,120`` or ``1-99:2``."""
    pieces: list[str] = []
    first = 0
    while first < len(frames):
        last = first
        step = frames[first + 1] - frames[first] if first + 1 < len(frames) else 1
        while last + 1 < len(frames) and frames[last + 1] - frames[last] == step:
            last += 1
        if step > 1 and last == first + 1:  # two frames with a gap are no range: the second may begin one
            last = first
        if last == first:
            pieces.append(str(frames[first]))
        else:
            pieces.append(f"{frames[first]}-{frames[last]}" + (f":{step}" if step > 1 else ""))
        first = last + 1
    return ",".join(pieces)
