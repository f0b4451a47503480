"""The cameras of a scene as a target and a capture, in the worker's terms and in small steps."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from ..inference.camera import Camera
from ..inference.errors import CaptureError, SightlineError, TargetError
from ..inference.view import Capture, View
from .backend import pictures_folder
from .cameras import target_camera
from .handles import Handle
from .job import Step
from .properties import of_scene
from .sources import DISABLED, IS_TARGET, NO_PICTURE, Source, cameras_in, examine, view_of, write_pictures
from .targets import target_of

# No method can find depth with fewer.
FEWEST_SOURCES = 2


@dataclass(frozen=True)
class Stage:
    """A scene as it is looked at, and the camera whose picture is made, in references that outlive undo."""

    scene: Handle[bpy.types.Scene]
    view_layer: str
    target: Handle[bpy.types.Object] | None


def stage_of(context: bpy.types.Context, *, with_target: bool = True) -> Stage:
    """Return the context's scene and view layer, with the scene's target camera or without any.

    Raises:
        TargetError: If there is no target to be had.
    """
    handle: Handle[bpy.types.Object] | None = None
    if with_target:
        target = target_of(context.scene)
        if target is None:
            raise TargetError("There is no target camera; choose one or add one to the scene.")
        handle = Handle.to(target, "objects")
    return Stage(Handle.to(context.scene, "scenes"), context.view_layer.name, handle)


def capture_of(scene: bpy.types.Scene) -> Handle[bpy.types.Collection]:
    """Return the scene's capture.

    Raises:
        CaptureError: If it has none.
    """
    capture = of_scene(scene).capture
    if capture is None:
        raise CaptureError("There is no capture in this scene; import one or choose a collection of cameras.")
    return Handle.to(capture, "collections")


@dataclass(frozen=True)
class CaptureOrder:
    """A scene's capture at a frame, in references that outlive undo."""

    stage: Stage
    capture: Handle[bpy.types.Collection]
    frame: int


def capture_order(context: bpy.types.Context) -> CaptureOrder:
    """Return the context's capture at its frame.

    Raises:
        CaptureError: If there is none.
    """
    stage = stage_of(context, with_target=False)
    return CaptureOrder(stage, capture_of(context.scene), context.scene.frame_current)


def there(handle: Handle[Any], what: str) -> Any:
    """Return what a handle names.

    Raises:
        SightlineError: If it was deleted while the job ran.
    """
    block = handle.resolve()
    if block is None:
        raise SightlineError(f"{what} '{handle.name}' was deleted; start again.")
    return block


def depsgraph_of(stage: Stage, *, update: bool = False) -> bpy.types.Depsgraph:
    """Return the dependency graph of a stage; ``update`` takes in pending changes."""
    scene: bpy.types.Scene = there(stage.scene, "The scene")
    layer = scene.view_layers.get(stage.view_layer) or scene.view_layers[0]
    if update or layer.depsgraph is None:
        layer.update()
    return layer.depsgraph


def read_target(stage: Stage) -> Camera:
    """Return the target as the scene's frame has it; the stage has one.

    Raises:
        SightlineError: If it was deleted, or cannot be used.
    """
    assert stage.target is not None
    target = there(stage.target, "The target camera")
    return target_camera(there(stage.scene, "The scene"), target, depsgraph_of(stage, update=True))


def read_sources(
    stage: Stage,
    capture: Handle[bpy.types.Collection],
    frame: int,
    graph: Callable[[], bpy.types.Depsgraph] | None = None,
) -> Generator[Step, None, list[Source]]:
    """Examine every camera of a capture, one a step.

    Args:
        stage: Its target is none of the sources.
        capture: The cameras.
        frame: Whose pictures count.
        graph: Returns the dependency graph to read the cameras from; by default the stage's own.
    """
    if graph is None:
        depsgraph_of(stage, update=True)
    handles = [Handle.to(obj, "objects") for obj in cameras_in(there(capture, "The capture"))]
    sources: list[Source] = []
    for index, handle in enumerate(handles):
        obj = handle.resolve()
        if obj is not None:
            target = None if stage.target is None else stage.target.resolve()
            sources.append(examine(obj, depsgraph_of(stage) if graph is None else graph(), frame, target))
        yield Step(0.02 * (index + 1) / len(handles), "Reading cameras")
    return sources


def unused(sources: list[Source]) -> dict[str, str]:
    """Return the cameras that were meant as sources and cannot be used, with the reason."""
    wanted = {DISABLED, IS_TARGET, NO_PICTURE}
    return {source.name: source.reason for source in sources if source.reason and source.reason not in wanted}


def write_capture(name: str, sources: list[Source], files: dict[int, Path]) -> Generator[Step, None, Capture]:
    """Return the usable sources as a capture, with pictures that only Blender has written to files.

    Args:
        name: The capture's.
        sources: As :func:`read_sources` returned them.
        files: What was written already, by the image's session uid; takes more.

    Raises:
        CaptureError: If they are too few.
        PictureError: If a picture was deleted meanwhile.
    """
    usable = [source for source in sources if not source.reason]
    if len(usable) < FEWEST_SOURCES:
        blamed = unused(sources) or {source.name: source.reason for source in sources if source.reason}
        reasons = [f"'{name}' {reason}" for name, reason in blamed.items()][:2]
        because = f" ({'; '.join(reason.rstrip('.') for reason in reasons)})" if reasons else ""
        number = "1 usable source" if len(usable) == 1 else f"{len(usable) or 'no'} usable sources"
        raise CaptureError(
            f"The capture '{name}' has {number}{because}; at least {FEWEST_SOURCES} cameras with pictures are needed."
        )
    views: list[View] = []
    for index, source in enumerate(usable):
        for _ in write_pictures(source, files, pictures_folder()):
            yield Step(0.02 + 0.03 * index / len(usable), f"Writing the picture of {source.name}")
        views.append(view_of(source, files))
    return Capture(tuple(views), format="blender")
