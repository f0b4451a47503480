"""Captures as collections: imported ones are built here, camera by camera."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..inference.errors import CaptureError, OutputError, SightlineError
from ..inference.view import Capture, View
from . import depth_range
from .backend import client
from .cameras import apply_camera
from .handles import Handle
from .job import Job, Step, Steps, answer
from .properties import of_camera, of_collection, of_scene
from .results import output_folder
from .sources import Source, cameras_in

# Folder names that say nothing of what was photographed.
_GENERIC = {"0", "sparse", "colmap", "images", "model", "dense", "transforms", ""}

# Blender's own clip range of a camera; widened where the capture needs it.
_CLIP_START, _CLIP_END = 0.1, 1000.0


@dataclass(frozen=True)
class _Parts:
    """What an import has made so far."""

    scene: Handle[bpy.types.Scene]
    collection: Handle[bpy.types.Collection]
    parent: Handle[bpy.types.Object]


def import_capture(job: Job, scene: Handle[bpy.types.Scene], path: Path) -> Steps:
    """Read a calibration in the worker and build it as a collection of cameras with background images.

    Raises:
        SightlineError: If it cannot be read. Nothing of the scene has changed then.
    """
    worker = client()
    name = _name_of(path)
    pictures = _new_folder(output_folder(_there(scene)), name)
    parts: _Parts | None = None
    try:
        data = yield from answer(job, worker, "import", {"path": str(path), "pictures": str(pictures)}, 0.0, 0.7)
        capture = Capture.from_json(data["capture"])
        size = _display_size(capture)
        parts = _begin(scene, name, 2 * size)
        sources: list[Source] = []
        for index, view in enumerate(capture):
            sources.append(_add_camera(parts, view, capture, size))
            yield Step(0.7 + 0.3 * (index + 1) / len(capture), f"Adding {view.name}")
    except BaseException:
        if parts is not None:
            _remove(parts)
        shutil.rmtree(pictures, ignore_errors=True)
        raise
    if not any(pictures.iterdir()):
        pictures.rmdir()
    collection = _resolved(parts.collection)
    settings = of_collection(collection)
    settings.format, settings.path = capture.format, str(path)
    if capture.depth_near is not None and capture.depth_far is not None:
        depth_range.remember(collection, sources, capture.depth_near, capture.depth_far, _origin(data))
    if capture.points is not None and len(capture.points):
        _add_points(parts, capture.points)
    of_scene(_there(scene)).capture = collection
    _select(parts)
    return {"collection": collection.name, "sentence": f"{collection.name}: {len(capture)} cameras", **data}


def camera_collection(context: bpy.types.Context) -> bpy.types.Collection:
    """Return the active collection if it is a capture.

    Raises:
        CaptureError: If there are no cameras in it.
    """
    collection = context.collection
    if collection is None or not cameras_in(collection):
        name = "The active collection" if collection is None else f"The collection '{collection.name}'"
        raise CaptureError(f"{name} has no cameras; click the one that has them in the Outliner first.")
    return collection


def _begin(scene: Handle[bpy.types.Scene], name: str, size: float) -> _Parts:
    """Make the collection and the empty that all cameras hang on, so that the whole can be moved and scaled."""
    collection = bpy.data.collections.new(name)
    _there(scene).collection.children.link(collection)
    parent = bpy.data.objects.new(name, None)
    parent.empty_display_type, parent.empty_display_size = "ARROWS", size
    collection.objects.link(parent)
    return _Parts(scene, Handle.to(collection, "collections"), Handle.to(parent, "objects"))


def _add_camera(parts: _Parts, view: View, capture: Capture, size: float) -> Source:
    """Add one view as a camera with its picture behind."""
    assert isinstance(view.image, Path)
    data = bpy.data.cameras.new(view.name)
    obj = bpy.data.objects.new(view.name, data)
    _resolved(parts.collection).objects.link(obj)
    obj.parent = _resolved(parts.parent)
    apply_camera(view.camera, obj)
    data.display_size = size
    if capture.depth_near is not None and capture.depth_far is not None:
        data.clip_start = min(_CLIP_START, capture.depth_near / 10)
        data.clip_end = max(_CLIP_END, capture.depth_far * 10)
    background = data.background_images.new()
    background.image = _load(view.image, view.name)
    background.alpha, background.display_depth, background.frame_method = 1.0, "BACK", "FIT"
    data.show_background_images = True
    if isinstance(view.mask, Path):
        mask = _load(view.mask, view.name)
        mask.colorspace_settings.name = "Non-Color"  # type: ignore[assignment]
        of_camera(data).mask = mask
    x, y, z = view.camera.centre
    return Source(view.name, (float(x), float(y), float(z)))


def _add_points(parts: _Parts, points: NDArray[np.float64]) -> None:
    """Show the calibration's points as loose vertices, to place a target camera by; they do not render."""
    collection = _resolved(parts.collection)
    mesh = bpy.data.meshes.new(f"{collection.name} points")
    mesh.vertices.add(len(points))
    mesh.vertices.foreach_set("co", points.astype(np.float32).ravel())
    mesh.update()
    obj = bpy.data.objects.new(mesh.name, mesh)
    obj.parent = _resolved(parts.parent)
    obj.hide_render = obj.hide_select = True
    collection.objects.link(obj)
    of_collection(collection).points = obj


