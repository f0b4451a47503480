"""Single frames of movie files, by their exact number."""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import PictureError
from ..view import MovieFrame

# Movies that stay open: a frame soon after the last one read needs no seeking. A decoder of 4K holds about 200 MB.
_OPEN = 8
# Frames that are decoded and skipped rather than sought: about the distance of two key frames.
_NEAR = 24


def read_movie_frame(wanted: MovieFrame, owner: str) -> NDArray[np.uint8]:
    """Decode one frame of a movie: the one that many frames are stored before, whatever their times.

    Returns:
        H x W x 3 RGB of uint8.

    Raises:
        PictureError: If the file is missing, no movie, damaged before that frame, or ends before it.
    """
    movie = _opened(wanted.path, owner)
    if not 0 <= wanted.frame < movie.count:
        raise PictureError(
            f"The {owner} is frame {wanted.frame} of a movie that has {movie.count}, counted from 0: {wanted.path}; "
            "choose another frame or change where the movie starts."
        )
    pixels = movie.read(wanted.frame)
    if pixels is None:
        close_movies()  # a decoder that has met damage is in no known state
        raise PictureError(
            f"The {owner} cannot be read: the movie {wanted.path} is cut short or damaged before frame {wanted.frame}; "
            "copy it again."
        )
    return np.ascontiguousarray(pixels[..., ::-1])


def movie_size(wanted: MovieFrame, owner: str) -> tuple[int, int]:
    """Return width and height of a movie's frames.

    Raises:
        PictureError: If the file is missing or no movie.
    """
    return _opened(wanted.path, owner).size


def movie_length(path: Path, owner: str) -> int:
    """Return the number of frames of a movie.

    Raises:
        PictureError: If the file is missing or no movie.
    """
    return _opened(path, owner).count


def close_movies() -> None:
    """Close the movies that are kept open."""
    _open.cache_clear()


class _Movie:
    """An open movie and the number of the frame that its decoder holds."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begin()
        self._start = float(self._capture.get(cv2.CAP_PROP_POS_MSEC))
        self._rate = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.count = max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))) if self._held == 0 else 0
        self.size = (
            int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
            int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
        )

    def read(self, frame: int) -> NDArray[np.uint8] | None:
        """Return a frame in BGR order, or ``None`` where it cannot be decoded."""
        if not 0 <= frame - self._held <= _NEAR and not self._seek(frame):
            self._begin()
        while self._held < frame:
            if not self._capture.grab():
                return None
            self._held += 1
        found, pixels = self._capture.retrieve()
        return np.asarray(pixels, dtype=np.uint8) if found and self._held == frame else None

    def _begin(self) -> None:
        """Open the file and go to its first frame."""
        self._capture = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG)
        self._held = 0 if self._capture.grab() else -1

    def _seek(self, frame: int) -> bool:
        """Go to a frame; return whether the time of what was found is that frame's.

        Seeking goes by time. Where frames are not evenly spaced in it, a time says nothing of their number, and only
        counting from the first one helps.
        """
        self._capture.set(cv2.CAP_PROP_POS_FRAMES, frame)
        if not self._capture.grab():
            return False
        self._held = frame
        seconds = (self._capture.get(cv2.CAP_PROP_POS_MSEC) - self._start) / 1000.0
        return math.isclose(seconds * self._rate, frame, abs_tol=0.4)


@lru_cache(maxsize=_OPEN)
def _open(path: Path, _changed: int, _length: int) -> _Movie:
    return _Movie(path)


def _opened(path: Path, owner: str) -> _Movie:
    try:
        status = path.stat()
    except OSError as error:
        raise PictureError(f"The {owner} is missing: there is no movie {path} ({error.strerror or error}).") from None
    movie = _open(path, status.st_mtime_ns, status.st_size)
    if not movie.count or not all(movie.size):
        close_movies()
        raise PictureError(f"The {owner} cannot be read: {path} is damaged or no movie; copy it again.")
    return movie
