"""Frames of movies: a movie whose frames show their number as black and white bars."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from inference.camera import Camera
from inference.capture import movies
from inference.capture.movies import movie_size, read_movie_frame
from inference.capture.photographs import Photographs, fitting_scale, identity, load_photograph, write_rectified
from inference.errors import PictureError
from inference.view import MovieFrame, View

Array = np.ndarray[Any, Any]
WIDTH, HEIGHT, BITS = 64, 48, 8
CAMERA = Camera(WIDTH, HEIGHT, 60.0, 60.0, WIDTH / 2, HEIGHT / 2, np.eye(4))


def bars(number: int) -> Array:
    """Eight bars, white where that bit of the number is set."""
    bits = [255 * (number >> bit & 1) for bit in range(BITS)]
    return np.tile(np.repeat(np.array(bits, np.uint8), WIDTH // BITS)[None, :, None], (HEIGHT, 1, 3))


def number_of(pixels: Array) -> int:
    grey = pixels.reshape(HEIGHT, BITS, WIDTH // BITS, 3)[:, :, 2:-2].mean(axis=(0, 2, 3))
    return sum(1 << bit for bit in range(BITS) if grey[bit] > grey.max() / 2)


def write_movie(path: Path, count: int, rate: float = 25.0, code: str = "MJPG") -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), rate, (WIDTH, HEIGHT))
    if not writer.isOpened():
        pytest.skip(f"this OpenCV cannot write {code}")
    for number in range(1, count + 1):
        writer.write(bars(number))
    writer.release()
    return path


def read(path: Path, frame: int) -> int:
    """Number of the frame that is found, counted from 0."""
    return number_of(read_movie_frame(MovieFrame(path, frame), "picture of 'a'")) - 1


@pytest.mark.parametrize(
    ("name", "code", "rate"), [("a.avi", "MJPG", 25.0), ("b.mp4", "mp4v", 23.976), ("c.avi", "XVID", 50.0)]
)
def test_frames_are_exact_in_any_order(tmp_path: Path, name: str, code: str, rate: float) -> None:
    path = write_movie(tmp_path / name, 90, rate, code)
    order = [0, 1, 2, 40, 41, 39, 89, 0, *np.random.default_rng(1).integers(0, 90, 30)]
    assert [read(path, int(frame)) for frame in order] == order


def test_where_seeking_misses_frames_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder that claims the frame asked for but stands two frames later, as in movies of uneven timing."""

    real = cv2.VideoCapture

    class Inexact:
        def __init__(self, *arguments: Any) -> None:
            self._real = real(*arguments)

        def set(self, name: int, value: float) -> bool:
            return self._real.set(name, value + 2)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._real, name)

    path = write_movie(tmp_path / "a.avi", 90)
    monkeypatch.setattr(cv2, "VideoCapture", Inexact)
    order = [60, 5, 80, 6]
    assert [read(path, frame) for frame in order] == order


def test_colours_and_sizes(tmp_path: Path) -> None:
    writer = cv2.VideoWriter(str(tmp_path / "a.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, (WIDTH, HEIGHT))
    writer.write(np.full((HEIGHT, WIDTH, 3), (30, 120, 220), np.uint8))
    writer.release()
    view = View("a", CAMERA, MovieFrame(tmp_path / "a.avi", 0))
    rgb = load_photograph(view).rgb
    assert np.abs(rgb * 255 - [220, 120, 30]).mean() < 4
    assert movie_size(MovieFrame(tmp_path / "a.avi", 0), "picture") == (WIDTH, HEIGHT)
    assert fitting_scale(view, 32) == 0.5


def test_a_movie_as_picture_and_as_mask(tmp_path: Path) -> None:
    path = write_movie(tmp_path / "a.avi", 20)
    view = View("a", CAMERA, MovieFrame(path, 8), MovieFrame(path, 12))
    photograph = load_photograph(view)
    assert photograph.mask is not None
    assert number_of(photograph.rgb) == 9
    assert number_of(np.repeat(photograph.mask[..., None], 3, axis=2)) == 13
    cache = Photographs()
    assert cache.get(view) is cache.get(view)
    assert cache.get(View("a", CAMERA, MovieFrame(path, 9))) is not cache.get(View("a", CAMERA, MovieFrame(path, 8)))
    cache.clear()
    assert movies._open.cache_info().currsize == 0
    assert write_rectified(view, tmp_path / "out") is view


def test_a_movie_that_was_written_again_is_read_again(tmp_path: Path) -> None:
    path = write_movie(tmp_path / "a.avi", 10)
    before = identity(View("a", CAMERA, MovieFrame(path, 3)))
    assert read(path, 3) == 3
    path.write_bytes(write_movie(tmp_path / "b.avi", 40).read_bytes())
    os.utime(path, ns=(1, 1))
    assert read(path, 33) == 33
    assert identity(View("a", CAMERA, MovieFrame(path, 3))) != before


def test_faults_are_one_sentence(tmp_path: Path) -> None:
    path = write_movie(tmp_path / "a.avi", 10)
    for frame in (10, -1):
        with pytest.raises(PictureError, match=rf"'a' is frame {frame} of a movie that has 10, .*a\.avi"):
            read(path, frame)
    with pytest.raises(PictureError, match=r"'a' is missing: there is no movie .*none\.avi"):
        read(tmp_path / "none.avi", 0)
    with pytest.raises(PictureError, match=r"'b' is missing"):
        identity(View("b", CAMERA, MovieFrame(tmp_path / "none.avi", 0)))
    (tmp_path / "text.avi").write_text("no movie" * 100)
    with pytest.raises(PictureError, match=r"text\.avi is damaged or no movie"):
        read(tmp_path / "text.avi", 0)
    whole = write_movie(tmp_path / "long.avi", 90).read_bytes()
    (tmp_path / "cut.avi").write_bytes(whole[: len(whole) // 2])
    assert read(tmp_path / "cut.avi", 30) == 30
    with pytest.raises(PictureError, match=r"cut\.avi is cut short or damaged before frame 80"):
        read(tmp_path / "cut.avi", 80)
    assert read(tmp_path / "cut.avi", 20) == 20
