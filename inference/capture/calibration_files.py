"""Files of calibrations, which may come from anybody: never larger than memory, and damage is said."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from ..errors import BackendError, CaptureError
from ..worker.failures import missing_package

# The largest that is read: a calibration of ten thousand cameras is below 64 MiB in every format.
LARGEST = 1 << 28

# Marks in XML, two for an element: 400 for each of ten thousand cameras. An element takes far more memory than the four
# bytes that it may be written in.
MOST_MARKS = 4_000_000

# What a file's kind is told by.
HEAD = 4096


def read_bytes(path: Path) -> bytes:
    """Return what is in a file.

    Raises:
        CaptureError: If it cannot be read, or is no calibration for its size.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size <= LARGEST:
                return file.read(size)
    except OSError as error:
        raise CaptureError(f"{path} cannot be read ({error.strerror or error}).") from None
    raise CaptureError(f"{path} is larger than {LARGEST >> 20} MiB and no calibration; choose another file.")


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


def load_xml(path: Path) -> Element:
    """Return the root of an XML file.

    Raises:
        CaptureError: If it cannot be read, is damaged, or has a document type, which may hold entities that grow
            without bounds or lead to other files.
        BackendError: If defusedxml is not installed.
    """
    try:
        from defusedxml import DefusedXmlException
        from defusedxml.ElementTree import fromstring
    except ImportError as error:
        raise BackendError(missing_package(error)) from None
    data = read_bytes(path)
    if data.count(b"<") > MOST_MARKS:
        raise CaptureError(f"{path} has more than {MOST_MARKS} marks and is no calibration; choose another file.")
    try:
        root: Element = fromstring(data, forbid_dtd=True)
    except DefusedXmlException:
        raise CaptureError(
            f"{path} has a document type or entities, which no calibration needs; remove them, or export it again."
        ) from None
    except (ParseError, ValueError, LookupError) as error:
        line = getattr(error, "position", (None,))[0]
        where = "" if line is None else f" (line {line})"
        raise CaptureError(f"{path} is not valid XML{where}; it is cut short or damaged.") from None
    return root


def head(path: Path) -> bytes:
    """Return how a file begins; nothing where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(HEAD)
    except OSError:
        return b""
