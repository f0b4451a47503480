"""Finished frames in the scene: the target camera's background, and a strip in the sequencer."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import bpy

from . import results
from .names import RESULT_KEY

# Blender's sequencer has so many channels.
_CHANNELS = 128


def show_sequence(target: bpy.types.Object, files: Mapping[int, Path], metadata: dict[str, Any]) -> bpy.types.Image:
    """Show frames behind what a camera sees, each at its own frame, in the place of the last result.

    Args:
        target: A camera object.
        files: Of the frames that are there, at least one.
        metadata: What the frames were made from.
    """
    first, last = min(files), max(files)
    record = metadata | {"target": target.name, "frames": len(files), "first": first, "last": last}
    image = results.adopt(files[first], record)
    image.source = "SEQUENCE"
    if files[first].suffix == ".exr":
        _set_linear(image)
        image.alpha_mode = "PREMUL"
    results.show_as_background(image, target)
    return image


def show_strip(scene: bpy.types.Scene, name: str, files: Mapping[int, Path]) -> Any:
    """Put frames into a scene's sequencer as an image strip, in the place of ours of that name; return the strip.

    A frame that is not there shows the one before it, as a strip has one picture after another.
    """
    strips = strips_of(scene)
    first, last = min(files), max(files)
    channel = 0
    for strip in [strip for strip in strips if strip.get(RESULT_KEY) == name]:
        channel = strip.channel
        strips.remove(strip)
    taken = {strip.channel for strip in strips if _overlaps(strip, first, last)}
    if not channel or channel in taken:
        channel = next((number for number in range(1, _CHANNELS) if number not in taken), _CHANNELS)
    strip = strips.new_image(name, results.stored(files[first]), channel, first, fit_method="FIT")
    for frame in range(first + 1, last + 1):
        before = frame if frame in files else max(number for number in files if number < frame)
        strip.elements.append(files[before].name)
    as_stored(strip, files[first])
    strip[RESULT_KEY] = name  # its own may have got a number
    return strip


def strips_of(scene: bpy.types.Scene) -> Any:
    """Return the strips of a scene's sequencer."""
    editor: Any = scene.sequence_editor or scene.sequence_editor_create()
    return editor.strips if hasattr(editor, "strips") else editor.sequences  # before Blender 4.4


def as_stored(strip: Any, file: Path) -> None:
    """Have a strip read its files as they were written: linear and multiplied by alpha, or sRGB with straight alpha."""
    exr = file.suffix == ".exr"
    strip.alpha_mode = "PREMUL" if exr else "STRAIGHT"
    if exr:
        _set_linear(strip)
    else:
        strip.colorspace_settings.name = "sRGB"


def _set_linear(picture: Any) -> None:
    """Say that a picture is linear, with the primaries of sRGB."""
    with contextlib.suppress(TypeError):  # a colour configuration of the user's may have no such name
        picture.colorspace_settings.name = "Linear Rec.709"


def _span(strip: Any) -> tuple[int, int]:
    """Return the first frame of a strip and the one after its last."""
    if hasattr(strip, "left_handle"):  # Blender 5.2 and later
        return int(strip.left_handle), int(strip.right_handle)
    return int(strip.frame_final_start), int(strip.frame_final_end)


def _overlaps(strip: Any, first: int, last: int) -> bool:
    start, end = _span(strip)
    return start <= last and end > first
