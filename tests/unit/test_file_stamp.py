"""Texts in files of frames, and OpenEXR files, read back by other code than ours."""

from __future__ import annotations

import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from inference.file_stamp import read_stamp, stamped
from inference.gaussian_ply import read_gaussians, write_gaussians
from inference.gaussians import Gaussians
from inference.picture_output import write_picture

OpenEXR = pytest.importorskip("OpenEXR")

TEXT = "4f2a" * 10
FORMATS = (".png", ".jpg", ".exr")
HEIGHT, WIDTH = 37, 50


def values() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    rgb, alpha = rng.uniform(0, 1, (HEIGHT, WIDTH, 3)), rng.uniform(0, 1, (HEIGHT, WIDTH))
    depth = rng.uniform(1, 9, (HEIGHT, WIDTH))
    depth[:3] = np.inf
    return rgb.astype(np.float32), alpha.astype(np.float32), depth.astype(np.float32)


def write(path: Path, stamp: str | None = TEXT) -> Path:
    rgb, alpha, depth = values()
    write_picture(path, rgb, alpha, depth=depth, stamp=stamp)
    return path


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_stamp_is_read_back(tmp_path: Path, suffix: str) -> None:
    assert read_stamp(write(tmp_path / f"a{suffix}")) == TEXT
    assert read_stamp(write(tmp_path / f"b{suffix}", None)) is None
    assert read_stamp(tmp_path / f"none{suffix}") is None


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_stamp_changes_no_pixel(tmp_path: Path, suffix: str) -> None:
    with_it, without = write(tmp_path / f"a{suffix}"), write(tmp_path / f"b{suffix}", None)
    pixels = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in (with_it, without)]
    assert pixels[0].shape == (HEIGHT, WIDTH, 4 if suffix == ".png" else 3)
    np.testing.assert_array_equal(*pixels)


def test_a_jpeg_without_a_jfif_header(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.jpg", None).read_bytes()
    assert whole[2:4] == b"\xff\xe0"
    bare = whole[:2] + whole[4 + int.from_bytes(whole[4:6], "big") :]
    (tmp_path / "b.jpg").write_bytes(stamped(bare, ".jpeg", TEXT))
    assert read_stamp(tmp_path / "b.jpg") == TEXT
    assert cv2.imread(str(tmp_path / "b.jpg")).shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_picture_cut_short_has_no_stamp(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a{suffix}")
    whole = path.read_bytes()
    for length in [*range(0, len(whole), 23), len(whole) - 1]:
        path.write_bytes(whole[:length])
        assert read_stamp(path) is None, f"{length} of {len(whole)} bytes"
    path.write_bytes(whole + b"\0")
    assert read_stamp(path) is None


@pytest.mark.parametrize("suffix", FORMATS)
def test_damaged_heads_raise_nothing(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a{suffix}")
    whole = path.read_bytes()
    rng = np.random.default_rng(1)
    for _ in range(300):
        damaged = bytearray(whole)
        for place in rng.integers(0, 600, 3):
            damaged[place] = rng.integers(0, 256)
        path.write_bytes(damaged)
        found = read_stamp(path)
        assert found is None or found.isascii()
    for place in range(33, 33 + 12 + 10 + len(TEXT)) if suffix == ".png" else ():
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert read_stamp(path) is None, f"byte {place}"


@pytest.mark.parametrize("suffix", FORMATS)
def test_only_the_ends_of_a_file_are_read(tmp_path: Path, suffix: str) -> None:
    rgb = np.random.default_rng(0).uniform(0, 1, (700, 700, 3)).astype(np.float32)
    write_picture(tmp_path / f"a{suffix}", rgb, stamp=TEXT)
    assert (tmp_path / f"a{suffix}").stat().st_size > 400_000
    assert read_stamp(tmp_path / f"a{suffix}") == TEXT


def test_a_text_of_another_keyword_is_no_stamp(tmp_path: Path) -> None:
    path = write(tmp_path / "a.png", None)
    whole = path.read_bytes()
    chunk = b"tEXtComment\0" + TEXT.encode()
    added = (len(chunk) - 4).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    path.write_bytes(whole[:33] + added + whole[33:])
    assert read_stamp(path) is None
    path.write_bytes(stamped(path.read_bytes(), ".png", TEXT))
    assert read_stamp(path) == TEXT


def test_openexr_is_linear_and_premultiplied_with_depth(tmp_path: Path) -> None:
    rgb, alpha, depth = values()
    with OpenEXR.File(str(write(tmp_path / "a.exr")), separate_channels=True) as file:
        header = file.header()
        assert header["compression"] == OpenEXR.ZIP_COMPRESSION and header["Sightline"] == TEXT
        found = {name: channel.pixels for name, channel in file.channels().items()}
    assert {name: plane.dtype for name, plane in found.items()} == dict.fromkeys("RGBA", np.float16) | {"Z": np.float32}
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb.astype(np.float64) + 0.055) / 1.055) ** 2.4)
    for index, name in enumerate("RGB"):
        np.testing.assert_allclose(found[name], linear[..., index] * alpha, rtol=6e-4, atol=1e-6)
    np.testing.assert_allclose(found["A"], alpha, rtol=6e-4, atol=1e-6)
    np.testing.assert_array_equal(found["Z"], np.where(np.isinf(depth), np.float32(1e10), depth))


def test_openexr_of_less(tmp_path: Path) -> None:
    rgb = values()[0]
    write_picture(tmp_path / "a.exr", rgb)
    write_picture(tmp_path / "b.exr", rgb[..., 0])
    for name, channels in (("a", set("RGB")), ("b", {"Y"})):
        with OpenEXR.File(str(tmp_path / f"{name}.exr"), separate_channels=True) as file:
            assert set(file.channels()) == channels


def test_reading_needs_no_picture_library() -> None:
    code = "import sys, inference.file_stamp; sys.exit(any(name in sys.modules for name in ('cv2', 'OpenEXR')))"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2]).returncode == 0


def cloud(count: int) -> Gaussians:
    rng = np.random.default_rng(2)
    rotations = rng.normal(size=(count, 4))
    sizes, colours = rng.uniform(0.01, 0.1, (count, 3)), rng.uniform(0, 1, (count, 3))
    return Gaussians.coloured(rng.normal(size=(count, 3)), rotations, sizes, np.full(count, 0.5), colours)


@pytest.mark.parametrize("count", [0, 7])
def test_gaussians_bear_one_too(tmp_path: Path, count: int) -> None:
    path = tmp_path / "a.ply"
    write_gaussians(path, cloud(count), TEXT)
    assert read_stamp(path) == TEXT and len(read_gaussians(path)) == count
    plain = tmp_path / "b.ply"
    write_gaussians(plain, cloud(count))
    assert read_stamp(plain) is None
    assert path.stat().st_size == plain.stat().st_size + len(f"comment Sightline: {TEXT}\n")


def test_gaussians_that_are_cut_short_or_grown_or_no_table_have_none(tmp_path: Path) -> None:
    path = tmp_path / "a.ply"
    write_gaussians(path, cloud(7), TEXT)
    whole = path.read_bytes()
    lists = whole.replace(b"property float nx", b"property list uchar float nx")
    for damaged in (whole[:-1], whole + b"\0", whole[:60], whole.replace(b"vertex 7", b"vertex 6"), lists):
        path.write_bytes(damaged)
        assert read_stamp(path) is None
    path.write_bytes(whole)
    assert read_stamp(path) == TEXT
