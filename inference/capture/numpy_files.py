"""Arrays of numbers in .npy and .npz files: never a pickle, and never more memory than the file has."""

from __future__ import annotations

import io
import math
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CaptureError
from .calibration_files import read_bytes

# The largest .npz, and the largest array in it: a matrix of 4 x 4 has 256 bytes.
_LARGEST = 1 << 24
_LARGEST_ENTRY = 1 << 16

_read_magic: Any = np.lib.format.read_magic
_HEADERS: dict[Any, Any] = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_DAMAGE = (ValueError, SyntaxError, TypeError, KeyError, RecursionError, MemoryError, tokenize.TokenError)
_ZIP_DAMAGE = (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, NotImplementedError, *_DAMAGE)


def read_npy(path: Path) -> NDArray[np.float64]:
    """Return the array in a .npy file.

    Raises:
        CaptureError: If it cannot be read, is cut short, or does not hold numbers.
    """
    return _array(read_bytes(path), str(path))


def names_in_npz(path: Path) -> list[str]:
    """Return the names of the arrays in a .npz file; none where it is none."""
    try:
        if path.stat().st_size > _LARGEST:
            return []
        with zipfile.ZipFile(path) as archive:
            return [name.removesuffix(".npy") for name in archive.namelist()]
    except _ZIP_DAMAGE:
        return []


def read_npz(path: Path, names: list[str]) -> dict[str, NDArray[np.float64]]:
    """Return some of the arrays in a .npz file.

    Raises:
        CaptureError: If it cannot be read or is damaged, or an array is too large or does not hold numbers.
    """
    data = read_bytes(path)
    arrays = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in names:
                with archive.open(f"{name}.npy") as entry:
                    content = entry.read(_LARGEST_ENTRY + 1)
                if len(content) > _LARGEST_ENTRY:
                    raise CaptureError(f"'{name}' in {path} is too large for a matrix; choose another file.")
                arrays[name] = _array(content, f"'{name}' in {path}")
    except _ZIP_DAMAGE:
        raise CaptureError(f"{path} is damaged, or no .npz file of NumPy; write it again.") from None
    return arrays


def _array(data: bytes, what: str) -> NDArray[np.float64]:
    stream = io.BytesIO(data)
    try:
        shape, fortran, kind = _HEADERS[_read_magic(stream)](stream)
    except _DAMAGE:
        raise CaptureError(f"{what} is damaged, or no array of NumPy; write it again.") from None
    if kind.kind not in "fiu":
        raise CaptureError(f"{what} does not hold plain numbers but {kind}; save it as an array of float64.")
    count = math.prod(shape)
    if min(shape, default=0) < 0 or len(data) - stream.tell() < count * kind.itemsize:
        raise CaptureError(f"{what} is cut short; write it again.")
    values = np.frombuffer(data, dtype=kind, count=count, offset=stream.tell())
    return values.reshape(shape, order="F" if fortran else "C").astype(np.float64)
