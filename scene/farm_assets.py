"""Files that a farm needs beside a scene's own: photographs, masks and clouds of the frames, and linked blend files."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import bpy

from .frames import Frames
from .frozen_copy import check_saved
from .gathering import depsgraph_of, there
from .gaussian_sequences import file_for
from .handles import Handle
from .job import Step
from .pictures import Photograph, background_of
from .properties import of_camera, of_object
from .recipes import Recipe
from .sources import cameras_in, examine
from .words import spelled

# Frames that are looked at in one step.
_FRAMES_PER_STEP = 50


@dataclass
class Assets:
    """What is found, and what the user should know of it.

    Args:
        files: Each once.
        warnings: Sentences.
    """

    files: set[Path] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)


def find_assets(asked: Frames) -> Generator[Step, None, Assets]:
    """Find the files that the frames are made from.

    Raises:
        PictureError: If a picture has changes that only this Blender knows of.
        GaussiansError: If a sequence of Gaussians has no files.
    """
    found = Assets({_absolute(library.filepath) for library in bpy.data.libraries})
    stage = asked.recipe.stage
    depsgraph_of(stage, update=True)
    cameras = [] if asked.recipe.capture is None else cameras_in(there(asked.recipe.capture, "The capture"))
    for handle in [Handle.to(camera, "objects") for camera in cameras]:
        camera = there(handle, "The camera")
        frames = asked.numbers if _changes(_data_of(camera)) else asked.numbers[:1]
        yield from _pictures_of(asked.recipe, handle, frames, found)
    for cloud in asked.recipe.objects:
        obj = there(cloud, "The object")
        if sequence := of_object(obj).sequence:
            pattern = _absolute(sequence)
            for first in range(0, len(asked.numbers), _FRAMES_PER_STEP):
                chunk = asked.numbers[first : first + _FRAMES_PER_STEP]
                found.files.update(file_for(pattern, frame)[0] for frame in chunk)
                yield Step(0.0, f"Looking for the files of {cloud.name}")
    if far := sum(not stored.startswith("//") for stored in _stored_paths(cameras)):
        having = "picture has an absolute path" if far == 1 else "pictures have absolute paths"
        found.warnings.append(
            f"{far:,} {having}, and a farm that copies files to its machines does not find them: use File > External "
            "Data > Make Paths Relative for such a farm."
        )
    return found


def _pictures_of(
    recipe: Recipe, handle: Handle[bpy.types.Object], frames: tuple[int, ...], found: Assets
) -> Generator[Step, None, None]:
    """Add the pictures of one source. What it lacks at the first frame was told when that was made."""
    graph = partial(depsgraph_of, recipe.stage)
    lacking: dict[str, list[int]] = {}
    for index, frame in enumerate(frames):
        target = None if recipe.stage.target is None else recipe.stage.target.resolve()
        source = examine(there(handle, "The camera"), graph(), frame, target)
        if source.reason and index:
            lacking.setdefault(source.reason.partition(":")[0].rstrip("."), []).append(frame)
        found.files.update(_files_of(source.pictures))
        if index % _FRAMES_PER_STEP == 0:
            yield Step(0.0, f"Looking for the pictures of {handle.name}")
    for reason, missing in lacking.items():
        found.warnings.append(f"{reason}: {spelled(missing)}.")


def _files_of(pictures: Iterable[Photograph]) -> set[Path]:
    """Return the files of pictures; what is packed or generated is in the blend file.

    Raises:
        PictureError: If what a picture shows now is in no file.
    """
    for picture in pictures:
        image = None if picture.image is None else picture.image.resolve()
        if image is not None:
            check_saved(image)
    return {_absolute(str(picture.path)) for picture in pictures if picture.path is not None}


def _changes(camera: bpy.types.Camera) -> bool:
    """Whether a source has other files at other frames."""
    return any(block.source == "SEQUENCE" for block in _blocks_of(camera))


def _blocks_of(camera: bpy.types.Camera) -> list[bpy.types.Image | bpy.types.MovieClip]:
    """Return what holds a source's pictures."""
    background, settings = background_of(camera), of_camera(camera)
    shown = None if background is None else background.clip if background.source == "MOVIE_CLIP" else background.image
    return [block for block in (shown, settings.mask, settings.clean_plate) if block is not None]


def _stored_paths(cameras: list[bpy.types.Object]) -> set[str]:
    """Return the paths of the sources' pictures as the blend file has them."""
    blocks = {block for camera in cameras for block in _blocks_of(_data_of(camera))}
    return {block.filepath for block in blocks if block.filepath and getattr(block, "packed_file", None) is None}


def _data_of(camera: bpy.types.Object) -> bpy.types.Camera:
    assert isinstance(camera.data, bpy.types.Camera)
    return camera.data


def _absolute(stored: str) -> Path:
    return Path(os.path.normpath(Path(bpy.path.abspath(stored)).absolute()))
