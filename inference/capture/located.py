"""Pictures that a calibration names, looked up inside the capture."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from ..errors import CaptureError, PictureError

# No counter has more digits.
_NUMBER = re.compile(r"[0-9]{1,18}$")

# Bytes of a file's name and of a path in a capture: every system takes these and an ending more.
_LONGEST_NAME, _LONGEST_PATH = 240, 1024

# So many folders of a path are looked for below the calibration's.
_DEEPEST = 6

# What pictures are told by in folders.
PICTURE_ENDINGS = frozenset((".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp"))

# NeRF-synthetic names its pictures without an ending.
_ENDINGS = (".png", ".jpg", ".jpeg", ".PNG", ".JPG", ".JPEG", ".tif", ".tiff", ".webp")


def locate(folder: Path, name: str, limit: Path) -> Path:
    """Return the file that a calibration in ``folder`` names; it may be missing.

    Args:
        folder: What the name is relative to.
        name: With slashes of either kind; without an ending where a picture with one is there.
        limit: The folder that it may not lead out of: a calibration from elsewhere has no business on the whole disk.

    Raises:
        CaptureError: If the name leads out of ``limit``, or can be none of a file.
    """
    plain = name.replace("\\", "/")
    if not _is_possible(plain):
        raise CaptureError(f"{name[:40]!a} cannot be the name of a picture; the calibration is damaged.")
    path = Path(os.path.normpath(folder / plain))
    outside = Path(plain).is_absolute() or ":" in plain.split("/")[0] or not path.is_relative_to(limit)
    if outside or "\0" in plain:
        raise CaptureError(
            f"'{name}' lies outside the capture's folder {limit}; put the pictures beside the calibration."
        )
    if path.suffix.lower() not in PICTURE_ENDINGS and not path.is_file():
        for ending in _ENDINGS:
            complete = path.with_name(path.name + ending)
            if complete.is_file():
                return complete
    return path


def _is_possible(name: str) -> bool:
    """Whether a system can be asked for a file of that name, which text from JSON need not be."""
    try:
        sizes = [len(part.encode()) for part in name.split("/")]
    except UnicodeEncodeError:
        return False
    return max(sizes) <= _LONGEST_NAME and sum(sizes) + len(sizes) <= _LONGEST_PATH


def find_pictures(folder: Path, names: Sequence[str]) -> list[Path]:
    """Return the pictures that a calibration in ``folder`` names, as far as they are there.

    Programs write the paths of the machine they ran on. Of a path that is not below the calibration, as much of its end
    is taken as leads to a picture below the folder, below a folder ``images`` in it, or below those of its two parents.

    Args:
        folder: Of the calibration.
        names: As the calibration has them, with slashes of either kind.

    Returns:
        All from the one place where most of them are; those that are missing there are named all the same.
    """
    folder = folder.absolute()
    parts = [_parts(name) for name in names]
    best: list[Path] = []
    most = -1
    for parent in (folder, *list(folder.parents)[:2]):
        for place in (parent / "images", parent):
            pictures = [_below(place, piece) for piece in parts]
            present = sum(picture.is_file() for picture in pictures)
            if present > most:
                best, most = pictures, present
            if present == len(names):
                return best
    return best


def _parts(name: str) -> list[str]:
    """Return the parts of a path from any machine, without drive and without steps upwards."""
    plain = name.replace("\\", "/").replace("\0", "_").removeprefix("file:")
    return [part for part in plain.split("/") if part not in ("", ".", "..") and not part.endswith(":")]


def _below(place: Path, parts: list[str]) -> Path:
    """Return the picture that the longest end of a path leads to below a folder."""
    for start in range(max(0, len(parts) - _DEEPEST), len(parts)):
        path = locate(place, "/".join(parts[start:]), place)
        if path.is_file():
            return path
    return place / (parts[-1] if parts else "")


def pictures_in(folder: Path) -> list[Path]:
    """Return the pictures that lie in a folder, sorted by name; none where it cannot be read."""
    try:
        inside = [file for file in folder.iterdir() if file.suffix.lower() in PICTURE_ENDINGS and file.is_file()]
    except OSError:
        return []
    return sorted(file for file in inside if not file.name.startswith("."))


def by_number(pictures: Sequence[Path]) -> dict[int, Path]:
    """Return pictures by the number that their names end with; those that share theirs are left out."""
    numbered: dict[int, list[Path]] = {}
    for picture in pictures:
        if match := _NUMBER.search(picture.stem):
            numbered.setdefault(int(match[0]), []).append(picture)
    return {number: found[0] for number, found in numbered.items() if len(found) == 1}


def missing_pictures(names: Sequence[str], images: Sequence[Path], calibration: Path) -> dict[str, str]:
    """Return the views whose pictures are missing, with the reason.

    Args:
        names: Of the views.
        images: Their pictures.
        calibration: Where they are named.

    Raises:
        PictureError: If all are missing.
    """
    named = zip(names, images, strict=True)
    missing = {name: f"its picture {image} is missing" for name, image in named if not image.is_file()}
    if len(missing) == len(images):
        raise PictureError(
            f"The {len(images)} pictures of {calibration} are missing, the first is {images[0]}; "
            "copy the pictures to where it names them."
        )
    return missing
