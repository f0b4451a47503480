"""How sharp pictures are, and the sharpest frames of a movie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..capture.movies import movie_length, read_movie_frame
from ..progress import Progress
from ..view import MovieFrame

# Pictures are compared at this size: a large one that is soft by two pixels is as good as a small one that is not.
LONGER_SIDE = 960
# Of so many frames of each stretch of a movie the sharpest is taken.
CANDIDATES = 5


def sharpness(pixels: NDArray[Any]) -> float:
    """Return the variance of the Laplacian of a picture (H x W x C, uint8 or uint16, RGB first) at 960 pixels.

    In squared units of 8 bits; the more, the sharper (Pech-Pacheco et al. 2000). It depends on what is shown, so only
    pictures of the same things compare.
    """
    values = pixels[..., :3].astype(np.float32) / (257.0 if pixels.dtype == np.uint16 else 1.0)
    grey = np.ascontiguousarray(values.mean(axis=2))
    scale = LONGER_SIDE / max(grey.shape)
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return float(cv2.Laplacian(grey, cv2.CV_32F).var())


def sharpest_frames(movie: Path, count: int, progress: Progress) -> list[MovieFrame]:
    """Return up to ``count`` frames, spread evenly over a movie: of each stretch the sharpest that was looked at.

    Raises:
        PictureError: If the file is missing, no movie, or damaged.
    """
    owner = f"movie '{movie.name}'"
    length = movie_length(movie, owner)
    count = min(count, length)
    chosen = []
    for index in range(count):
        start, end = index * length // count, (index + 1) * length // count
        best = (-1.0, start)
        for frame in sorted(set(np.linspace(start, end - 1, CANDIDATES).round().astype(int).tolist())):
            progress((index + (frame - start) / (end - start)) / count, "Looking for sharp frames")
            best = max(best, (sharpness(read_movie_frame(MovieFrame(movie, frame), owner)), frame))
        chosen.append(MovieFrame(movie, best[1]))
    return chosen


def sharpest_moment(movies: list[Path], progress: Progress, candidates: int = 4 * CANDIDATES) -> list[MovieFrame]:
    """Return one frame of every movie of a synchronised rig, all of the same number.

    Of the moments that are looked at, the one at which the least sharp of the frames is sharpest.

    Raises:
        PictureError: If a file is missing, no movie, or damaged.
    """
    length = min(movie_length(movie, f"movie '{movie.name}'") for movie in movies)
    moments = sorted(set(np.linspace(0, length - 1, min(candidates, length)).round().astype(int).tolist()))
    worst = dict.fromkeys(moments, np.inf)
    for done, movie in enumerate(movies):
        for moment in moments:
            progress((done + moment / length) / len(movies), "Looking for a sharp moment")
            pixels = read_movie_frame(MovieFrame(movie, moment), f"movie '{movie.name}'")
            worst[moment] = min(worst[moment], sharpness(pixels))
    best = max(moments, key=lambda moment: worst[moment])
    return [MovieFrame(movie, best) for movie in movies]
