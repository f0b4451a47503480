"""The sources of a capture: cameras with photographs, each usable or not, with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import bpy

from ..inference.camera import Camera
from ..inference.errors import SightlineError
from .cameras import source_camera
from .pictures import Photograph, image_photograph, photograph_of
from .properties import of_camera

NO_PICTURE = "has no picture as its background"
DISABLED = "switched off"
IS_TARGET = "is the target"


@dataclass(frozen=True)
class Source:
    """A camera of a capture as it stands in the scene.

    ``camera``, ``photograph`` and ``mask`` are there where ``reason`` is empty; else that says why it is not used.
    """

    name: str
    position: tuple[float, float, float]
    reason: str = ""
    camera: Camera | None = None
    photograph: Photograph | None = None
    mask: Photograph | None = None


def cameras_in(capture: bpy.types.Collection) -> list[bpy.types.Object]:
    """Return the camera objects of a collection and those in it, by name."""
    return sorted((obj for obj in capture.all_objects if obj.type == "CAMERA"), key=lambda obj: obj.name)


def examine(
    obj: bpy.types.Object, depsgraph: bpy.types.Depsgraph, frame: int, target: bpy.types.Object | None = None
) -> Source:
    """Return ``obj`` as a source at a scene frame; whatever is wrong with it becomes the reason."""
    data = obj.data
    assert isinstance(data, bpy.types.Camera)
    place = obj.evaluated_get(depsgraph).matrix_world.translation
    position = (place.x, place.y, place.z)
    if obj == target:
        return Source(obj.name, position, IS_TARGET)
    settings = of_camera(data)
    if not settings.enabled:
        return Source(obj.name, position, DISABLED)
    try:
        photograph = photograph_of(data, frame)
        if photograph is None:
            return Source(obj.name, position, NO_PICTURE)
        mask = None if settings.mask is None else image_photograph(settings.mask, f"{obj.name} (mask)", frame)
        camera = source_camera(obj, depsgraph, photograph.width, photograph.height)
    except SightlineError as error:
        return Source(obj.name, position, str(error))
    return Source(obj.name, position, "", camera, photograph, mask)


def written(photograph: Photograph | None, files: dict[int, Path]) -> Path | None:
    """Return the file of a photograph, where ``files`` holds those that were written, by the image's session uid."""
    if photograph is None or photograph.image is None:
        return None if photograph is None else photograph.path
    return files[photograph.image.uid]
