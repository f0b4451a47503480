"""Calibrated captures from files (``formats``, a module for each), and the photographs behind them."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import CaptureError
from ..view import Capture
from .formats import FORMATS, transforms_json
from .transforms_output import write_transforms

__all__ = ["read_cameras", "read_capture", "write_transforms"]


def read_capture(path: Path) -> Capture:
    """Read a capture of any known format (:mod:`inference.capture.formats`), which is told by its content.

    Args:
        path: A file of a calibration, or a folder that holds one.

    Raises:
        CaptureError: If nothing known is there, or it is damaged or incomplete.
        CameraError: If a camera in it cannot be used.
        PictureError: If no picture is there.
    """
    # Without the dots of a path like ../capture, so that folders compare by name.
    path = Path(os.path.normpath(Path(path).absolute()))
    accepted = f"{', '.join(known.ACCEPTS for known in FORMATS[:-1])} or {FORMATS[-1].ACCEPTS}"
    if not path.exists():
        raise CaptureError(f"The capture {path} does not exist; name {accepted}, or the folder of one.")
    for known in FORMATS:
        found = known.find(path)
        if found is not None:
            return known.read(found)
    if path.is_dir():
        raise CaptureError(f"The folder {path} holds no capture; it needs {accepted}.")
    raise CaptureError(f"{path} is no capture; name {accepted}, or the folder of one.")


def read_cameras(path: Path) -> Capture:
    """Read a transforms.json for its cameras alone: its pictures need not be there.

    Raises:
        CaptureError: If it is damaged or incomplete.
        CameraError: If a camera in it cannot be used.
        PictureError: If a camera states no size and its picture is missing.
    """
    return transforms_json.read(Path(os.path.normpath(Path(path).absolute())), pictures=False)
