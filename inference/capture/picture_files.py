"""Decoding of picture files, with the checks that a decoder leaves out."""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import PictureError

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_SIGNATURE = b"\xff\xd8\xff"

# Bytes in which the size of nearly every picture is found: what cameras and programs put before it is smaller.
_HEADER = 1 << 20

# A marker of a JPEG stream: not a stuffed zero, not a fill byte, not a restart inside the coded data.
_JPEG_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")
# Start of frame: every SOFn, but not DHT (C4), JPG (C8) and DAC (CC).
_JPEG_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def read_bytes(path: Path, owner: str, most: int = -1) -> bytes:
    """Return a picture file's bytes.

    Args:
        path: The file.
        owner: What the file is, for the sentence of an error: "picture of 'name'".
        most: So many of them at most; -1 for all.

    Raises:
        PictureError: If the file is missing or cannot be read.
    """
    try:
        with path.open("rb") as file:
            data = file.read(most)
    except FileNotFoundError:
        raise PictureError(f"The {owner} is missing: there is no file {path}.") from None
    except IsADirectoryError:
        raise PictureError(f"The {owner} is a folder: {path}; name a picture file.") from None
    except OSError as error:
        raise PictureError(f"The {owner} cannot be read: {path} ({error.strerror or error}).") from None
    if not data:
        raise PictureError(f"The {owner} is an empty file: {path}; copy it again.")
    return data


def read_pixels(path: Path, owner: str) -> NDArray[Any]:
    """Decode a picture as stored: no rotation by EXIF, because calibrations speak of the stored pixels.

    Returns:
        H x W x C array of uint8 or uint16, C = 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, straight alpha).

    Raises:
        PictureError: If the file is missing, cut short, no picture, or holds floating-point pixels.
    """
    data = read_bytes(path, owner)
    if is_cut_short(data):
        raise PictureError(f"The {owner} is cut short or damaged: {path}; copy it again.")
    try:
        # IMREAD_UNCHANGED keeps depth and alpha and ignores the EXIF orientation.
        pixels = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise PictureError(f"The {owner} is damaged or of an unknown format: {path}; save it as PNG or JPEG.")
    if pixels.dtype not in (np.uint8, np.uint16):
        raise PictureError(
            f"The {owner} holds {pixels.dtype} pixels: {path}; save it as an sRGB PNG of 8 or 16 bits a channel."
        )
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    if pixels.shape[2] == 3:
        return np.ascontiguousarray(pixels[..., ::-1])
    if pixels.shape[2] == 4:
        return np.ascontiguousarray(pixels[..., [2, 1, 0, 3]])
    return pixels


def picture_size(path: Path, owner: str) -> tuple[int, int]:
    """Return width and height of a picture, from its header where it is PNG or JPEG.

    Raises:
        PictureError: As :func:`read_pixels`.
    """
    data = read_bytes(path, owner, _HEADER)
    if data.startswith(PNG_SIGNATURE) and len(data) >= 24:
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if data.startswith(JPEG_SIGNATURE):
        for code, start in _jpeg_segments(data):
            if code in _JPEG_FRAME and start + 7 <= len(data):
                return int.from_bytes(data[start + 5 : start + 7], "big"), int.from_bytes(
                    data[start + 3 : start + 5], "big"
                )
    height, width = read_pixels(path, owner).shape[:2]
    return width, height


def is_cut_short(data: bytes) -> bool:
    """Whether an encoded picture ends before its format says so.

    OpenCV decodes such files without a word and fills the missing part with grey or black. PNG chunks are also checked
    against their checksums.
    """
    if data.startswith(JPEG_SIGNATURE):
        return not any(code == 0xD9 for code, _ in _jpeg_segments(data))
    if data.startswith(PNG_SIGNATURE):
        return not _png_is_whole(data)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return len(data) < 8 + int.from_bytes(data[4:8], "little")
    if data.startswith(b"BM") and len(data) >= 6:
        return len(data) < int.from_bytes(data[2:6], "little")
    return False


def _jpeg_segments(data: bytes) -> list[tuple[int, int]]:
    """Return (marker code, offset of what follows the marker) up to the end of the image (D9) or of the data."""
    found: list[tuple[int, int]] = []
    position = 2
    while (match := _JPEG_MARKER.search(data, position)) is not None:
        code, start = match.group(1)[0], match.end()
        found.append((code, start))
        if code == 0xD9:
            break
        # Every other marker has a length; what it covers (a thumbnail, say) may hold anything. After a start of scan
        # the coded data follow, in which the expression finds markers only.
        position = start + int.from_bytes(data[start : start + 2], "big")
    return found


def _png_is_whole(data: bytes) -> bool:
    position = len(PNG_SIGNATURE)
    while position + 12 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        end = position + 12 + length
        if end > len(data):
            return False
        kind = data[position + 4 : position + 8]
        if zlib.crc32(data[position + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            return False
        if kind == b"IEND":
            return True
        position = end
    return False
