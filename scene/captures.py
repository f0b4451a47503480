"""Captures as collections: read from files in the worker, and built here camera by camera."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import bpy
from mathutils import Matrix

from ..inference.errors import CaptureError, OutputError
from ..inference.view import Capture
from . import capture_report, depth_range
from .backend import client
from .capture_building import Building, add_camera, add_points, begin, display_size, finish, take_back
from .gathering import there
from .handles import Handle
from .job import Job, Step, Steps, answer
from .properties import of_collection, of_scene
from .results import output_folder
from .sources import Source, cameras_in

# Of the files that calibrations are told by; a folder will do as well.
ENDINGS = (
    *(".json", ".bin", ".txt", ".xml", ".csv", ".xmp", ".sfm", ".npy", ".npz", ".yml", ".yaml"),
    ".camera",
)

# Folder names that say nothing of what was photographed.
_GENERIC = {"0", "sparse", "colmap", "images", "model", "dense", "transforms", "cameras", ""}


def import_capture(job: Job, scene: Handle[bpy.types.Scene], path: Path) -> Steps:
    """Read a calibration in the worker and build it as a collection of cameras with background images.

    Raises:
        SightlineError: If it cannot be read. Nothing of the scene has changed then.
    """
    return (yield from bring_in(job, scene, name_of(path), {"path": str(path)}))


def bring_in(
    job: Job,
    scene: Handle[bpy.types.Scene],
    name: str,
    params: dict[str, Any],
    place: Matrix | None = None,
    sequel: str = "",
) -> Steps:
    """Have the worker make pictures that Blender's camera model can show, and build the capture.

    Args:
        job: What is waited in.
        scene: Gets the capture.
        name: Of its collection and empty.
        params: Of the worker's request: ``path`` of a calibration, or ``capture``.
        place: World matrix of the empty.
        sequel: What is said behind the number of cameras.

    Raises:
        SightlineError: If that fails. Nothing of the scene has changed then.
    """
    worker = client()
    pictures = new_folder(output_folder(there(scene, "The scene")), name)
    building: Building | None = None
    try:
        data = yield from answer(job, worker, "import", {**params, "pictures": str(pictures)}, 0.0, 0.7)
        capture = Capture.from_json(data["capture"])
        size = display_size(capture)
        building = begin(scene, name, capture, Matrix() if place is None else place)
        sources: list[Source] = []
        for index, view in enumerate(capture):
            sources.append(add_camera(building, view, capture, size))
            yield Step(0.7 + 0.3 * (index + 1) / len(capture), f"Adding {view.name}")
    except BaseException:
        if building is not None:
            take_back(building)
        shutil.rmtree(pictures, ignore_errors=True)
        raise
    if not any(pictures.iterdir()):
        pictures.rmdir()
    if capture.points is not None and len(capture.points):
        add_points(building, capture.points)
    collection = finish(building)
    of_collection(collection).path = params.get("path", "")
    report = data["report"]
    capture_report.remember(collection, report)
    if capture.depth_near is not None and capture.depth_far is not None:
        scale = building.place.median_scale
        near, far = capture.depth_near * scale, capture.depth_far * scale
        depth_range.remember(collection, sources, near, far, report["depth_origin"] or "the calibration")
    of_scene(there(scene, "The scene")).capture = collection
    if note := capture_report.unit_note(there(scene, "The scene"), collection):
        job.warnings.append(note)
    sentence = f"{collection.name}: {', '.join(report['lines'])}{sequel}"
    return {"collection": collection.name, "sentence": sentence, **data}


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


def name_of(path: Path) -> str:
    """Return what the capture is called: the nearest folder or file with a telling name."""
    for name in (path.stem if path.is_file() else path.name, *(parent.name for parent in path.parents)):
        if name.lower() not in _GENERIC:
            return name
    return "Capture"


def new_folder(base: Path, name: str) -> Path:
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
