"""The pictures to calibrate: from a folder, files, a movie, or the movies of a synchronised rig."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..capture.located import PICTURE_ENDINGS
from ..capture.movies import close_movies, read_movie_frame
from ..capture.names import file_stem
from ..errors import CaptureError
from ..picture_output import write_picture
from ..progress import Progress
from ..view import MovieFrame
from .sharpness import sharpest_frames, sharpest_moment

MOVIE_ENDINGS = frozenset((".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mts", ".mpg", ".mpeg"))
MOVIE_FRAMES = 40


def gather_pictures(images: Sequence[Path], frames: Path, progress: Progress) -> list[Path]:
    """Return the picture files that are meant, by name.

    Args:
        images: A folder (or one with its pictures in ``images``), picture files, a movie, or several movies, which are
            the clips of a synchronised rig.
        frames: The folder that frames of movies are written to, as JPEG: of one movie 40 sharp ones, evenly spread; of
            several, one of each at the same moment.
        progress: Told while movies are read.

    Raises:
        CaptureError: If there are none, or pictures and movies are mixed.
        PictureError: If a movie cannot be read.
        OutputError: If a frame cannot be written.
    """
    files = [file for image in images for file in (_in_folder(image) if image.is_dir() else [image])]
    for file in files:
        if not file.is_file():
            raise CaptureError(f"{file} does not exist; name a folder of photographs, picture files, or a movie.")
    movies = [file for file in files if file.suffix.lower() in MOVIE_ENDINGS]
    if movies and len(movies) < len(files):
        raise CaptureError("Photographs and movies cannot be calibrated together; name either.")
    if not movies:
        for file in files:
            if file.suffix.lower() not in PICTURE_ENDINGS:
                raise CaptureError(f"{file} is neither a picture nor a movie; save it as JPEG or PNG.")
        return files
    try:
        chosen = (
            sharpest_frames(movies[0], MOVIE_FRAMES, progress)
            if len(movies) == 1
            else sharpest_moment(movies, progress)
        )
        return [_written(frame, frames) for frame in chosen]
    finally:
        close_movies()


def _in_folder(folder: Path) -> list[Path]:
    """Return the pictures in a folder or in its ``images``; without any, its movies."""
    for place in (folder, folder / "images"):
        found = sorted(file for file in place.iterdir() if file.is_file()) if place.is_dir() else []
        for endings in (PICTURE_ENDINGS, MOVIE_ENDINGS):
            if wanted := [file for file in found if file.suffix.lower() in endings]:
                return wanted
    raise CaptureError(f"The folder {folder} holds no photographs; name one with JPEG or PNG files, or a movie.")


def _written(frame: MovieFrame, folder: Path) -> Path:
    path = folder / f"{file_stem(frame.path.stem)}_{frame.frame:06d}.jpg"
    pixels = read_movie_frame(frame, f"movie '{frame.path.name}'")
    write_picture(path, pixels.astype(np.float32) / 255, quality=97)
    return path
