"""The capture as it stands in the scene, for other programs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy

from . import depth_range
from .backend import client
from .capture_points import points_of
from .gathering import Stage, read_sources, there, unused, write_capture
from .handles import Handle
from .job import Job, Steps, answer
from .words import counted


def export_capture(job: Job, stage: Stage, capture: Handle[bpy.types.Collection], out: Path, kind: str) -> Steps:
    """Write the cameras that are switched on, where they are now, with their pictures, points and depth range.

    Args:
        job: What is waited in.
        stage: Without a target, which would be left out.
        capture: What is written.
        out: A file for transforms.json, a folder for COLMAP.
        kind: ``transforms`` or ``colmap``.

    Raises:
        SightlineError: If a picture cannot be read or a file cannot be written.
    """
    worker = client()
    scene: bpy.types.Scene = there(stage.scene, "The scene")
    sources = yield from read_sources(stage, capture, scene.frame_current)
    for name, reason in unused(sources).items():
        job.warnings.append(f"'{name}' is left out: {reason}")
    written: dict[int, Path] = {}
    made = yield from write_capture(capture.name, sources, written)
    collection: bpy.types.Collection = there(capture, "The capture")
    near, far = depth_range.known(collection, sources) or (None, None)
    record = replace(made, depth_near=near, depth_far=far).to_json()
    params: dict[str, Any] = {"capture": record, "points": points_of(collection), "out": str(out), "format": kind}
    data = yield from answer(job, worker, "export", params, 0.1, 1.0)
    return {"saved": data["saved"], "sentence": f"{data['saved']}: {counted(len(made), 'camera')}"}
