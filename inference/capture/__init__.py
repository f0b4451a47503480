"""Calibrated captures from files: one module for each calibration format, and the photographs behind them."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import CaptureError
from ..view import Capture
from .colmap import find_model, read_colmap
from .transforms_json import read_transforms
from .transforms_output import write_transforms

__all__ = ["read_cameras", "read_capture", "write_transforms"]

ACCEPTED = "a transforms.json or a COLMAP model (cameras, images and points3D, as .bin or .txt)"


def read_capture(path: Path) -> Capture:
    """Read a capture of any known format.

    Args:
        path: A transforms.json, a file of a COLMAP model, or a folder that holds one of them. COLMAP models are also
            found in its subfolders ``sparse/0``, ``sparse`` and ``colmap``. Where a folder has both, transforms.json is
            read.

    Raises:
        CaptureError: If nothing known is there, or it is damaged or incomplete.
        CameraError: If a camera in it cannot be used.
        PictureError: If a picture is missing.
    """
    # Without the dots of a path like ../capture, so that folders compare by name.
    path = Path(os.path.normpath(Path(path).absolute()))
    if path.is_dir():
        transforms = path / "transforms.json"
        if transforms.is_file():
            return read_transforms(transforms)
        model = find_model(path)
        if model is not None:
            return read_colmap(model)
        raise CaptureError(f"The folder {path} holds no capture; it needs {ACCEPTED}.")
    if not path.exists():
        raise CaptureError(f"The capture {path} does not exist; name {ACCEPTED}, or the folder of one.")
    if path.suffix.lower() in (".bin", ".txt"):
        model = find_model(path.parent)
        if model == path.parent:
            return read_colmap(model)
    elif _is_json(path):
        return read_transforms(path)
    raise CaptureError(f"{path} is no capture; name {ACCEPTED}, or the folder of one.")


def read_cameras(path: Path) -> Capture:
    """Read a transforms.json for its cameras alone: its pictures need not be there.

    Raises:
        CaptureError: If it is damaged or incomplete.
        CameraError: If a camera in it cannot be used.
        PictureError: If a camera states no size and its picture is missing.
    """
    return read_transforms(Path(os.path.normpath(Path(path).absolute())), pictures=False)


def _is_json(path: Path) -> bool:
    """Whether a file is named or begins like JSON (a damaged one is told so by the reader)."""
    if path.suffix.lower() == ".json":
        return True
    try:
        with path.open("rb") as file:
            return file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
    except OSError as error:
        raise CaptureError(f"{path} cannot be read ({error.strerror or error}).") from None
