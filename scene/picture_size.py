"""What the first bytes of a picture file say of it: decoding a photograph would hold Blender up."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
# Colour types of PNG without an alpha channel: grey, RGB (PNG specification, 11.2.1).
_PNG_OPAQUE = frozenset({0, 2})
# Start-of-frame markers (ITU T.81, table B.1); C4, C8 and CC are other things.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Markers without a length: TEM and RST0 to RST7.
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD8)})


def picture_size(path: Path) -> tuple[int, int] | None:
    """Return the (width, height) of a PNG or JPEG as it is stored; ``None`` for other or damaged files.

    Raises:
        OSError: If the file cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(24)
        if start[:8] == _PNG and start[12:16] == b"IHDR":
            width, height = struct.unpack(">II", start[16:24])
            return int(width), int(height)
        if start[:2] == _JPEG:
            file.seek(2)
            return _jpeg_size(file)
    return None


def is_opaque(path: Path) -> bool:
    """Whether a picture file surely has no alpha channel; unreadable and unknown ones may have one."""
    try:
        with path.open("rb") as file:
            start = file.read(26)
    except OSError:
        return False
    return start[:2] == _JPEG or (start[:8] == _PNG and len(start) == 26 and start[25] in _PNG_OPAQUE)


def _jpeg_size(file: BinaryIO) -> tuple[int, int] | None:
    """Walk through the segments up to the frame header."""
    while True:
        byte = file.read(1)
        while byte and byte != b"\xff":
            byte = file.read(1)
        while byte == b"\xff":
            byte = file.read(1)
        if not byte:
            return None
        marker = byte[0]
        if marker in _JPEG_BARE:
            continue
        length = file.read(2)
        if len(length) < 2:
            return None
        if marker in _JPEG_FRAMES:
            frame = file.read(5)
            if len(frame) < 5:
                return None
            height, width = struct.unpack(">HH", frame[1:])
            return (int(width), int(height)) if width and height else None
        file.seek(int.from_bytes(length, "big") - 2, 1)
