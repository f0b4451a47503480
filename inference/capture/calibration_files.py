"""Files of calibrations, which may come from anybody: never larger than memory, and damage is said."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ..errors import CaptureError

# The largest that is read: a calibration of ten thousand cameras is below 64 MiB in every format.
LARGEST = 1 << 28

# What a file's kind is told by.
HEAD = 4096


def read_bytes(path: Path) -> bytes:
    """Return what is in a file.

    Raises:
        CaptureError: If it cannot be read, or is no calibration for its size.
    """
    try:
        with path.open("rb") as file:
            # Python sets aside all that is asked for, so no more than there is.
            data = file.read(min(os.fstat(file.fileno()).st_size, LARGEST) + 1)
    except OSError as error:
        raise CaptureError(f"{path} cannot be read ({error.strerror or error}).") from None
    if len(data) > LARGEST:
        raise CaptureError(f"{path} is larger than {LARGEST >> 20} MiB and no calibration; choose another file.")
    return data


def read_text(path: Path) -> str:
    """Return the text of a file, UTF-8 with or without a byte order mark.

    Raises:
        CaptureError: If it cannot be read, or is no text.
    """
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CaptureError(f"{path} is no UTF-8 text; it is damaged, or of another format.") from None


def load_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file.

    Raises:
        CaptureError: If it cannot be read, is damaged, or holds something else.
    """
    record = _parsed_json(path)
    if not isinstance(record, dict):
        raise CaptureError(f"{path} holds no JSON object; it is damaged, or of another format.")
    return record


def load_json_list(path: Path) -> list[Any]:
    """Return the list in a JSON file.

    Raises:
        CaptureError: If it cannot be read, is damaged, or holds something else.
    """
    record = _parsed_json(path)
    if not isinstance(record, list):
        raise CaptureError(f"{path} holds no JSON list; it is damaged, or of another format.")
    return record


def _parsed_json(path: Path) -> Any:
    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise CaptureError(f"{path} is not valid JSON{where}; it is cut short or damaged.") from None


def head(path: Path) -> bytes:
    """Return how a file begins; nothing where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(HEAD)
    except OSError:
        return b""
