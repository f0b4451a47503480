"""A short text inside a file of a frame that says what the frame was made from.

A batch of frames that was stopped finds by it which of its files are still right. In a PNG it is a tEXt chunk (W3C
PNG, 11.3.3.2), in a JPEG a comment segment (ITU-T T.81, B.2.4.5), in an OpenEXR file a header attribute of text, in a
PLY of Gaussians a comment of its header.
"""

from __future__ import annotations

import os
import struct
import zlib
from io import BufferedReader
from pathlib import Path

from .ply import read_header

# The name of the text in a PNG and an OpenEXR file; what a JPEG's or a PLY's comment begins with.
KEYWORD = "Sightline"

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_PNG_HEADER = 25  # bytes of the IHDR chunk, which comes first
_JPEG = b"\xff\xd8"
_JPEG_END = b"\xff\xd9"
_APP0, _COMMENT, _SCAN = 0xE0, 0xFE, 0xDA
_COMMENT_HEAD = 4  # bytes of a comment segment before its text
_CHECKSUM = f"{KEYWORD} CRC-32: "  # of the file without these comments, in hexadecimal
_EXR = b"v/1\x01"
_PLY = b"ply\n"

# The stamp lies this near to the beginning in every file that was stamped here.
_HEAD_BYTES = 1 << 16


def stamped(data: bytes, suffix: str, text: str) -> bytes:
    """Return an encoded picture with a text in it.

    Args:
        data: A whole PNG or JPEG file. OpenEXR files get theirs when their header is written.
        suffix: What its name ends in: .png, .jpg or .jpeg.
        text: ASCII, at most some hundred characters.
    """
    if suffix.lower() == ".png":
        chunk = b"tEXt" + f"{KEYWORD}\0{text}".encode("ascii")
        place = len(_PNG) + _PNG_HEADER
        added = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    else:
        # The JFIF header wants to be the first segment.
        place = 4 + int.from_bytes(data[4:6], "big") if data[3] == _APP0 else 2
        added = _comment(f"{KEYWORD}: {text}") + _comment(f"{_CHECKSUM}{zlib.crc32(data):08x}")
    return data[:place] + added + data[place:]


def is_unchanged_jpeg(data: bytes) -> bool:
    """Whether a whole JPEG is as it was stamped: its format has no checksums, so the stamp brings one.

    True also of one that bears no stamp: nothing is known of it.
    """
    begin = data.find(f"{KEYWORD}: ".encode("ascii"), 0, _HEAD_BYTES) - _COMMENT_HEAD
    check = data.find(_CHECKSUM.encode("ascii"), 0, _HEAD_BYTES)
    if begin < 0 or check < 0:
        return True
    end = check + len(_CHECKSUM) + 8
    return data[end - 8 : end] == f"{zlib.crc32(data[end:], zlib.crc32(data[:begin])):08x}".encode("ascii")


def bears_stamp(path: Path) -> bool:
    """Whether a file was written here, be it damaged or cut short since."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return False
    name = KEYWORD.encode("ascii")
    marks = {_PNG: b"tEXt%s\0", _JPEG: b"%s: ", _EXR: b"%s\0string\0", _PLY: b"comment %s: "}
    return any(head.startswith(kind) and mark % name in head for kind, mark in marks.items())


def read_stamp(path: Path) -> str | None:
    """Return the text in a PNG, JPEG, OpenEXR or PLY file.

    Only the beginning and the end of the file are read. ``None`` where there is no such file, it bears no text, or it
    is damaged or cut short as far as those show.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
            file.seek(-min(len(head), len(_PNG_END)), os.SEEK_END)
            tail = file.read()
            if head.startswith(_PNG):
                return _in_png(head) if tail == _PNG_END else None
            if head.startswith(_JPEG):
                return _in_jpeg(head) if tail.endswith(_JPEG_END) else None
            if head.startswith(_EXR):
                return _in_exr(head, file)
            if head.startswith(_PLY):
                return _in_ply(head, path)
    except (OSError, struct.error, ValueError, IndexError, OverflowError):
        pass
    return None


def _comment(text: str) -> bytes:
    """Return a JPEG's comment segment."""
    return struct.pack(">BBH", 0xFF, _COMMENT, len(text) + 2) + text.encode("ascii")


def _in_png(head: bytes) -> str | None:
    name = KEYWORD.encode() + b"\0"
    place = len(_PNG)
    while True:
        length, kind = struct.unpack_from(">I4s", head, place)
        content = head[place + 4 : place + 8 + length]
        (check,) = struct.unpack_from(">I", head, place + 8 + length)
        if kind == b"IDAT" or check != zlib.crc32(content):
            return None
        if kind == b"tEXt" and content[4:].startswith(name):
            return content[4 + len(name) :].decode("ascii")
        place += 12 + length


def _in_jpeg(head: bytes) -> str | None:
    name = f"{KEYWORD}: ".encode()
    place = len(_JPEG)
    while True:
        mark, kind, length = struct.unpack_from(">BBH", head, place)
        if mark != 0xFF or kind == _SCAN or length < 2:
            return None
        content = head[place + 4 : place + 2 + length]
        if kind == _COMMENT and content.startswith(name):
            return content[len(name) :].decode("ascii")
        place += 2 + length


def _in_exr(head: bytes, file: BufferedReader) -> str | None:
    """Return the attribute of a header (OpenEXR File Layout); then the offset table follows, and then the pixels."""
    place, text = 8, None
    while head[place] != 0:
        name_end = head.index(b"\0", place)
        kind_end = head.index(b"\0", name_end + 1)
        (length,) = struct.unpack_from("<I", head, kind_end + 1)
        if head[place:name_end] == KEYWORD.encode() and head[name_end + 1 : kind_end] == b"string":
            text = head[kind_end + 5 : kind_end + 5 + length].decode("ascii")
        place = kind_end + 5 + length
    (first,) = struct.unpack_from("<Q", head, place + 1)
    # The rows of pixels lie in their order: where the last ones end, the file does.
    file.seek(first - 8)
    (last,) = struct.unpack("<Q", file.read(8))
    file.seek(last + 4)
    (length,) = struct.unpack("<I", file.read(4))
    return text if last + 8 + length == file.seek(0, os.SEEK_END) else None


def _in_ply(head: bytes, path: Path) -> str | None:
    """Return the comment, where the rows end with the file; rows of text, or with lists, have no size of their own."""
    mark = f"\ncomment {KEYWORD}: ".encode("ascii")
    header = read_header(path)
    place = head.find(mark, 0, header.size)
    if place < 0 or not header.order:
        return None
    rows = sum(element.count * element.row(header.order).itemsize for element in header.elements)
    if header.size + rows != path.stat().st_size:
        return None
    return head[place + len(mark) : head.index(b"\n", place + 1)].decode("ascii")
