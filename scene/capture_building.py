"""A capture as a collection: cameras with their photographs behind them, all on one empty."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix
from numpy.typing import NDArray

from ..inference.errors import CaptureError
from ..inference.view import Capture, MovieFrame, View
from .cameras import apply_camera
from .gathering import there
from .handles import Handle
from .names import RESULT_KEY
from .properties import of_camera, of_collection
from .sources import Source, cameras_in

# Blender's own clip range of a camera; widened where the capture needs it.
_CLIP_START, _CLIP_END = 0.1, 1000.0


@dataclass(frozen=True)
class Building:
    """What has been made so far, in references that outlive undo.

    ``place`` is where the empty goes in the end; cameras are made where they lie without it, which is more exact.
    """

    scene: Handle[bpy.types.Scene]
    collection: Handle[bpy.types.Collection]
    parent: Handle[bpy.types.Object]
    place: Matrix


def begin(scene: Handle[bpy.types.Scene], name: str, capture: Capture, place: Matrix) -> Building:
    """Make the collection and the empty that all cameras hang on, so that the whole can be moved and scaled."""
    collection = bpy.data.collections.new(name)
    there(scene, "The scene").collection.children.link(collection)
    parent = bpy.data.objects.new(name, None)
    parent.empty_display_type, parent.empty_display_size = "ARROWS", 2 * display_size(capture)
    collection.objects.link(parent)
    return Building(scene, Handle.to(collection, "collections"), Handle.to(parent, "objects"), place)


def add_camera(building: Building, view: View, capture: Capture, size: float) -> Source:
    """Add one view as a camera with its picture behind; return it as it will lie in the end."""
    assert isinstance(view.image, Path | MovieFrame)
    data = bpy.data.cameras.new(view.name)
    obj = bpy.data.objects.new(view.name, data)
    there(building.collection, "The capture").objects.link(obj)
    obj.parent = there(building.parent, "The capture's empty")
    apply_camera(view.camera, obj)
    data.display_size = size
    if capture.depth_near is not None and capture.depth_far is not None:
        data.clip_start = min(_CLIP_START, capture.depth_near / 10)
        data.clip_end = max(_CLIP_END, capture.depth_far * 10)
    show_picture(data, view.image, view.name)
    if isinstance(view.mask, Path):
        mask = load_image(view.mask, view.name)
        mask.colorspace_settings.name = "Non-Color"  # type: ignore[assignment]
        of_camera(data).mask = mask
    place = building.place @ obj.matrix_world.translation
    return Source(view.name, (place.x, place.y, place.z))


def show_picture(camera: bpy.types.Camera, picture: Path | MovieFrame, owner: str) -> None:
    """Put a photograph behind a camera, instead of the one that is there: a file, or always one frame of a movie.

    Raises:
        CaptureError: If it cannot be loaded.
    """
    image = load_image(picture.path if isinstance(picture, MovieFrame) else picture, owner)
    images = (one for one in camera.background_images if one.source == "IMAGE")
    ours = next((one for one in images if one.image is None or one.image.get(RESULT_KEY) is None), None)
    background = camera.background_images.new() if ours is None else ours
    background.image = image
    background.alpha, background.display_depth, background.frame_method = 1.0, "BACK", "FIT"
    if isinstance(picture, MovieFrame):
        # A cycle of one frame shows the same at every frame of the scene.
        user = background.image_user
        user.frame_start, user.frame_duration, user.frame_offset, user.use_cyclic = 1, 1, picture.frame, True
    camera.show_background_images = True


def add_points(building: Building, points: NDArray[np.float64]) -> None:
    """Show the calibration's points as loose vertices, to place a target camera by; they do not render."""
    collection = there(building.collection, "The capture")
    mesh = bpy.data.meshes.new(f"{collection.name} points")
    mesh.vertices.add(len(points))
    mesh.vertices.foreach_set("co", points.astype(np.float32).ravel())
    mesh.update()
    obj = bpy.data.objects.new(mesh.name, mesh)
    obj.parent = there(building.parent, "The capture's empty")
    obj.hide_render = obj.hide_select = True
    collection.objects.link(obj)
    of_collection(collection).points = obj


def finish(building: Building) -> bpy.types.Collection:
    """Put the empty into its place and select the cameras alone, for Frame Selected; nothing amid editing."""
    collection: bpy.types.Collection = there(building.collection, "The capture")
    there(building.parent, "The capture's empty").matrix_world = building.place
    cameras = cameras_in(collection)
    for layer in there(building.scene, "The scene").view_layers:
        if layer.objects.active is not None and layer.objects.active.mode != "OBJECT":
            continue
        for obj in layer.objects:
            obj.select_set(obj in cameras, view_layer=layer)
        layer.objects.active = cameras[0]
    return collection


def take_back(building: Building) -> None:
    """Remove what a broken import has made."""
    collection = building.collection.resolve()
    if collection is None:
        return
    for obj in list(collection.objects):
        data = obj.data
        bpy.data.objects.remove(obj)
        if isinstance(data, bpy.types.Camera):
            images = [background.image for background in data.background_images if background.image is not None]
            bpy.data.cameras.remove(data)
            for image in set(images):
                if image.users == 0:
                    bpy.data.images.remove(image)
    bpy.data.collections.remove(collection)


def load_image(path: Path, owner: str) -> bpy.types.Image:
    """Return an image data-block of a file, the one that is there where there is one.

    Raises:
        CaptureError: If it cannot be loaded.
    """
    try:
        return bpy.data.images.load(str(path), check_existing=True)
    except RuntimeError:
        raise CaptureError(f"The picture of '{owner}' cannot be loaded: {path}; import the capture again.") from None


def display_size(capture: Capture) -> float:
    """Return a size at which neighbouring cameras do not touch: 0.4 of the median distance to the nearest one."""
    centres = np.array([view.camera.centre for view in capture])[:512]
    distances = np.linalg.norm(centres[:, None] - centres[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    nearest = distances.min(axis=1)
    nearest = nearest[np.isfinite(nearest) & (nearest > 0)]
    return 0.4 * float(np.median(nearest)) if len(nearest) else 1.0
