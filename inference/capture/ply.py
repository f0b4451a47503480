"""Vertex positions of PLY files: the sparse points that lie beside a transforms.json."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import CaptureError
from ..file_output import write_bytes
from ..ply import PlyError, read_header, read_vertices


def read_ply_points(path: Path) -> NDArray[np.float64]:
    """Return the (N, 3) vertex positions of a PLY file (ASCII or binary); everything else in it is skipped.

    Raises:
        CaptureError: If the file cannot be read, is cut short, or has no vertices with x, y and z.
    """
    try:
        header = read_header(path)
        if not {"x", "y", "z"} <= header.vertices.properties.keys():
            raise PlyError("has vertices without x, y and z")
        chunks = read_vertices(path, header)
        points = np.empty((header.vertices.count, 3))
        begin = 0
        for columns in chunks:
            chunk = np.stack([columns[axis] for axis in "xyz"], axis=-1)
            points[begin : begin + len(chunk)] = chunk
            begin += len(chunk)
    except OSError as error:
        raise CaptureError(f"The sparse points {path} cannot be read ({error.strerror or error}).") from None
    except PlyError as fault:
        raise CaptureError(f"The file of sparse points {path} {fault}; remove it or write it again.") from None
    return points


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
