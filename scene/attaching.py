"""Pictures for cameras that are in the scene already, from whichever importer: matched by their names."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import bpy

from ..inference.errors import CaptureError
from .capture_building import show_picture
from .properties import of_collection, of_scene
from .sources import cameras_in

T = TypeVar("T")

# What Blender puts behind a name that is taken.
_NUMBERED = re.compile(r"\.\d{3,}$")
# Importers make endings of pictures part of a name, with the dot or what they put in its place.
_ENDING = re.compile(r"[\W_](?:jpe?g|png|tiff?|exr|webp|bmp|dng|raw|cr2|nef|arw)$")


@dataclass(frozen=True)
class Attached:
    """What became of attaching: how many cameras have their picture, and the names that found no partner."""

    count: int
    cameras: tuple[str, ...]
    pictures: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """Everything in one sentence."""
        have = "camera has its" if self.count == 1 else "cameras have their"
        parts = [f"{self.count} {have} picture now"]
        if self.cameras:
            parts.append(f"no picture for {_some(self.cameras)}")
        if self.pictures:
            parts.append(f"no camera for {_some(self.pictures)}")
        return "; ".join(parts) + "."


def attach_pictures(context: bpy.types.Context, folder: Path) -> Attached:
    """Put the pictures of a folder behind the cameras that are called like them, and use those as the capture.

    The cameras are the selected ones of the active collection, or all of it where none is selected.

    Raises:
        CaptureError: If there are no cameras, no pictures, or none that belong together.
    """
    collection = context.collection
    everyone = cameras_in(collection)
    if not everyone:
        raise CaptureError(f"'{collection.name}' has no cameras; click the collection that has them in the Outliner.")
    cameras = [obj for obj in everyone if obj.select_get(view_layer=context.view_layer)] or everyone
    pictures = pictures_in(folder)
    if not pictures:
        raise CaptureError(f"The folder {folder} has no pictures; choose the one that the photographs lie in.")
    pairs = matches({obj.name: names_of(obj) for obj in cameras}, pictures)
    if not pairs:
        raise CaptureError(
            f"No picture in {folder} is called like a camera ('{cameras[0].name}', '{pictures[0].name}'); rename "
            "one or the other."
        )
    for obj in cameras:
        if obj.name in pairs:
            assert isinstance(obj.data, bpy.types.Camera)
            if obj.data.users > 1:  # shared by cameras that have each a picture of their own
                obj.data = obj.data.copy()
            show_picture(obj.data, pairs[obj.name], obj.name)
    capture = collection if collection != context.scene.collection else _collected(context.scene, folder, cameras)
    of_collection(capture).format = "cameras of this scene"
    of_scene(context.scene).capture = capture
    used = set(pairs.values())
    return Attached(
        len(pairs),
        tuple(obj.name for obj in cameras if obj.name not in pairs),
        tuple(picture.name for picture in pictures if picture not in used),
    )


def pictures_in(folder: Path) -> list[Path]:
    """Return the pictures that lie in a folder, by name.

    Raises:
        CaptureError: If it cannot be read.
    """
    path: Any = bpy.path
    endings: frozenset[str] = path.extensions_image
    try:
        inside = sorted(file for file in folder.iterdir() if file.suffix.lower() in endings)
    except OSError as error:
        raise CaptureError(f"The folder {folder} cannot be read ({error.strerror}); choose another.") from None
    return [file for file in inside if not file.name.startswith(".") and file.is_file()]


def names_of(camera: bpy.types.Object) -> tuple[str, ...]:
    """Return what a camera may be called after: USD and Alembic give the object above it the name, too."""
    parents = (camera.parent.name,) if camera.parent is not None and len(camera.parent.children) == 1 else ()
    return (camera.name, camera.data.name, *parents)


def matches(cameras: dict[str, tuple[str, ...]], pictures: Iterable[Path]) -> dict[str, Path]:
    """Return the pictures of cameras by the camera's name.

    Names are the same where their letters and digits are, without an ending, in any case. Where that leaves a camera
    alone, the number that Blender has put behind its name does not count, either. What has more than one partner has
    none.

    Args:
        cameras: The names that each may be called after, the likeliest first.
        pictures: Files.
    """
    found: dict[str, Path] = {}
    free = list(pictures)
    for numbered in (True, False):
        for place in range(max(map(len, cameras.values()), default=0)):
            wanted = {camera: names[place] for camera, names in cameras.items() if place < len(names)}
            keys = {camera: key(name, numbered) for camera, name in wanted.items() if camera not in found}
            ours, theirs = _unique(keys), _unique({file: key(file.stem, True) for file in free})
            found |= {camera: theirs[word] for word, camera in ours.items() if word in theirs}
            free = [file for file in free if file not in found.values()]
    return found


def key(name: str, numbered: bool) -> str:
    """Return what of a name counts, with or without a number that Blender has put behind it."""
    plain = _ENDING.sub("", name.lower())
    if not numbered:
        plain = _ENDING.sub("", _NUMBERED.sub("", plain))
    return "".join(character for character in plain if character.isalnum())


def _unique(keys: dict[T, str]) -> dict[str, T]:
    """Return who has a key alone."""
    owners: dict[str, list[T]] = defaultdict(list)
    for owner, word in keys.items():
        owners[word].append(owner)
    return {word: some[0] for word, some in owners.items() if len(some) == 1 and word}


def _collected(scene: bpy.types.Scene, folder: Path, cameras: list[bpy.types.Object]) -> bpy.types.Collection:
    """Return a new collection of cameras that lie in the scene's own one, which can be no capture."""
    collection = bpy.data.collections.new(folder.name or "Capture")
    scene.collection.children.link(collection)
    for obj in cameras:
        collection.objects.link(obj)
        if obj.name in scene.collection.objects:
            scene.collection.objects.unlink(obj)
    return collection


def _some(names: tuple[str, ...]) -> str:
    """Return some names, and how many more there are."""
    shown = ", ".join(f"'{name}'" for name in names[:4])
    return shown if len(names) <= 4 else f"{shown} and {len(names) - 4} more"
