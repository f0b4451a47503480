"""Synthesize View as a job: the scene's cameras to the worker, its picture into the scene."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from ..inference.camera import Camera
from ..inference.errors import CaptureError, DepthRangeError, PictureError, SightlineError, TargetError
from ..inference.view import Capture, View
from . import depth_range, results
from .backend import client, pictures_folder
from .cameras import target_camera
from .handles import Handle
from .job import Job, Step, Steps, answer
from .pictures import write_image
from .properties import SceneSettings, of_scene
from .sources import DISABLED, IS_TARGET, NO_PICTURE, Source, cameras_in, examine, written

# No method can find depth with fewer.
FEWEST_SOURCES = 2


@dataclass(frozen=True)
class Order:
    """What is to be made, in references that outlive undo."""

    scene: Handle[bpy.types.Scene]
    view_layer: str
    capture: Handle[bpy.types.Collection]
    target: Handle[bpy.types.Object]
    frame: int
    method: str
    quality: str
    source_count: int
    depth: tuple[float, float] | None


def target_of(scene: bpy.types.Scene) -> bpy.types.Object | None:
    """Return the camera whose picture is made: the chosen one, or the scene's."""
    target = of_scene(scene).target or scene.camera
    return target if target is not None and target.type == "CAMERA" else None


def order(context: bpy.types.Context) -> Order:
    """Return what the scene's settings ask for.

    Raises:
        SightlineError: If something is missing; the sentence says what.
    """
    scene = context.scene
    settings: SceneSettings = of_scene(scene)
    if settings.capture is None:
        raise CaptureError("There is no capture in this scene; import one or choose a collection of cameras.")
    target = target_of(scene)
    if target is None:
        raise TargetError("There is no target camera; choose one or add one to the scene.")
    depth = None
    if settings.depth_mode == "MANUAL":
        depth = settings.depth_near, settings.depth_far
        if depth[0] >= depth[1]:
            raise DepthRangeError("The nearest distance of the depth range must be below the farthest.")
    return Order(
        scene=Handle.to(scene, "scenes"),
        view_layer=context.view_layer.name,
        capture=Handle.to(settings.capture, "collections"),
        target=Handle.to(target, "objects"),
        frame=scene.frame_current,
        method=settings.method,
        quality=settings.quality,
        source_count=settings.source_count,
        depth=depth,
    )


def synthesize(job: Job, asked: Order) -> Steps:
    """Make the picture and put it into the scene.

    Raises:
        SightlineError: If it cannot be made. Nothing of the scene has changed then.
    """
    worker = client()
    yield Step(0.0, "Reading cameras")
    target, sources = yield from _gather(asked)
    capture = yield from _capture(job, asked, sources)
    depth = asked.depth or (yield from _depth_range(job, asked, sources, capture))
    scene = _there(asked.scene, "The scene")
    path = results.reserve(scene, asked.target.name)
    options = {"method": asked.method, "quality": asked.quality, "sources": asked.source_count}
    options |= {"depth_near": depth[0], "depth_far": depth[1], "device": "auto"}
    params = {"capture": capture.to_json(), "target": target.to_json(), "options": options, "save": str(path)}
    try:
        yield Step(0.1, "Sending the request")
        data = yield from answer(job, worker, "synthesize", params, 0.1, 1.0)
    finally:
        results.give_up(path)
    metadata = dict(data.get("metadata", {})) | {"target": asked.target.name, "frame": asked.frame}
    return _show(job, asked, path, metadata)


def _there(handle: Handle[Any], what: str) -> Any:
    """Return what a handle names.

    Raises:
        SightlineError: If it was deleted while the job ran.
    """
    block = handle.resolve()
    if block is None:
        raise SightlineError(f"{what} '{handle.name}' was deleted; start again.")
    return block


