"""Finished frames on disk: what is kept, what goes, what is damaged, and several processes at once."""

from __future__ import annotations

import errno
import os
import struct
import subprocess
import sys
import time
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest

from inference.camera import Camera
from inference.errors import OutputError
from inference.frame import Frame
from inference.frame_cache import FrameCache

WIDTH, HEIGHT = 6, 4
ENTRY_LIMIT = 10**9
ROOT = Path(__file__).parents[2]


def frame(value: float = 0.5, width: int = WIDTH, height: int = HEIGHT) -> Frame:
    """A frame of one grey, whose metadata names it."""
    size = height, width
    planes = [np.full(size, value, np.float32) for _ in range(3)]
    camera = Camera(width, height, 5.0, 5.0, width / 2, height / 2, np.eye(4))
    return Frame(camera, np.full((*size, 3), value, np.float32), *planes, {"method": "made up", "value": value})


def varied() -> Frame:
    """A frame whose pixels all differ, with values out of range and nothing at a corner."""
    rng = np.random.default_rng(2)
    rgb = rng.uniform(-0.2, 1.2, (HEIGHT, WIDTH, 3)).astype(np.float32)
    alpha, confidence = rng.uniform(0, 1, (2, HEIGHT, WIDTH)).astype(np.float32)
    depth = rng.uniform(1, 9, (HEIGHT, WIDTH)).astype(np.float32)
    depth[0, 0] = np.inf
    rgb[0, 0, 0] = np.nan
    return Frame(frame().camera, rgb, alpha, depth, confidence, {"seconds": {"rendering": 0.25}, "name": "Süd"})


def age(cache: FrameCache, key: str, seconds: float) -> None:
    """Let a frame have been used so long ago."""
    then = time.time() - seconds
    os.utime(cache.path(key), (then, then))


@pytest.fixture
def cache(tmp_path: Path) -> FrameCache:
    return FrameCache(tmp_path / "frames", ENTRY_LIMIT)


def test_what_was_written_is_read(cache: FrameCache) -> None:
    assert not cache.has("a") and cache.read("a") is None and cache.size() == (0, 0)
    made = varied()
    cache.write("a", made)
    assert cache.has("a") and not cache.has("b") and cache.read("b") is None
    found = cache.read("a")
    assert found is not None and found.depth is not None
    assert found.rgba.dtype == np.uint16 and found.depth.dtype == np.float32
    wanted = np.clip(np.nan_to_num(np.dstack([made.rgb, made.alpha])), 0, 1)[::-1]
    assert np.abs(found.rgba / 65535.0 - wanted).max() <= 0.5 / 65535 + 1e-7
    np.testing.assert_array_equal(found.depth, made.depth[::-1])
    assert found.metadata == made.metadata
    assert cache.size() == (1, cache.path("a").stat().st_size)


def test_colours_come_without_the_depth(cache: FrameCache) -> None:
    cache.write("a", varied())
    found, whole = cache.read("a", depth=False), cache.read("a")
    assert found is not None and found.depth is None and whole is not None
    np.testing.assert_array_equal(found.rgba, whole.rgba)


def test_the_newest_of_a_key_counts(cache: FrameCache) -> None:
    cache.write("a", frame(0.1))
    cache.write("a", frame(0.9))
    found = cache.read("a")
    assert found is not None and found.metadata["value"] == 0.9 and cache.size()[0] == 1


@pytest.mark.parametrize("key", ["", "../a", "a/b", "a.b", "a\n", "x" * 65])
def test_keys_are_no_paths(cache: FrameCache, key: str) -> None:
    with pytest.raises(ValueError, match="no key"):
        cache.path(key)


def test_the_least_recently_used_go(tmp_path: Path) -> None:
    roomy = FrameCache(tmp_path, ENTRY_LIMIT)
    for place, key in enumerate("abcd"):
        roomy.write(key, frame())
        age(roomy, key, 100 - place)
    assert roomy.read("a") is not None  # used just now, so b is the next to go, then c
    entry = roomy.size()[1] // 4
    FrameCache(tmp_path, 3 * entry).write("e", frame())
    assert [key for key in "abcde" if roomy.has(key)] == ["a", "d", "e"]


def test_the_newest_stays_whatever_the_limit(tmp_path: Path) -> None:
    cache = FrameCache(tmp_path, 1)
    cache.write("a", frame())
    cache.write("b", frame())
    assert not cache.has("a") and cache.has("b")
    age(cache, "b", -50)  # another machine's clock is ahead
    cache.write("c", frame())
    assert not cache.has("b") and cache.has("c")


def test_every_flipped_byte_is_found(cache: FrameCache) -> None:
    cache.write("a", varied())
    path = cache.path("a")
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        assert cache.read("a") is None, f"byte {place}"
        assert not cache.has("a"), "a damaged frame stays"


@pytest.mark.parametrize("length", [0, 1, 20, 39, 40, 60, 200, -1])
def test_a_frame_cut_short_or_too_long_is_found(cache: FrameCache, length: int) -> None:
    cache.write("a", varied())
    whole = cache.path("a").read_bytes()
    cache.path("a").write_bytes(whole[:length])
    assert cache.read("a", depth=False) is None and not cache.has("a")
    cache.write("a", varied())
    cache.path("a").write_bytes(whole + b"\0")
    assert cache.read("a", depth=False) is None and not cache.has("a")


def test_other_files_are_no_frames(cache: FrameCache) -> None:
    cache.write("a", frame())
    with cache.path("a").open("wb") as file:
        np.savez(file, rgba=np.zeros((HEIGHT, WIDTH, 4)))
    assert cache.read("a") is None and not cache.has("a")
    cache.path("b").mkdir()
    assert not cache.has("b") and cache.read("b") is None


