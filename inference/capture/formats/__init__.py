"""The formats that are known, each with a module of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from ...view import Capture
from . import (
    colmap,
    idr,
    llff,
    meshroom,
    metashape,
    middlebury,
    mvsnet,
    opencv_yaml,
    openmvg,
    opensfm,
    realityscan_csv,
    realityscan_xmp,
    strecha,
    transforms_json,
)


class Format(Protocol):
    """A module that reads one format.

    ``FORMAT`` is its name, ``ACCEPTS`` what a user may name, for sentences.
    """

    FORMAT: str
    ACCEPTS: str

    def find(self, path: Path) -> Path | None:
        """Return the calibration of this format that a file is or a folder holds, or ``None``: quick, never an error.

        It is told by its content.
        """

    def read(self, path: Path) -> Capture:
        """Return the capture of what :meth:`find` returned.

        Raises:
            CaptureError, CameraError, PictureError: If it cannot be used.
        """


# In the order in which they are asked: transforms.json takes every JSON that nobody else does.
FORMATS: tuple[Format, ...] = (
    meshroom,
    metashape,
    openmvg,
    opensfm,
    transforms_json,
    colmap,
    opencv_yaml,
    realityscan_csv,
    realityscan_xmp,
    middlebury,
    strecha,
    llff,
    mvsnet,
    idr,
)
