"""The formats that captures are written in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from ..errors import OutputError
from ..view import Capture
from .colmap_output import write_colmap
from .transforms_output import write_transforms


def write_capture(capture: Capture, out: Path, kind: str) -> Path:
    """Write a capture of pictures that are files.

    Args:
        capture: What is written.
        out: A file for transforms.json, a folder for COLMAP.
        kind: A key of :data:`WRITERS`.

    Returns:
        The file or folder that :func:`read_capture` takes.

    Raises:
        CaptureError: If a picture is no file, or a lens cannot be expressed.
        OutputError: If a file cannot be written.
    """
    return WRITERS[kind](capture, out)


def _transforms(capture: Capture, out: Path) -> Path:
    if out.suffix.lower() != ".json":
        raise OutputError(f"{out} must end in .json.")
    write_transforms(capture, out)
    return out


WRITERS: Mapping[str, Callable[[Capture, Path], Path]] = {"transforms": _transforms, "colmap": write_colmap}