def _select(parts: _Parts) -> None:
    """Select the cameras that were brought in, and nothing else: Frame Selected shows them. Not amid editing."""
    for layer in _there(parts.scene).view_layers:
        if layer.objects.active is not None and layer.objects.active.mode != "OBJECT":
            continue
        cameras = cameras_in(_resolved(parts.collection))
        for obj in layer.objects:
            obj.select_set(obj in cameras, view_layer=layer)
        layer.objects.active = cameras[0]


def _remove(parts: _Parts) -> None:
    """Take back what a broken import has made."""
    collection = parts.collection.resolve()
    if collection is None:
        return
    for obj in list(collection.objects):
        data = obj.data
        bpy.data.objects.remove(obj)
        if isinstance(data, bpy.types.Camera):
            images = [background.image for background in data.background_images if background.image is not None]
            bpy.data.cameras.remove(data)
            for image in images:
                if image.users == 0:
                    bpy.data.images.remove(image)
    bpy.data.collections.remove(collection)


def _load(path: Path, owner: str) -> bpy.types.Image:
    try:
        return bpy.data.images.load(str(path), check_existing=True)
    except RuntimeError:
        raise CaptureError(f"The picture of '{owner}' cannot be loaded: {path}; import the capture again.") from None


def _there(scene: Handle[bpy.types.Scene]) -> bpy.types.Scene:
    found = scene.resolve()
    if found is None:
        raise SightlineError(f"The scene '{scene.name}' was deleted; import the capture again.")
    return found


def _resolved(handle: Handle[Any]) -> Any:
    block = handle.resolve()
    if block is None:
        raise SightlineError(f"'{handle.name}' was deleted during the import; import the capture again.")
    return block


def _display_size(capture: Capture) -> float:
    """Return a size at which neighbouring cameras do not touch: 0.4 of the median distance to the nearest one."""
    centres = np.array([view.camera.centre for view in capture])[:512]
    distances = np.linalg.norm(centres[:, None] - centres[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    nearest = distances.min(axis=1)
    nearest = nearest[np.isfinite(nearest) & (nearest > 0)]
    return 0.4 * float(np.median(nearest)) if len(nearest) else 1.0


def _name_of(path: Path) -> str:
    """Return what the capture is called: the nearest folder or file with a telling name."""
    for name in (path.stem if path.is_file() else path.name, *(parent.name for parent in path.parents)):
        if name.lower() not in _GENERIC:
            return name
    return "Capture"


def _new_folder(base: Path, name: str) -> Path:
    """Make a folder that was not there yet, for undistorted pictures."""
    try:
        base.mkdir(parents=True, exist_ok=True)
        for number in range(10000):
            folder = base / (name if number == 0 else f"{name}_{number:03d}")
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            return folder
    except OSError as error:
        raise OutputError(
            f"Pictures cannot be written to '{base}' ({error.strerror}); choose another folder."
        ) from None
    raise CaptureError(f"There are too many captures called '{name}' in '{base}'; choose another output folder.")


def _origin(data: dict[str, Any]) -> str:
    report = data.get("report")
    origin = report.get("depth_origin") if isinstance(report, dict) else None
    return str(origin or "the calibration")
