"""Gaussians as PLY in the layout of the authors of 3D Gaussian Splatting (INRIA), which other tools read and write.

A vertex is a Gaussian: ``x y z``, normals that mean nothing, ``f_dc_0..2`` (the constant harmonic of red, green and
blue), ``f_rest_*`` (the others, all of red first, then green, then blue), ``opacity`` (logit), ``scale_0..2``
(logarithm), ``rot_0..3`` (quaternion, wxyz). numpy alone: Blender's own process reads and writes it too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .errors import GaussiansError
from .file_output import write_parts
from .file_stamp import KEYWORD
from .gaussians import SH_COUNTS, Gaussians
from .ply import Element, PlyError, read_header, read_vertices

_MEANS = ("x", "y", "z")
_NORMALS = ("nx", "ny", "nz")
_CONSTANT = ("f_dc_0", "f_dc_1", "f_dc_2")
_OPACITY = "opacity"
_SCALES = ("scale_0", "scale_1", "scale_2")
_ROTATION = ("rot_0", "rot_1", "rot_2", "rot_3")

# Written in place of the infinities that opacities of 0 and 1 have as logits, and scales of 0 as logarithms: not every
# reader takes those. In float32 such an opacity reads back as 1, or as 1e-13.
_LARGEST_LOGIT = 30.0
_SMALLEST_SCALE = 1e-30

_ROWS = 1 << 14  # Gaussians written at a time


def read_gaussians(path: Path) -> Gaussians:
    """Read Gaussians with spherical harmonics of any degree from 0 to 3.

    Properties may come in any order and as any number type, in ASCII or binary of either byte order; properties and
    elements that mean nothing here are skipped. A cloud of none is a cloud too.

    Raises:
        GaussiansError: If the file cannot be read, is cut short, lacks a property, or has values that make no
            Gaussian. Infinite logits are opacities of 0 and 1.
    """
    try:
        header = read_header(path)
        vertices = header.vertices
        if any(element.name == "chunk" for element in header.elements) and "packed_position" in vertices.properties:
            raise GaussiansError(f"{path} is a compressed PLY of SuperSplat; open it there and export a plain PLY.")
        rest = _check(vertices)
        chunks = read_vertices(path, header)
        arrays = _collect(chunks, vertices.count, rest)
    except OSError as error:
        raise GaussiansError(f"The Gaussians {path} cannot be read ({error.strerror or error}).") from None
    except PlyError as fault:
        raise GaussiansError(f"The file of Gaussians {path} {fault}; export it again.") from None
    except MemoryError:
        raise GaussiansError(f"The Gaussians {path} do not fit into memory; export fewer of them.") from None
    try:
        return Gaussians(*arrays)
    except GaussiansError as fault:
        raise GaussiansError(f"The Gaussians {path} cannot be used: {fault}") from None


def write_gaussians(path: Path, gaussians: Gaussians, stamp: str | None = None) -> None:
    """Write Gaussians as little-endian binary PLY, in all properties that the authors' own files have.

    Args:
        path: The file.
        gaussians: What is written.
        stamp: A text that :func:`inference.file_stamp.read_stamp` finds in the file.

    Raises:
        OutputError: If the file cannot be written; what was at ``path`` is then still there.
    """
    rest = 3 * (gaussians.harmonics.shape[1] - 1)
    names = (*_MEANS, *_NORMALS, *_CONSTANT, *_rest_names(rest), _OPACITY, *_SCALES, *_ROTATION)
    header = "".join(
        (
            "ply\nformat binary_little_endian 1.0\n",
            "" if stamp is None else f"comment {KEYWORD}: {stamp}\n",
            f"element vertex {len(gaussians)}\n",
            *(f"property float {name}\n" for name in names),
            "end_header\n",
        )
    )
    write_parts(path, _parts(header, gaussians))


def _rest_names(count: int) -> tuple[str, ...]:
    return tuple(f"f_rest_{index}" for index in range(count))


def _check(vertices: Element) -> int:
    """Return the number of ``f_rest`` properties after checking that everything needed is there."""
    missing = [
        name for name in (*_MEANS, *_CONSTANT, _OPACITY, *_SCALES, *_ROTATION) if name not in vertices.properties
    ]
    if missing:
        raise PlyError(f"has no property {', '.join(missing)}, so these are no Gaussians")
    rest = sum(name.startswith("f_rest_") for name in vertices.properties)
    if rest not in {3 * (count - 1) for count in SH_COUNTS}:
        raise PlyError(f"has {rest} properties f_rest_* where spherical harmonics have 0, 9, 24 or 45")
    for name in _rest_names(rest):
        if name not in vertices.properties:
            raise PlyError(f"has no property {name}, though others of that kind")
    return rest


def _collect(
    chunks: Iterator[dict[str, NDArray[np.generic]]], count: int, rest: int
) -> tuple[NDArray[np.float32], ...]:
    """Put the columns of all chunks together and return the arrays that Gaussians are made of."""
    means = np.empty((count, 3), np.float32)
    quaternions = np.empty((count, 4), np.float32)
    scales = np.empty((count, 3), np.float32)
    opacities = np.empty(count, np.float32)
    harmonics = np.empty((count, 1 + rest // 3, 3), np.float32)
    damaged, example = 0, ""
    begin = 0
    for columns in chunks:
        part = slice(begin, begin + len(columns["x"]))
        begin = part.stop
        with np.errstate(over="ignore", invalid="ignore"):
            _fill(means[part], _MEANS, columns)
            _fill(quaternions[part], _ROTATION, columns)
            _fill(scales[part], _SCALES, columns)
            _fill(opacities[part, None], (_OPACITY,), columns)
            _fill(harmonics[part, 0], _CONSTANT, columns)
            # All of red come first in the file, all of one harmonic here.
            for channel in range(3):
                names = _rest_names(rest)[channel * rest // 3 : (channel + 1) * rest // 3]
                _fill(harmonics[part, 1:, channel], names, columns)
            np.exp(scales[part], out=scales[part])
            np.divide(1, 1 + np.exp(-opacities[part]), out=opacities[part])
        right = _finite(means[part], quaternions[part], scales[part], opacities[part, None], harmonics[part])
        if not right.all():
            damaged += int((~right).sum())
            example = example or f"the first is number {part.start + int(np.argmin(right))}"
    if damaged:
        raise PlyError(f"has values that are infinite or no numbers in {damaged} of {count} Gaussians ({example})")
    return means, quaternions, scales, opacities, harmonics


def _fill(out: NDArray[np.float32], names: tuple[str, ...], columns: dict[str, NDArray[np.generic]]) -> None:
    for index, name in enumerate(names):
        out[:, index] = columns[name]


def _finite(*arrays: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which rows are finite in all arrays."""
    rows: NDArray[np.bool_] = np.ones(len(arrays[0]), dtype=bool)
    for array in arrays:
        rows &= np.isfinite(array).reshape(len(array), -1).all(axis=1)
    return rows


def _parts(header: str, gaussians: Gaussians) -> Iterator[bytes]:
    """Yield the file piece by piece."""
    yield header.encode("ascii")
    for begin in range(0, len(gaussians), _ROWS):
        some = gaussians.chosen(np.arange(begin, min(begin + _ROWS, len(gaussians))))
        count = len(some)
        opacities = some.opacities.astype(np.float64)
        with np.errstate(divide="ignore"):
            logits = np.clip(np.log(opacities) - np.log1p(-opacities), -_LARGEST_LOGIT, _LARGEST_LOGIT)
        table = np.concatenate(
            [
                some.means,
                np.zeros((count, 3)),
                some.harmonics[:, 0],
                some.harmonics[:, 1:].transpose(0, 2, 1).reshape(count, -1),
                logits[:, None],
                np.log(np.maximum(some.scales, _SMALLEST_SCALE)),
                some.quaternions,
            ],
            axis=1,
        )
        yield table.astype("<f4").tobytes()
