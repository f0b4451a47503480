"""Render Gaussians as a job: those of the scene to the worker, the target camera's picture of them into the scene."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import bpy
import numpy as np
from numpy.typing import NDArray

from ..inference.errors import GaussiansError, SightlineError
from ..inference.gaussian_ply import write_gaussians
from ..inference.gaussian_transform import transformed
from ..inference.gaussians import Gaussians
from . import checks
from .backend import client, pictures_folder
from .gathering import Stage, depsgraph_of, read_target, stage_of, there
from .gaussians import is_gaussians, placed_gaussians
from .handles import Handle
from .job import Job, Step, Steps, aside
from .synthesis import ask_for_picture


@dataclass(frozen=True)
class Order:
    """What is to be rendered, in references that outlive undo."""

    stage: Stage
    objects: tuple[Handle[bpy.types.Object], ...]
    frame: int


def order(context: bpy.types.Context) -> Order:
    """Return the target and the Gaussians that are rendered.

    Raises:
        TargetError: If there is no target.
        GaussiansError: If there are no Gaussians.
    """
    stage = stage_of(context)
    objects = rendered_objects(context)
    if not objects:
        raise GaussiansError("There are no Gaussians to be seen in this scene; create, import or unhide some.")
    return Order(stage, tuple(Handle.to(obj, "objects") for obj in objects), context.scene.frame_current)


def obstacle(context: bpy.types.Context) -> str:
    """Return what stands in the way of rendering, as a sentence; empty where nothing does."""
    missing = checks.backend_problem()
    if missing is not None:
        return missing.sentence
    try:
        order(context)
    except SightlineError as error:
        return str(error)
    return ""


def rendered_objects(context: bpy.types.Context) -> list[bpy.types.Object]:
    """Return the selected visible objects of Gaussians; all visible ones where none is selected."""
    layer = context.view_layer
    visible = [obj for obj in layer.objects if is_gaussians(obj) and obj.visible_get(view_layer=layer)]
    return [obj for obj in visible if obj.select_get(view_layer=layer)] or visible


def render(job: Job, asked: Order) -> Steps:
    """Render the Gaussians, as they stand in the scene, with Sightline's own splatting, and show the picture.

    The one step whose time grows with a cloud reads it: Blender hands out attributes only all at once.

    Raises:
        SightlineError: If that is not possible. Nothing of the scene has changed then.
    """
    client()  # where there is none, that is said before anything is read
    target = read_target(asked.stage)
    folder = Path(tempfile.mkdtemp(prefix="clouds-", dir=pictures_folder()))
    clouds: list[str] = []
    try:
        for index, handle in enumerate(asked.objects):
            step = Step(0.3 * index / len(asked.objects), f"Reading {handle.name}")
            yield step
            gaussians, matrix = placed_gaussians(there(handle, "The object"), depsgraph_of(asked.stage))
            path = folder / f"{index}.ply"
            yield from aside(job, partial(_write, path, gaussians, matrix), step)
            clouds.append(str(path))
        params = {"clouds": clouds, "target": target.to_json(), "options": {"device": "auto"}}
        known = {"objects": [handle.name for handle in asked.objects], "frame": asked.frame}
        return (yield from ask_for_picture(job, asked.stage, "splat", params, known, 0.3))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(path: Path, gaussians: Gaussians, matrix: NDArray[np.float64]) -> None:
    """Write Gaussians where a matrix puts them."""
    write_gaussians(path, transformed(gaussians, matrix))
