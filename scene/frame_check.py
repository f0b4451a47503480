"""Whether frames of a path are there, whole, and what the scene asks for now."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..inference.errors import SightlineError
from ..inference.file_stamp import bears_stamp
from .backend import client
from .frame_requests import Asked, prepared, read_requests
from .frames import Frames
from .job import Job, Step, answer
from .numbered_files import file_at

# Frames of one question to the worker: it reads as many files at once as it has processors.
_AT_ONCE = 64


@dataclass(frozen=True)
class Verdict:
    """What is wrong with a frame's file, as a sentence; empty where nothing is.

    ``foreign`` says that it is somebody else's file, which making frames anew leaves as it is.
    """

    frame: int
    path: Path
    problem: str = ""
    foreign: bool = False


def check_frames(
    job: Job, asked: Frames, tell: Callable[[Verdict], None] = lambda _verdict: None
) -> Generator[Step, None, list[Verdict]]:
    """Return what is wrong with each frame. The worker decodes every file whole.

    Args:
        job: The running one.
        asked: The frames, and where they lie.
        tell: Called with each verdict as soon as it is known.

    Raises:
        SightlineError: If nothing can be checked: no backend, no depth range.
    """
    worker = client()
    yield Step(0.0, "Reading cameras")
    files: dict[int, Path] = {}
    recipe = yield from prepared(job, asked.recipe, files, worker)
    verdicts: list[Verdict] = []
    for begin in range(0, len(asked.numbers), _AT_ONCE):
        frames = asked.numbers[begin : begin + _AT_ONCE]
        start, end = begin / len(asked.numbers), (begin + len(frames)) / len(asked.numbers)
        requests: dict[int, Asked] = {}
        while len(requests) < len(frames):
            yield Step(start, f"Frame {begin + 1} of {len(asked.numbers)}")
            requests |= read_requests(recipe, frames[len(requests) :], files, clouds=asked.clouds)
        paths = [file_at(asked.pattern, frame) for frame in frames]
        data = yield from answer(job, worker, "examine", {"paths": [str(path) for path in paths]}, start, end)
        for frame, path, found in zip(frames, paths, data["files"], strict=True):
            verdicts.append(_verdict(frame, path, found, requests[frame], recipe.quality))
            tell(verdicts[-1])
    return verdicts


def _verdict(frame: int, path: Path, found: dict[str, Any], request: Asked, quality: str) -> Verdict:
    """Return what is wrong with a file of which the worker has told what is in it."""
    if found["problem"] == "missing":
        return Verdict(frame, path, f"'{path}' is missing.")
    if not bears_stamp(path):
        return Verdict(frame, path, f"'{path}' was not made by Sightline; move it, then make the frame.", foreign=True)
    if found["problem"]:
        return Verdict(frame, path, f"'{path}' is damaged or cut short.")
    if isinstance(request, SightlineError):
        return Verdict(frame, path, f"It cannot be told whether '{path}' is right: {request}")
    # A preview is smaller than the picture it stands for.
    if request.size is not None and quality == "full" and tuple(found["size"]) != request.size:
        has, wanted = (f"{width} x {height}" for width, height in (found["size"], request.size))
        return Verdict(frame, path, f"'{path}' has {has} pixels, and the scene asks for {wanted}.")
    if found["stamp"] != request.key:
        return Verdict(frame, path, f"'{path}' was made before something that it depends on has changed.")
    return Verdict(frame, path)
