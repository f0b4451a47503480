"""Masks of sources: a preview of one, its key colour from the picture, and its settings for all cameras."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import bpy

from ..inference.errors import CaptureError, PictureError
from ..inference.view import View
from .backend import client, pictures_folder
from .gathering import Stage, capture_of, depsgraph_of, stage_of, there
from .handles import Handle
from .job import Job, Step, Steps, answer
from .names import PREVIEW_KEY
from .properties import of_camera, of_scene
from .sources import cameras_in, examine, kind_of_mask, view_of, write_pictures

# What all cameras of a capture can share of a mask; images are each camera's own.
_SHARED = ("key_colour", "key_tolerance", "plate_threshold")


@dataclass(frozen=True)
class Order:
    """The camera whose mask is asked for, in references that outlive undo."""

    stage: Stage
    camera: Handle[bpy.types.Object]
    frame: int


def order(context: bpy.types.Context) -> Order:
    """Return the order for the source that is active in the list.

    Raises:
        CaptureError: If there is none.
    """
    capture_of(context.scene)
    source = active_source(context.scene)
    if source is None:
        raise CaptureError("No source is chosen; click a camera in the list of sources.")
    return Order(stage_of(context, with_target=False), Handle.to(source, "objects"), context.scene.frame_current)


def active_source(scene: bpy.types.Scene) -> bpy.types.Object | None:
    """Return the camera that is active in the list of sources, ``None`` where there is none."""
    settings = of_scene(scene)
    if settings.capture is None or not 0 <= settings.active_source < len(settings.capture.all_objects):
        return None
    obj: bpy.types.Object = settings.capture.all_objects[settings.active_source]
    return obj if isinstance(obj.data, bpy.types.Camera) else None


def preview(job: Job, asked: Order) -> Steps:
    """Make an image data-block that shows what a source's mask leaves of its picture; its name is the fact ``image``.

    Raises:
        SightlineError: If there is no mask or it cannot be made.
    """
    worker = client()
    view = yield from _view(asked)
    path = pictures_folder() / f"mask-{asked.camera.uid}.png"
    params = {"view": view.to_json(), "save": str(path)}
    yield from answer(job, worker, "mask_preview", params, 0.1, 1.0)
    image = _adopt(path, asked.camera.name)
    return {"image": image.name, "sentence": f"{image.name}: what is no subject shows a checkerboard"}


def key_from_border(job: Job, asked: Order) -> Steps:
    """Set a source's key colour to the saturated colour that the border of its picture shows most.

    Raises:
        SightlineError: If there is no such colour.
    """
    worker = client()
    view = yield from _view(asked)
    data = yield from answer(job, worker, "key_colour", {"view": view.to_json()}, 0.1, 1.0)
    camera: bpy.types.Camera = there(asked.camera, "The camera").data
    settings = of_camera(camera)
    settings.mask_kind, settings.key_colour = "CHROMA_KEY", data["colour"]
    return {"sentence": f"{asked.camera.name}: key colour set"}


def copy_to_all(scene: bpy.types.Scene) -> int:
    """Give all cameras of the capture the kind of mask of the active source and its settings; return how many."""
    source = active_source(scene)
    assert source is not None and isinstance(source.data, bpy.types.Camera)
    kind, settings = kind_of_mask(source.data), of_camera(source.data)
    everyone = {obj.data for obj in cameras_in(of_scene(scene).capture)}
    others = [data for data in everyone if isinstance(data, bpy.types.Camera) and data != source.data]
    for data in others:
        theirs = of_camera(data)
        theirs.mask_kind = kind
        for name in _SHARED:
            setattr(theirs, name, getattr(settings, name))
    return len(others)


def _view(asked: Order) -> Generator[Step, None, View]:
    """Return the source as the worker takes it, its pictures written where only Blender has them."""
    obj = there(asked.camera, "The camera")
    source = examine(obj, depsgraph_of(asked.stage, update=True), asked.frame)
    if source.reason:
        raise PictureError(f"The mask of '{source.name}' cannot be made: {source.reason}")
    files: dict[int, Path] = {}
    for _ in write_pictures(source, files, pictures_folder()):
        yield Step(0.05, f"Writing the picture of {source.name}")
    return view_of(source, files)


def _adopt(path: Path, camera: str) -> bpy.types.Image:
    """Return the preview of a camera as an image that needs its file no longer."""
    image = next((image for image in bpy.data.images if image.get(PREVIEW_KEY) == camera), None)
    if image is None:
        image = bpy.data.images.load(str(path), check_existing=False)
        image.name = f"{camera} mask preview"
        image.colorspace_settings.name = "sRGB"  # type: ignore[assignment]
        image[PREVIEW_KEY] = camera
    else:
        image.filepath = str(path)
    image.pack()
    image.reload()
    return image
