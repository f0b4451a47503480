from __future__ import annotations

import errno
import os
import tracemalloc
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from inference.camera import Camera
from inference.capture.photographs import load_photograph
from inference.capture.picture_files import is_cut_short, picture_size
from inference.errors import OutputError, PictureError
from inference.file_output import write_bytes
from inference.picture_output import write_picture
from inference.view import View

CAMERA = Camera(64, 48, 60.0, 60.0, 32.0, 24.0, np.eye(4))


def noise(channels: int = 3) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).integers(0, 256, size=(48, 64, channels), dtype=np.uint8)


def encoded(ending: str, settings: tuple[int, ...] = ()) -> bytes:
    done, data = cv2.imencode(ending, noise(), settings)
    assert done
    return bytes(data.tobytes())


PROGRESSIVE = (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
RESTARTS = (cv2.IMWRITE_JPEG_RST_INTERVAL, 2)


@pytest.mark.parametrize(
    ("ending", "settings"),
    [(".jpg", ()), (".jpg", PROGRESSIVE), (".jpg", RESTARTS), (".png", ()), (".webp", ()), (".bmp", ()), (".tif", ())],
)
def test_cut_short_anywhere_a_picture_is_refused(tmp_path: Path, ending: str, settings: tuple[int, ...]) -> None:
    whole = encoded(ending, settings)
    path = tmp_path / f"a{ending}"
    path.write_bytes(whole)
    assert load_photograph(View("a", CAMERA, path)).rgb.shape == (48, 64, 3)
    assert not is_cut_short(whole)
    lengths = {0, 1, 2, 3, 8, 20, 40, len(whole) - 1, len(whole) - 2, *range(50, len(whole) - 3, len(whole) // 25)}
    for length in sorted(lengths):
        path.write_bytes(whole[:length])
        with pytest.raises(PictureError, match=f"picture of 'a'.*a{ending}"):
            load_photograph(View("a", CAMERA, path))


def test_a_file_whose_end_was_never_copied_is_refused(tmp_path: Path) -> None:
    # Interrupted downloads have the full length and zeros at the end.
    for ending in (".jpg", ".png"):
        whole = encoded(ending)
        path = tmp_path / f"a{ending}"
        path.write_bytes(whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2))
        with pytest.raises(PictureError, match="cut short"):
            load_photograph(View("a", CAMERA, path))


def test_a_thumbnails_end_is_not_the_pictures(tmp_path: Path) -> None:
    whole = encoded(".jpg")
    thumbnail = b"Exif\0\0" + b"\xff\xd8\xff\xd9"
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    assert is_cut_short((whole[:2] + segment + whole[2:])[:-10])
    assert not is_cut_short(whole[:2] + segment + whole[2:])
    # What cameras append after the end does no harm.
    assert not is_cut_short(whole + b"appended")


def test_a_flipped_byte_in_a_png_is_noticed() -> None:
    damaged = bytearray(encoded(".png"))
    damaged[len(damaged) // 2] ^= 4
    assert is_cut_short(bytes(damaged))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "missing"),
        (lambda path: path.mkdir(), "folder"),
        (lambda path: path.write_bytes(b""), "empty"),
        (lambda path: path.write_text("no picture at all"), "unknown format"),
        (lambda path: cv2.imwrite(str(path.with_suffix(".tiff")), np.zeros((48, 64, 3), np.float32)) and
            path.with_suffix(".tiff").rename(path), "float32"),
    ],
)  # fmt: skip
def test_what_is_no_picture_is_named(tmp_path: Path, make: Any, words: str) -> None:
    path = tmp_path / "a.png"
    make(path)
    with pytest.raises(PictureError) as caught:
        load_photograph(View("kitchen", CAMERA, path))
    assert "'kitchen'" in str(caught.value) and str(path) in str(caught.value) and words in str(caught.value)


@pytest.mark.parametrize(("ending", "settings"), [(".jpg", ()), (".jpg", PROGRESSIVE), (".png", ()), (".webp", ())])
def test_sizes_come_from_headers(tmp_path: Path, ending: str, settings: tuple[int, ...]) -> None:
    path = tmp_path / f"a{ending}"
    path.write_bytes(encoded(ending, settings))
    assert picture_size(path, "picture") == (64, 48)


def test_no_more_of_a_picture_is_read_for_its_size_than_needed(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    path.write_bytes(encoded(".jpg"))
    with path.open("r+b") as file:
        file.truncate(64 << 20)
    tracemalloc.start()
    try:
        assert picture_size(path, "picture") == (64, 48)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    # What stands before the size may be large: here, 3 MiB of application segments.
    jpeg = encoded(".jpg")
    path.write_bytes(jpeg[:2] + (b"\xff\xe5\xff\xff" + b"\0" * 65533) * 48 + jpeg[2:])
    assert picture_size(path, "picture") == (64, 48)


def test_pictures_are_written_as_they_are(tmp_path: Path) -> None:
    rgb = np.random.default_rng(1).uniform(-0.1, 1.1, size=(48, 64, 3)).astype(np.float32)
    alpha = np.linspace(0, 1, 48 * 64, dtype=np.float32).reshape(48, 64)
    write_picture(tmp_path / "deep" / "a.png", rgb, alpha)
    back = cv2.imread(str(tmp_path / "deep" / "a.png"), cv2.IMREAD_UNCHANGED)
    assert back.dtype == np.uint16
    assert np.abs(back[..., :3][..., ::-1] / 65535 - np.clip(rgb, 0, 1)).max() < 1e-5
    assert np.abs(back[..., 3] / 65535 - alpha).max() < 1e-5
    write_picture(tmp_path / "b.png", rgb, bits=8)
    assert cv2.imread(str(tmp_path / "b.png"), cv2.IMREAD_UNCHANGED).dtype == np.uint8
    write_picture(tmp_path / "c.jpg", rgb, alpha)
    assert cv2.imread(str(tmp_path / "c.jpg"), cv2.IMREAD_UNCHANGED).shape == (48, 64, 3)
    with pytest.raises(OutputError, match=r"must end in \.png, \.jpg or \.exr"):
        write_picture(tmp_path / "d.tif", rgb)


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"before")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"a\.png cannot be written: No space left"):
        write_picture(path, np.zeros((4, 4, 3), np.float32))
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_folders_that_cannot_be_made_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        write_bytes(tmp_path / "file" / "a.png", b"x")
