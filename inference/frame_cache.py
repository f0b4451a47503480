"""Finished frames on disk, so that a picture is made once: shared by Blender, its worker and other Blenders.

An entry is one file: a head of fixed size, the metadata as JSON, the colours and the depth, each with its CRC-32, so
that damage is found on reading and the colours can be had without the depth. Nothing is compressed: reading has to keep
up with playback.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import struct
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import OutputError
from .file_output import write_parts
from .frame import Frame

SUFFIX = ".frame"
COLOUR_LIMIT = 65535

# Magic, height, width, bytes of metadata, depth or not, CRC-32 of metadata, colours and depth; then the head's own.
_HEAD = struct.Struct("<8s7I")
_CHECK = struct.Struct("<I")
_MAGIC = b"SLFRAME1"
# What a damaged head cannot make a reader allocate more than.
_MOST_PIXELS = 1 << 27
_MOST_METADATA = 1 << 24

_KEY = re.compile(r"[0-9A-Za-z_-]{1,64}")

# A file half written for so many seconds has no writer any more.
_ABANDONED_SECONDS = 3600.0


@dataclass(frozen=True, eq=False)
class StoredFrame:
    """A frame as it is stored; rows bottom-up, as Blender has them.

    Args:
        rgba: H x W x 4 display-referred sRGB and straight alpha, 0 to 65535.
        depth: H x W along the optical axis in scene units, infinite where there is nothing; ``None`` where it was not
            asked for.
        metadata: As of :class:`inference.frame.Frame`.
    """

    rgba: NDArray[np.uint16] = field(repr=False)
    depth: NDArray[np.float32] | None = field(repr=False)
    metadata: dict[str, Any] = field(repr=False)


@dataclass(frozen=True)
class FrameCache:
    """A folder of finished frames that keeps below a size; the least recently used ones go first.

    Any number of processes may use one folder: a file that vanishes is a miss, and none is ever seen half written.

    Args:
        folder: Made when the first frame is written.
        limit: Bytes that all frames may take together; one frame is kept whatever its size.
    """

    folder: Path
    limit: int

    def path(self, key: str) -> Path:
        """Return the file of the frame of that key, whether it is there or not.

        Raises:
            ValueError: If the key is not 1 to 64 letters, digits, ``-`` and ``_``.
        """
        if not _KEY.fullmatch(key):
            raise ValueError(f"{key!r} is no key of a frame")
        return self.folder / f"{key}{SUFFIX}"

    def has(self, key: str) -> bool:
        """Return whether the frame is there; whether it is whole shows on reading."""
        return self.path(key).is_file()

    def read(self, key: str, depth: bool = True) -> StoredFrame | None:
        """Return the frame, ``None`` where it is missing or cannot be read; a damaged one is removed.

        Args:
            key: The frame's.
            depth: Whether its depth is wanted too.
        """
        path = self.path(key)
        try:
            with path.open("rb") as file:
                frame = _read(file, depth)
        except OSError:
            return None
        if frame is None:
            _removed(path)
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # it was used just now
        return frame

    def write(self, key: str, frame: Frame) -> None:
        """Store a frame; then the least recently used others go until all are within the limit.

        Raises:
            OutputError: If it cannot be written (no space, no permission), or is too large for any cache.
        """
        path = self.path(key)
        if frame.rgb.shape[0] * frame.rgb.shape[1] > _MOST_PIXELS:
            raise OutputError(f"{path} cannot be written: the picture is too large to be kept.")
        write_parts(path, _parts(stored(frame)))
        self._shrink(path.name)

    def size(self) -> tuple[int, int]:
        """Return how many frames there are, and their bytes."""
        sizes = [stat.st_size for entry, stat in self._files() if entry.name.endswith(SUFFIX)]
        return len(sizes), sum(sizes)

    def clear(self) -> None:
        """Remove all frames; those that another process has open just now may stay."""
        for entry, stat in self._files():
            if entry.name.endswith(SUFFIX) or _abandoned(entry, stat):
                _removed(Path(entry.path))

    def _shrink(self, newest: str) -> None:
        """Remove the least recently used frames beyond the limit, never ``newest``."""
        total = 0
        others: list[tuple[int, int, str]] = []
        for entry, stat in self._files():
            if entry.name.endswith(SUFFIX):
                total += stat.st_size
                if entry.name != newest:
                    others.append((stat.st_mtime_ns, stat.st_size, entry.path))
            elif _abandoned(entry, stat):
                _removed(Path(entry.path))
        if total <= self.limit:
            return
        for _, size, path in sorted(others):
            if _removed(Path(path)):
                total -= size
            if total <= self.limit:
                return

    def _files(self) -> Iterator[tuple[os.DirEntry[str], os.stat_result]]:
        """Yield what lies in the folder; what vanishes meanwhile is left out."""
        try:
            with os.scandir(self.folder) as entries:
                for entry in entries:
                    try:
                        yield entry, entry.stat()
                    except OSError:
                        continue
        except OSError:
            return


def to_sixteen_bits(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Return values in [0, 1] as they are stored, 0 to 65535; what lies outside is cut off."""
    scaled = np.clip(np.nan_to_num(values), 0.0, 1.0) * np.float32(COLOUR_LIMIT)
    bits: NDArray[np.uint16] = np.round(scaled).astype("<u2")
    return bits


