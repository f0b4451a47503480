"""Pictures that a calibration names, looked up inside the capture."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ..errors import CaptureError, PictureError

# NeRF-synthetic names its pictures without an ending.
_ENDINGS = (".png", ".jpg", ".jpeg", ".PNG", ".JPG", ".JPEG", ".tif", ".tiff", ".webp")


def locate(folder: Path, name: str, limit: Path) -> Path:
    """Return the file that a calibration in ``folder`` names; it may be missing.

    Args:
        folder: What the name is relative to.
        name: With slashes of either kind; without an ending where a picture with one is there.
        limit: The folder that it may not lead out of: a calibration from elsewhere has no business on the whole disk.

    Raises:
        CaptureError: If the name leads out of ``limit``.
    """
    plain = name.replace("\\", "/")
    path = Path(os.path.normpath(folder / plain))
    outside = Path(plain).is_absolute() or ":" in plain.split("/")[0] or not path.is_relative_to(limit)
    if outside or "\0" in plain:
        raise CaptureError(
            f"'{name}' lies outside the capture's folder {limit}; put the pictures beside the calibration."
        )
    if not path.is_file():
        for ending in _ENDINGS:
            complete = path.with_name(path.name + ending)
            if complete.is_file():
                return complete
    return path


def check_present(images: Sequence[Path], calibration: Path) -> None:
    """Check that every picture is there.

    Raises:
        PictureError: Naming the first that is missing and how many are.
    """
    missing = [image for image in images if not image.is_file()]
    if missing:
        raise PictureError(
            f"{len(missing)} of the {len(images)} pictures of {calibration} are missing, the first is {missing[0]}; "
            "copy the pictures to where it names them."
        )
