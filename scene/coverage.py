"""Show Coverage as a job: what the sources see of the target, as a picture behind it and in words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..inference.errors import DepthRangeError
from . import depth_range, results
from .backend import client
from .capture_points import points_of
from .gathering import Stage, capture_of, read_sources, read_target, stage_of, there, unused, write_capture
from .handles import Handle
from .job import Job, Step, Steps, answer
from .properties import of_scene
from .sources import Source
from .targets import target_of

# How far a target may have moved (entries of its matrix) for a coverage to be still its own.
_SAME_PLACE = 1e-4


@dataclass(frozen=True)
class Order:
    """A target and a capture at a frame, in references that outlive undo; ``depth`` where the user typed it in."""

    stage: Stage
    capture: Handle[bpy.types.Collection]
    frame: int
    depth: tuple[float, float] | None


def order(context: bpy.types.Context) -> Order:
    """Return the order for the scene's target and capture.

    Raises:
        SightlineError: If something is missing; the sentence says what.
    """
    settings = of_scene(context.scene)
    depth = (settings.depth_near, settings.depth_far) if settings.depth_mode == "MANUAL" else None
    if depth is not None and depth[0] >= depth[1]:
        raise DepthRangeError("The nearest distance of the depth range must be below the farthest.")
    return Order(stage_of(context), capture_of(context.scene), context.scene.frame_current, depth)


def show(job: Job, asked: Order) -> Steps:
    """Make the picture and show it as a result of the target.

    Raises:
        SightlineError: If it cannot be made. Nothing of the scene has changed then.
    """
    worker = client()
    camera = read_target(asked.stage)
    sources = yield from read_sources(asked.stage, asked.capture, asked.frame)
    job.warnings.extend(f"'{name}' is not used: {reason}" for name, reason in unused(sources).items())
    files: dict[int, Path] = {}
    capture = yield from write_capture(asked.capture.name, sources, files)
    assert asked.stage.target is not None
    target: bpy.types.Object = there(asked.stage.target, "The target camera")
    name, place = f"{target.name} coverage", _place(target)
    record = capture.to_json()
    points = points_of(there(asked.capture, "The capture"))
    if points is not None:
        record["points"] = points
    params = {"capture": record, "target": camera.to_json(), "options": _options(asked, sources)}
    path = results.reserve(there(asked.stage.scene, "The scene"), name)
    try:
        yield Step(0.05, "Sending the request")
        data = yield from answer(job, worker, "coverage", params | {"save": str(path)}, 0.05, 1.0)
    finally:
        results.give_up(path)
    remarks = {source["name"]: source["remark"] for source in data["sources"] if source["remark"]}
    coverage = {"shares": data["shares"], "sentence": data["sentence"], "remarks": remarks, "place": place}
    image = results.adopt(path, {"target": name, "coverage": coverage})
    if asked.stage.target.resolve() is None:
        image.use_fake_user = True
    else:
        results.show_as_background(image, target)
    results.show_in_editor(image)
    return {"image": image.name, "path": str(path), "sentence": str(data["sentence"])}


def shown(scene: bpy.types.Scene) -> dict[str, Any]:
    """Return the coverage that is shown behind the target and still its own: shares, sentence; empty where none is."""
    target = target_of(scene)
    image = results.result_of(target)
    return {} if target is None or image is None else _valid(image, target)


def remarks(scene: bpy.types.Scene) -> dict[str, str]:
    """Return what speaks against sources of the target, by name, as far as its last coverage tells."""
    target = target_of(scene)
    if target is None:
        return {}
    for image in bpy.data.images:
        if results.is_result(image) and (found := _valid(image, target)):
            return dict(found["remarks"])
    return {}


def _valid(image: bpy.types.Image, target: bpy.types.Object) -> dict[str, Any]:
    """Return the coverage that an image shows, if it is that of a target where that stands now."""
    made = results.metadata_of(image)
    found = made.get("coverage")
    if not isinstance(found, dict) or made.get("target") != f"{target.name} coverage":
        return {}
    same = np.allclose(found["place"], _place(target), rtol=0.0, atol=_SAME_PLACE)
    return found if same else {}


def _place(target: bpy.types.Object) -> list[float]:
    place: list[float] = np.array(target.matrix_world).ravel().tolist()
    return place


def _options(asked: Order, sources: list[Source]) -> dict[str, Any]:
    depth = asked.depth or depth_range.known(there(asked.capture, "The capture"), sources)
    return {} if depth is None else {"depth_near": depth[0], "depth_far": depth[1]}
