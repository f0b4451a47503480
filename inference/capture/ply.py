"""Vertex positions of PLY files: the sparse points that lie beside a transforms.json."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import CaptureError
from ..picture_output import write_bytes

_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1",
    "short": "i2", "int16": "i2", "ushort": "u2", "uint16": "u2",
    "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4",
    "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip
_FORMATS = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": ""}


def read_ply_points(path: Path) -> NDArray[np.float64]:
    """Return the (N, 3) vertex positions of a PLY file (ASCII or binary); everything else in it is skipped.

    Raises:
        CaptureError: If the file cannot be read, is cut short, or is no PLY file with vertices first.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CaptureError(f"The sparse points {path} cannot be read ({error.strerror or error}).") from None
    head, found, body = data.partition(b"end_header")
    lines = head.decode("ascii", "replace").split("\n")
    if not found or lines[0].strip() != "ply":
        raise CaptureError(f"The sparse points {path} are no PLY file; remove the file or write it again.")
    body = body.partition(b"\n")[2]
    order, count, names = _header(lines, path)
    fields = np.dtype([(name, order + kind) for name, kind in names])
    try:
        if order:
            table = np.frombuffer(body, dtype=fields, count=count)
            return np.stack([table[axis].astype(np.float64) for axis in "xyz"], axis=-1)
        columns = [[name for name, _ in names].index(axis) for axis in "xyz"]
        rows = [line.split() for line in body.decode("ascii", "replace").splitlines()[:count]]
        if len(rows) < count:
            raise ValueError("too few lines")
        return np.array([[float(row[column]) for column in columns] for row in rows], dtype=np.float64).reshape(-1, 3)
    except (ValueError, IndexError):
        raise CaptureError(
            f"The sparse points {path} are cut short or damaged; remove the file or write it again."
        ) from None


def write_ply_points(path: Path, points: ArrayLike) -> None:
    """Write (N, 3) positions as binary PLY in float32.

    Raises:
        OutputError: If the file cannot be written.
    """
    vertices = np.ascontiguousarray(points, dtype="<f4").reshape(-1, 3)
    header = (
        "ply\nformat binary_little_endian 1.0\n"
        f"element vertex {len(vertices)}\nproperty float x\nproperty float y\nproperty float z\nend_header\n"
    )
    write_bytes(path, header.encode() + vertices.tobytes())


def _header(lines: list[str], path: Path) -> tuple[str, int, list[tuple[str, str]]]:
    """Return byte order ("" for ASCII), number of vertices, and the vertices' (name, type) of a PLY header."""
    order: str | None = None
    count = -1
    names: list[tuple[str, str]] = []
    elements = 0
    try:
        for words in (line.split() for line in lines[1:]):
            if words[:1] == ["format"]:
                order = _FORMATS[words[1]]
            elif words[:1] == ["element"]:
                elements += 1
                if elements == 1 and words[1] == "vertex":
                    count = int(words[2])
            elif words[:1] == ["property"] and elements == 1:
                names.append((words[2], _TYPES[words[1]]))
    except (KeyError, IndexError, ValueError):
        order = None
    if order is None or count < 0 or not {"x", "y", "z"} <= {name for name, _ in names}:
        raise CaptureError(
            f"The sparse points {path} are a PLY file of an unknown layout; write it with the vertices' x, y, z first."
        )
    return order, count, names
