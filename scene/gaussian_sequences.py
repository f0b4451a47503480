"""Gaussians that follow the frame: one object, one PLY file for each frame."""

from __future__ import annotations

import re
from bisect import bisect_right
from pathlib import Path

import bpy

from ..inference.errors import GaussiansError, SightlineError
from ..inference.gaussian_ply import read_gaussians
from .gaussians import is_gaussians, update_object
from .names import LOADED_KEY, PATH_KEY
from .numbered_files import file_at, parts
from .properties import of_object

_NUMBER = re.compile(r"\d+(?=\D*$)")


def pattern_of(path: Path) -> Path | None:
    """Return the pattern of the sequence that a file belongs to, by the last number of its name, if it has one.

    ``walk.0012.ply`` belongs to ``walk.####.ply``.
    """
    number = _NUMBER.search(path.stem)
    if number is None:
        return None
    stem = path.stem[: number.start()] + "#" * len(number.group()) + path.stem[number.end() :]
    return path.with_name(stem + path.suffix)


def files_of(pattern: Path) -> list[tuple[int, Path]]:
    """Return the frames that have files, in order, with their files.

    Raises:
        GaussiansError: If the pattern has no #, or its folder cannot be read.
    """
    before, _, after = _parts(pattern)
    name = re.compile(re.escape(before) + r"(-?\d+)" + re.escape(after))
    try:
        return sorted((int(m[1]), path) for path in pattern.parent.iterdir() if (m := name.fullmatch(path.name)))
    except OSError as error:
        raise GaussiansError(f"The folder {pattern.parent} cannot be read ({error.strerror or error}).") from None


def file_for(pattern: Path, frame: int) -> tuple[Path, int]:
    """Return the file of the nearest frame that is not later, and that frame; the first one before all of them.

    Raises:
        GaussiansError: If the pattern has no #, or there is no file of the sequence.
    """
    _parts(pattern)
    exact = file_at(pattern, frame)
    if exact.is_file():
        return exact, frame
    found = files_of(pattern)
    if not found:
        raise GaussiansError(f"The sequence {pattern} has no files; choose another, or clear the field.")
    number, path = found[max(0, bisect_right([number for number, _ in found], frame) - 1)]
    return path, number


def follow(obj: bpy.types.Object, sequence: str, frame: int, held: int | None = None) -> None:
    """Let an object of Gaussians follow the frame from now on.

    Args:
        obj: The object.
        sequence: The pattern of the files, as Blender stores paths.
        frame: The current one.
        held: The frame whose Gaussians the object has already, if it has any.
    """
    of_object(obj).sequence = sequence
    if held is not None:
        obj.data[LOADED_KEY] = _loaded(sequence, held)
    _show(obj, frame)


@bpy.app.handlers.persistent  # type: ignore[untyped-decorator]
def follow_frame(scene: bpy.types.Scene, _depsgraph: object = None) -> None:
    """Let every sequence of a scene follow its frame, before the frame is evaluated: in the viewport and in renders."""
    if scene.get(PATH_KEY) is not None:
        return  # cameras are read there; the objects are the user's, and stay at the user's frame
    for obj in scene.objects:
        if of_object(obj).sequence and obj.library is None and is_gaussians(obj):
            _show(obj, scene.frame_current)


def _show(obj: bpy.types.Object, frame: int) -> None:
    """Give an object the Gaussians of a frame; what is missing or damaged is noted, and the last ones stay."""
    settings = of_object(obj)
    try:
        path, number = file_for(Path(bpy.path.abspath(settings.sequence)), frame)
        loaded = _loaded(settings.sequence, number)
        if obj.data.get(LOADED_KEY) != loaded:
            update_object(obj, read_gaussians(path))
            obj.data[LOADED_KEY] = loaded
        note = "" if number == frame else f"Frame {frame} is missing; frame {number} is shown."
    except SightlineError as error:
        note = str(error)
    if settings.sequence_note != note:
        settings.sequence_note = note


def _parts(pattern: Path) -> tuple[str, int, str]:
    """Return what stands before and after the frame's number in a pattern, and how many digits it has.

    Raises:
        GaussiansError: If there is no place for it.
    """
    found = parts(pattern.name)
    if found is None:
        raise GaussiansError(f"The sequence {pattern} has no # where the frame's number stands, as in walk.####.ply.")
    return found


def _loaded(sequence: str, frame: int) -> str:
    """Return what data that holds the Gaussians of a frame says of itself."""
    return f"{sequence} {frame}"
