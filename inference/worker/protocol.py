"""What travels between Blender and the worker: JSON, one object a line; arrays as files of a private folder.

numpy alone, because both sides import it. Never a pickle: an array file that needs one is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BackendError

# Types of the messages from the worker.
PROGRESS = "PROGRESS"
STATUS = "STATUS"
WARNING = "WARNING"
RESULT = "RESULT"
ERROR = "ERROR"
DONE = "DONE"
HEARTBEAT = "HEARTBEAT"

# The one method that is answered while another request runs.
CANCEL = "cancel"

# Seconds between two heartbeats of the worker.
HEARTBEAT_SECONDS = 1.0

# Names of private folders start with this; nothing else is ever removed as a whole.
FOLDER_PREFIX = "sightline-worker-"

_ARRAY_KEYS = frozenset(("array", "shape", "dtype"))


class ProtocolError(ValueError):
    """A line that is no message."""


def encode(message: Mapping[str, Any]) -> bytes:
    """Return ``message`` as one line of ASCII JSON with its line end.

    Paths become text and numpy scalars plain numbers. Infinity and NaN are written as Python's ``json`` reads them.

    Raises:
        TypeError: If something in it has no JSON form.
    """
    return json.dumps(message, separators=(",", ":"), default=_plain).encode("ascii") + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """Return the message of one line.

    Raises:
        ProtocolError: If the line is not one JSON object.
    """
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"not JSON: {error}") from None
    if not isinstance(message, dict):
        raise ProtocolError("not a JSON object")
    return message


def store_arrays(value: Any, folder: Path) -> Any:
    """Return ``value`` with every numpy array replaced by a record of the ``.npy`` file it was written to.

    Args:
        value: Mappings, lists, tuples, arrays and plain values, nested.
        folder: Where the files go; made (private to the user) when the first array needs it.

    Raises:
        OSError: If a file cannot be written.
        ValueError: If an array holds Python objects.
    """
    if isinstance(value, np.ndarray):
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder / f"{sum(1 for _ in folder.iterdir())}.npy"
        with path.open("xb") as file:
            np.save(file, value, allow_pickle=False)
        return {"array": str(path), "shape": list(value.shape), "dtype": value.dtype.str}
    if isinstance(value, Mapping):
        return {key: store_arrays(item, folder) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [store_arrays(item, folder) for item in value]
    return value


def load_arrays(value: Any, folder: Path) -> Any:
    """Return ``value`` with every array record replaced by a read-only memory-mapped array.

    Args:
        value: What :func:`store_arrays` returned, after its way through JSON.
        folder: The private folder; a file anywhere else is refused.

    Raises:
        BackendError: If a file lies outside the folder, is missing or damaged, or is not as its record says.
    """
    if isinstance(value, dict):
        if value.keys() == _ARRAY_KEYS:
            return _load(value, folder)
        return {key: load_arrays(item, folder) for key, item in value.items()}
    if isinstance(value, list):
        return [load_arrays(item, folder) for item in value]
    return value


def without_arrays(value: Any) -> Any:
    """Return ``value`` with ``None`` in the place of every array, so that nothing holds on to the mapped files."""
    if isinstance(value, np.ndarray):
        return None
    if isinstance(value, dict):
        return {key: without_arrays(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_arrays(item) for item in value]
    return value


def _load(record: Mapping[str, Any], folder: Path) -> NDArray[Any]:
    """Map the file of one array record."""
    try:
        path = Path(record["array"]).resolve()
        inside = path.is_relative_to(folder.resolve())
    except (TypeError, ValueError, OSError) as error:
        raise BackendError(f"The worker named an array file that cannot be one ({error}); try again.") from None
    if not inside:
        raise BackendError(f"The worker named the file '{path}' outside its own folder; it was not opened.")
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise BackendError(f"The array file '{path}' cannot be read ({error}); try again.") from None
    if not isinstance(array, np.ndarray):
        raise BackendError(f"The file '{path}' holds no array; try again.")
    if list(array.shape) != record["shape"] or array.dtype.str != record["dtype"]:
        raise BackendError(
            f"The array file '{path}' is {array.dtype.str} {list(array.shape)}, "
            f"but {record['dtype']} {record['shape']} was announced; try again."
        )
    return array


def _plain(value: object) -> object:
    """Give JSON a plain form of what Python's encoder does not know."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
