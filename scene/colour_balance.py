"""Even Out Exposure as a job: from the photographs into the cameras' settings, and back to nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from .backend import client
from .gathering import CaptureOrder, read_sources, there, unused, write_capture
from .job import Job, Step, Steps, answer
from .properties import of_camera, of_scene
from .sources import cameras_in


def even_out(job: Job, asked: CaptureOrder) -> Steps:
    """Find gain and offset of every source that is switched on, and set them; the others stay as they are.

    Raises:
        SightlineError: If it cannot be done. Nothing of the scene has changed then.
    """
    worker = client()
    sources = yield from read_sources(asked.stage, asked.capture, asked.frame)
    job.warnings.extend(f"'{name}' is not used: {reason}" for name, reason in unused(sources).items())
    files: dict[int, Path] = {}
    capture = yield from write_capture(asked.capture.name, sources, files)
    yield Step(0.05, "Sending the request")
    data = yield from answer(job, worker, "even_out", {"capture": capture.to_json()}, 0.05, 1.0)
    found = {camera["name"]: camera["correction"] for camera in data["cameras"]}
    for obj in cameras_in(there(asked.capture, "The capture")):
        if found.get(obj.name) is not None:
            _set(obj, found[obj.name])
    return {"sentence": str(data["sentence"])}


def evened_out(scene: bpy.types.Scene) -> bool:
    """Whether the colours of any camera of the scene's capture are corrected."""
    capture = of_scene(scene).capture
    return capture is not None and any(_changed(obj) for obj in cameras_in(capture))


def reset(scene: bpy.types.Scene) -> int:
    """Take every correction of the capture's cameras back; return how many there were."""
    changed = [obj for obj in cameras_in(of_scene(scene).capture) if _changed(obj)]
    for obj in changed:
        settings = of_camera(_camera(obj))
        settings.property_unset("gain")
        settings.property_unset("offset")
        obj.data.update_tag()
    return len(changed)


def _set(obj: bpy.types.Object, correction: dict[str, Any]) -> None:
    settings = of_camera(_camera(obj))
    settings.gain, settings.offset = correction["gain"], correction["offset"]


def _changed(obj: bpy.types.Object) -> bool:
    settings = of_camera(_camera(obj))
    return tuple(settings.gain) != (1.0, 1.0, 1.0) or tuple(settings.offset) != (0.0, 0.0, 0.0)


def _camera(obj: bpy.types.Object) -> bpy.types.Camera:
    assert isinstance(obj.data, bpy.types.Camera)
    return obj.data
