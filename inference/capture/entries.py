"""Entries of calibrations in JSON: asked for by name, checked for what they hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CameraError


def record(value: Any, key: str) -> Mapping[str, Any]:
    """Return the object that an entry holds.

    Raises:
        CameraError: If it is missing or no object.
    """
    entry = _entry(value, key)
    if not isinstance(entry, Mapping):
        raise CameraError(f"Its entry '{key}' is no object; it is damaged.")
    return entry


def number(value: Mapping[str, Any], key: str, default: float | None = None) -> float:
    """Return the number that an entry holds, which may be written as text.

    Raises:
        CameraError: If it is missing and there is no default, or is no number.
    """
    return default if default is not None and key not in value else _number(_entry(value, key), key)


def whole(value: Mapping[str, Any], key: str) -> int:
    """Return the whole number that an entry holds, which may be written as text.

    Raises:
        CameraError: If it is missing, or is none.
    """
    found = number(value, key)
    if not found.is_integer():
        raise CameraError(f"Its entry '{key}' is {found:g}; it must be a whole number.")
    return int(found)


def numbers(value: Mapping[str, Any], key: str, count: int | None = None) -> NDArray[np.float64]:
    """Return the numbers of a list, of lists in a list (row by row), or none where the entry is empty.

    Raises:
        CameraError: If it is missing, or does not hold ``count`` numbers.
    """
    entry = _entry(value, key) or []
    if not isinstance(entry, list):
        raise CameraError(f"Its entry '{key}' is no list of numbers; it is damaged.")
    flat = [item for row in entry for item in (row if isinstance(row, list) else [row])]
    if count is not None and len(flat) != count:
        raise CameraError(f"Its entry '{key}' has {len(flat)} numbers; it must have {count}.")
    return np.array([_number(item, key) for item in flat], dtype=np.float64)


def points(values: Any, key: str) -> NDArray[np.float64] | None:
    """Return the (N, 3) positions that the objects of a list have under a name; what has none is left out."""
    found = []
    for value in values if isinstance(values, list) else []:
        try:
            found.append(numbers(value, key, 3))
        except CameraError:
            continue
    return np.array(found) if found else None


def _entry(value: Any, key: str) -> Any:
    if not isinstance(value, Mapping) or key not in value:
        raise CameraError(f"It has no entry '{key}'; it is incomplete.")
    return value[key]


def _number(value: Any, key: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise CameraError(f"Its entry '{key}' is no number; it is damaged.") from None