def _depsgraph(asked: Order, *, update: bool = False) -> bpy.types.Depsgraph:
    """Return the dependency graph of the scene and view layer of the order; ``update`` takes in pending changes."""
    scene: bpy.types.Scene = _there(asked.scene, "The scene")
    layer = scene.view_layers.get(asked.view_layer) or scene.view_layers[0]
    if update or layer.depsgraph is None:
        layer.update()
    return layer.depsgraph


def _gather(asked: Order) -> Generator[Step, None, tuple[Camera, list[Source]]]:
    """Read the target and every camera of the capture, one a step."""
    target_object = _there(asked.target, "The target camera")
    target = target_camera(_there(asked.scene, "The scene"), target_object, _depsgraph(asked, update=True))
    handles = [Handle.to(obj, "objects") for obj in cameras_in(_there(asked.capture, "The capture"))]
    sources: list[Source] = []
    for index, handle in enumerate(handles):
        obj = handle.resolve()
        if obj is not None:
            sources.append(examine(obj, _depsgraph(asked), asked.frame, asked.target.resolve()))
        yield Step(0.02 * (index + 1) / len(handles), "Reading cameras")
    return target, sources


def _capture(job: Job, asked: Order, sources: list[Source]) -> Generator[Step, None, Capture]:
    """Return the usable sources as a capture, with pictures that only Blender has written to files."""
    for source in sources:
        if source.reason and source.reason not in {DISABLED, IS_TARGET, NO_PICTURE}:
            job.warnings.append(f"'{source.name}' is not used: {source.reason}")
    usable = [source for source in sources if not source.reason]
    if len(usable) < FEWEST_SOURCES:
        reasons = [f"'{source.name}' {source.reason}" for source in sources if source.reason][:2]
        because = f" ({'; '.join(reason.rstrip('.') for reason in reasons)})" if reasons else ""
        number = "1 usable source" if len(usable) == 1 else f"{len(usable) or 'no'} usable sources"
        raise CaptureError(
            f"The capture '{asked.capture.name}' has {number}{because}; "
            f"at least {FEWEST_SOURCES} cameras with pictures are needed."
        )
    files: dict[int, Path] = {}
    views: list[View] = []
    for index, source in enumerate(usable):
        for photograph in (source.photograph, source.mask):
            if photograph is not None and photograph.image is not None and photograph.image.uid not in files:
                image = photograph.image.resolve()
                if image is None:
                    raise PictureError(f"The picture of '{source.name}' was deleted; start again.")
                for path in write_image(image, pictures_folder()):
                    yield Step(0.02 + 0.03 * index / len(usable), f"Writing the picture of {source.name}")
                    if path is not None:
                        files[photograph.image.uid] = path
        picture = written(source.photograph, files)
        assert picture is not None and source.camera is not None
        views.append(View(source.name, source.camera, picture, written(source.mask, files)))
    return Capture(tuple(views), format="blender")


def _depth_range(
    job: Job, asked: Order, sources: list[Source], capture: Capture
) -> Generator[Step, None, tuple[float, float]]:
    """Return the capture's depth range, found once for every arrangement of its cameras."""
    known = depth_range.known(_there(asked.capture, "The capture"), sources)
    if known is not None:
        return known
    data = yield from answer(job, client(), "depth_range", {"capture": capture.to_json()}, 0.05, 0.1)
    near, far = float(data["near"]), float(data["far"])
    depth_range.remember(_there(asked.capture, "The capture"), sources, near, far, str(data["origin"]))
    return near, far


def _show(job: Job, asked: Order, path: Path, metadata: dict[str, Any]) -> dict[str, Any]:
    """Put a written result into the scene, as far as that is still there."""
    image = results.adopt(path, metadata)
    target = asked.target.resolve()
    if target is None or not isinstance(target.data, bpy.types.Camera):
        image.use_fake_user = True
        job.warnings.append(f"The target camera '{asked.target.name}' was deleted; the picture is in '{path}'.")
    else:
        results.show_as_background(image, target)
    results.show_in_editor(image)
    sentence = f"{path.name}: {results.summary(metadata)}"
    return {"image": image.name, "path": str(path), "metadata": metadata, "sentence": sentence}