def from_sixteen_bits(bits: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Return stored values in [0, 1]."""
    values: NDArray[np.float32] = bits.astype(np.float32) / np.float32(COLOUR_LIMIT)
    return values


def stored(frame: Frame) -> StoredFrame:
    """Return a frame in the form in which it is stored: colours rounded to 16 bits, rows bottom-up."""
    colours = to_sixteen_bits(np.dstack([frame.rgb, frame.alpha])[::-1])
    return StoredFrame(colours, np.ascontiguousarray(frame.depth[::-1], dtype="<f4"), frame.metadata)


def _parts(frame: StoredFrame) -> Iterator[bytes]:
    """Yield a frame's file piece by piece."""
    height, width = frame.rgba.shape[:2]
    metadata = json.dumps(frame.metadata).encode()
    blocks = [metadata, frame.rgba.tobytes()]
    if frame.depth is not None:
        blocks.append(frame.depth.tobytes())
    checks = [zlib.crc32(block) for block in blocks]
    head = _HEAD.pack(_MAGIC, height, width, len(metadata), len(blocks) == 3, *checks, *[0] * (3 - len(checks)))
    yield head + _CHECK.pack(zlib.crc32(head))
    yield from blocks


def _read(file: BufferedReader, depth: bool) -> StoredFrame | None:
    """Return the frame in a file, ``None`` where the file is damaged: its size is checked before memory is taken.

    Raises:
        OSError: If it cannot be read.
    """
    start = file.read(_HEAD.size + _CHECK.size)
    if len(start) < _HEAD.size + _CHECK.size or _CHECK.unpack_from(start, _HEAD.size) != (zlib.crc32(start[:-4]),):
        return None
    magic, height, width, length, has_depth, *checks = _HEAD.unpack_from(start)
    pixels = height * width
    expected = len(start) + length + pixels * (12 if has_depth else 8)
    possible = magic == _MAGIC and has_depth <= 1 and 0 < pixels <= _MOST_PIXELS and length <= _MOST_METADATA
    if not possible or os.fstat(file.fileno()).st_size != expected:
        return None
    text = file.read(length)
    rgba = np.empty((height, width, 4), "<u2")
    plane = np.empty((height, width), "<f4") if depth and has_depth else None
    blocks = [rgba] if plane is None else [rgba, plane]
    if zlib.crc32(text) != checks[0]:
        return None
    for block, check in zip(blocks, checks[1:], strict=False):
        if file.readinto(block.data) != block.nbytes or zlib.crc32(block.data) != check:
            return None
    try:
        metadata = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return StoredFrame(rgba, plane, metadata) if isinstance(metadata, dict) else None


def _removed(path: Path) -> bool:
    """Remove a file; return whether it is gone now."""
    try:
        path.unlink(missing_ok=True)
    except OSError:  # open elsewhere on Windows, or not ours
        return False
    return True


def _abandoned(entry: os.DirEntry[str], stat: os.stat_result) -> bool:
    """Whether a file was left half written by a process that ended (see :mod:`inference.file_output`)."""
    return entry.name.startswith(".") and SUFFIX in entry.name and time.time() - stat.st_mtime > _ABANDONED_SECONDS
