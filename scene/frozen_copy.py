"""A copy of the open file as it is now, which itself stays as it is: what other processes work on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import bpy

from ..inference.errors import OutputError, PictureError
from .properties import of_object


def file_name() -> str:
    """Return what the open file is called, without its ending."""
    return Path(bpy.data.filepath).stem or "untitled"


def check_saved(image: bpy.types.Image) -> None:
    """Refuse a picture that a copy would not have as it is now.

    Raises:
        PictureError: If what it shows is in no file.
    """
    if image.is_dirty:
        raise PictureError(f"The picture '{image.name}' has changes that are not saved; save or pack it first.")


def save_copy(path: Path) -> None:
    """Save a copy of the open file; its relative paths lead to the same files.

    Raises:
        OutputError: If that is not possible.
    """
    with _sequences_seen_from(path.parent):
        try:
            bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True, relative_remap=True, check_existing=False)
        except RuntimeError as error:
            reason = " ".join(str(error).removeprefix("Error: ").split())
            raise OutputError(f"The copy of the scene cannot be saved: {reason}") from None


@contextlib.contextmanager
def _sequences_seen_from(folder: Path) -> Iterator[None]:
    """Have the paths of Gaussians' sequences lead from another folder for a while: Blender remaps only its own."""
    own = [obj for obj in bpy.data.objects if obj.library is None]
    before = {obj: of_object(obj).sequence for obj in own if of_object(obj).sequence.startswith("//")}
    for obj, sequence in before.items():
        of_object(obj).sequence = _seen_from(folder, bpy.path.abspath(sequence))
    try:
        yield
    finally:
        for obj, sequence in before.items():
            of_object(obj).sequence = sequence


def _seen_from(folder: Path, path: str) -> str:
    try:
        return str(bpy.path.relpath(path, start=str(folder)))
    except ValueError:  # on another drive of Windows
        return path
