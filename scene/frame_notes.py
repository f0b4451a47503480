"""Warnings about frames, said once for all the frames they are about."""

from __future__ import annotations

from ..inference.errors import SightlineError
from .job import Job
from .requests import FrameRequest
from .words import spelled


class FrameNotes:
    """Collects what is said of frames.

    Args:
        job: Whose warnings of a frame are taken out of it, and given back once with their frames.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._start = len(job.warnings)
        self._unused: dict[str, tuple[str, list[int]]] = {}
        self._said: dict[str, list[int]] = {}

    def take(self, frame: int, request: FrameRequest | SightlineError) -> None:
        """Take what the job was warned of since the last frame, and the sources that a frame does without."""
        for sentence in self._job.warnings[self._start :]:
            self._said.setdefault(sentence, []).append(frame)
        del self._job.warnings[self._start :]
        if isinstance(request, FrameRequest):
            for name, reason in request.unused.items():
                self._unused.setdefault(name, (reason, []))[1].append(frame)

    def drop(self) -> None:
        """Drop what the job was warned of since the last frame: that one is asked again."""
        del self._job.warnings[self._start :]

    def tell(self) -> None:
        """Give them back to the job."""
        for name, (reason, frames) in self._unused.items():
            self._job.warnings.append(f"'{name}' is not used at {spelled(sorted(set(frames)))}: {reason}")
        for sentence, frames in self._said.items():
            self._job.warnings.append(f"{spelled(sorted(set(frames))).capitalize()}: {sentence}")
