"""The PLY format: a header in words, then elements as tables, in ASCII or binary (Greg Turk's PLY files, 1994)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1",
    "short": "i2", "int16": "i2", "ushort": "u2", "uint16": "u2",
    "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4",
    "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip
_ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": ""}

_LONGEST_HEADER = 1 << 20  # bytes; what has no end by then is no header
_ROWS = 1 << 14  # of one chunk: it stays in the processor's cache while its columns are taken apart


class PlyError(ValueError):
    """What is wrong with a PLY file, as the end of a sentence that begins with its name."""


@dataclass(frozen=True)
class Element:
    """A table of a PLY file: rows of the same properties, each a name and a NumPy type; ``None`` is a list."""

    name: str
    count: int
    properties: dict[str, str | None]

    def row(self, order: str) -> np.dtype[np.void]:
        """Return the type of a row in the byte order ``<`` or ``>``.

        Raises:
            PlyError: If a property is a list: rows have no one size then.
        """
        fields = []
        for name, kind in self.properties.items():
            if kind is None:
                raise PlyError(f"holds a list '{name}' among or before its vertices, which cannot be read")
            fields.append((name, order + kind))
        return np.dtype(fields)


@dataclass(frozen=True)
class Header:
    """What the header of a PLY file says: byte order (``<``, ``>``, or empty for ASCII) and elements as they follow."""

    order: str
    elements: tuple[Element, ...]
    size: int  # bytes of the header itself

    @property
    def vertices(self) -> Element:
        """The element of the name ``vertex``.

        Raises:
            PlyError: If there is none.
        """
        for element in self.elements:
            if element.name == "vertex":
                return element
        raise PlyError("has no vertices")


def read_header(path: Path) -> Header:
    """Read the header of a PLY file.

    Raises:
        PlyError: If it is no PLY file, or of an unknown layout.
        OSError: If it cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(_LONGEST_HEADER)
    head, found, body = start.partition(b"\nend_header")
    lines = head.decode("ascii", "replace").splitlines()
    if not lines or lines[0].strip() != "ply":
        raise PlyError("is no PLY file")
    if not found or b"\n" not in body[:2]:
        raise PlyError("is cut short")
    order: str | None = None
    elements: list[Element] = []
    try:
        for words in (line.split() for line in lines[1:]):
            if words[:1] == ["format"]:
                order = _ORDERS[words[1]]
            elif words[:1] == ["element"]:
                elements.append(Element(words[1], int(words[2]), {}))
            elif words[:1] == ["property"]:
                if words[-1] in elements[-1].properties:
                    raise ValueError("twice the same name")
                elements[-1].properties[words[-1]] = None if words[1] == "list" else _TYPES[words[1]]
    except (KeyError, IndexError, ValueError):
        order = None
    if order is None or any(element.count < 0 for element in elements):
        raise PlyError("is a PLY file of an unknown layout")
    return Header(order, tuple(elements), len(head) + len(found) + body.index(b"\n") + 1)


def read_vertices(path: Path, header: Header) -> Iterator[dict[str, NDArray[np.generic]]]:
    """Read the vertices in chunks of some thousand rows, each a dictionary of columns; other elements are skipped.

    The length of the file is checked at once, so that a header that promises millions fails before anything is made
    for them. Chunks are read, not mapped: a mapped file that another program cuts short takes the whole process along.

    Raises:
        PlyError: If the file is shorter than its header says, or damaged.
        OSError: If it cannot be read.
    """
    vertices = header.vertices
    before = header.elements[: header.elements.index(vertices)]
    row = vertices.row(header.order or "<")
    if header.order:
        begin = header.size + sum(element.row(header.order).itemsize * element.count for element in before)
        least = row.itemsize * vertices.count
    else:
        begin = header.size
        least = 2 * len(vertices.properties) * vertices.count - 1  # a digit and what parts it from the next
    if path.stat().st_size < begin + least:
        raise PlyError("is cut short")
    if header.order:
        return _binary(path, begin, row, vertices.count)
    return _ascii(path, begin, sum(element.count for element in before), vertices)


def _binary(path: Path, begin: int, row: np.dtype[np.void], count: int) -> Iterator[dict[str, NDArray[np.generic]]]:
    with path.open("rb") as file:
        file.seek(begin)
        for done in range(0, count, _ROWS):
            data = file.read(min(_ROWS, count - done) * row.itemsize)
            if len(data) < min(_ROWS, count - done) * row.itemsize:
                raise PlyError("is cut short")
            table = np.frombuffer(data, dtype=row)
            yield {name: table[name] for name in row.names or ()}


def _ascii(path: Path, begin: int, skipped: int, vertices: Element) -> Iterator[dict[str, NDArray[np.generic]]]:
    with path.open("rb") as file:
        file.seek(begin)
        for _ in islice(file, skipped):
            pass
        for done in range(0, vertices.count, _ROWS):
            rows = min(_ROWS, vertices.count - done)
            text = b"".join(islice(file, rows))
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error", DeprecationWarning)  # how NumPy tells of what is no number
                    table = np.fromstring(text.decode("ascii"), sep=" ").reshape(rows, len(vertices.properties))
            except (ValueError, DeprecationWarning):
                raise PlyError("is cut short or damaged") from None
            yield dict(zip(vertices.properties, table.T, strict=True))