def forged(height: int, width: int, metadata: int = 2, depth: int = 0, magic: bytes = b"SLFRAME1") -> bytes:
    """A head with right checksum; its content is the JSON of no metadata."""
    head = struct.pack("<8s7I", magic, height, width, metadata, depth, zlib.crc32(b"{}"), 0, 0)
    return head + struct.pack("<I", zlib.crc32(head)) + b"{}"


@pytest.mark.parametrize(
    "head",
    [
        forged(2**32 - 1, 2**32 - 1),
        forged(2**16, 2**15),
        forged(4, 6, metadata=2**32 - 1),
        forged(0, 6),
        forged(4, 6, depth=7),
        forged(4, 6, magic=b"SLFRAME2"),
    ],
)
def test_a_head_that_lies_takes_no_memory(cache: FrameCache, head: bytes) -> None:
    cache.write("a", frame())
    for sparse in (False, True):
        with cache.path("a").open("wb") as file:
            file.write(head)
            if sparse:  # as large as the head says where a disk allows, and of no content
                height, width, metadata = struct.unpack_from("<3I", head, 8)
                file.truncate(min(40 + metadata + height * width * 8, 2**42))
        tracemalloc.start()
        assert cache.read("a") is None and not cache.has("a")
        assert tracemalloc.get_traced_memory()[1] < 200_000
        tracemalloc.stop()


@pytest.mark.parametrize("text", [b"[]", b"{", b"[" * 100_000, b"\xff\xff"])
def test_metadata_must_be_an_object(cache: FrameCache, text: bytes) -> None:
    pixels = bytes(8)
    head = struct.pack("<8s7I", b"SLFRAME1", 1, 1, len(text), 0, zlib.crc32(text), zlib.crc32(pixels), 0)
    cache.folder.mkdir()
    cache.path("a").write_bytes(head + struct.pack("<I", zlib.crc32(head)) + text + pixels)
    assert cache.read("a") is None and not cache.has("a")


def test_clearing_leaves_what_is_not_ours(cache: FrameCache) -> None:
    cache.clear()
    for key in "abc":
        cache.write(key, frame())
    other, fresh, old = (cache.folder / name for name in ("notes.txt", ".d.frame.x1", ".e.frame.x2"))
    for path in (other, fresh, old):
        path.write_text("half of a frame")
    os.utime(old, (1, 1))
    cache.clear()
    assert cache.size() == (0, 0)
    assert sorted(cache.folder.iterdir()) == [fresh, other], "another process may be writing the fresh one"
    os.utime(fresh, (1, 1))
    cache.write("a", frame())
    assert sorted(cache.folder.iterdir()) == [cache.path("a"), other]


def test_a_full_disk_leaves_the_cache_whole(cache: FrameCache, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.write("a", frame(0.25))

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OutputError, match="No space left"):
            cache.write("b", frame())
    assert cache.read("a") is not None and not cache.has("b") and cache.size()[0] == 1


def test_vanishing_files_are_misses(cache: FrameCache, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in "abc":
        cache.write(key, frame())
        age(cache, key, 10)
    real = os.scandir

    def scandir(folder: Path) -> object:
        class Emptied:
            """Lists what is removed before it can be looked at."""

            def __enter__(self) -> list[os.DirEntry[str]]:
                with real(folder) as entries:
                    listed = list(entries)
                for entry in listed:
                    Path(entry.path).unlink()
                return listed

            def __exit__(self, *error: object) -> None:
                pass

        return Emptied()

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", scandir)
        assert cache.size() == (0, 0)
    assert cache.read("a") is None
    cache.write("d", frame())
    assert cache.read("d") is not None


WRITER = """
import sys, time
from pathlib import Path
from inference.frame_cache import FrameCache
from tests.unit.test_frame_cache import frame

cache = FrameCache(Path(sys.argv[1]), int(sys.argv[2]))
made = [frame(index / 8, 64, 48) for index in range(8)]
end = time.monotonic() + 1.5
print("ready", flush=True)
while time.monotonic() < end:
    for index in range(8):
        cache.write(str(index), made[index])
        found = cache.read(str(7 - index))
        assert found is None or found.metadata["value"] == (7 - index) / 8
"""


def test_two_processes_at_once(tmp_path: Path) -> None:
    entry = 48 * 64 * 12 + 200
    cache = FrameCache(tmp_path / "frames", 5 * entry)
    command = [sys.executable, "-c", WRITER, str(cache.folder), str(cache.limit)]
    writer = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert writer.stdout is not None and writer.stdout.readline() == b"ready\n"
    hits, rounds = 0, 0
    while writer.poll() is None:
        rounds += 1
        for index in range(8):
            found = cache.read(str(index))
            if found is not None:
                hits += 1
                assert found.depth is not None and found.metadata["value"] == index / 8
                assert np.ptp(found.rgba) == 0 and found.rgba[0, 0, 0] == round(index / 8 * 65535)
                assert (found.depth == np.float32(index / 8)).all()
        cache.write(str(rounds % 8), frame(rounds % 8 / 8, 64, 48))
        cache.size()
        if rounds % 20 == 0:
            cache.clear()
    assert writer.wait() == 0, writer.communicate()[1].decode()
    assert hits > 20 and rounds > 3
    cache.write("last", frame())
    assert cache.size()[1] <= cache.limit
    assert all(path.name.endswith(".frame") for path in cache.folder.iterdir()), "something half written is left"
