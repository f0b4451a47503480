"""Calibrate Photographs and Check Calibration as jobs, and what a check has found, kept on the capture."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..inference.camera import Array
from ..inference.errors import CaptureError
from .backend import client
from .captures import bring_in, name_of, new_folder
from .gathering import CaptureOrder, read_sources, there, write_capture
from .handles import Handle
from .job import Job, Steps, answer, part
from .properties import of_camera, of_collection, of_scene
from .results import output_folder
from .sources import cameras_in
from .words import counted


@dataclass(frozen=True)
class Check:
    """What a check of a capture has found, as :class:`inference.calibration.check.CalibrationReport` tells it.

    Args:
        cameras: Of each camera by name its ``matches``, ``epipolar``, ``reprojection``, ``verdict``; the worst first.
        diagnoses: Sentences that name what is wrong.
        pairs: Matched points of two pictures: ``first``, ``second``, ``x1``, ``x2``, ``errors``.
        epipolar: Median error in pixels of pictures scaled to at most ``longer_side``.
        longer_side: See there.
    """

    cameras: dict[str, dict[str, Any]]
    diagnoses: tuple[str, ...]
    pairs: tuple[dict[str, Any], ...]
    epipolar: float | None
    longer_side: int

    @property
    def bad(self) -> list[str]:
        """Names of the cameras that do not fit."""
        return [name for name, camera in self.cameras.items() if camera["verdict"] == "bad"]


def calibrate_photographs(job: Job, scene: Handle[bpy.types.Scene], images: Sequence[Path]) -> Steps:
    """Find the cameras of photographs in the worker, and build them as a capture.

    Args:
        job: The running one; takes advice as warnings.
        scene: Gets the capture.
        images: A folder, pictures, a movie, or a rig's movies.

    Raises:
        SightlineError: If there is nothing to be found. Nothing of the scene has changed then.
    """
    name = name_of(images[0] if len(images) == 1 else images[0].parent)
    folder = new_folder(output_folder(there(scene, "The scene")), f"{name} calibration")
    out = folder / "transforms.json"
    params = {"images": [str(image) for image in images], "out": str(out)}
    try:
        data = yield from answer(job, client(), "calibrate", params, 0.0, 0.8)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    report = data["report"]
    facts = yield from part(bring_in(job, scene, name, {"path": str(out)}), 0.8, 1.0)
    job.warnings.extend(f"'{image}' was left out: {reason}" for image, reason in report["left_out"].items())
    placed = len(report["registered"])
    sentence = (
        f"{facts['collection']}: {placed} of {counted(placed + len(report['left_out']), 'photograph')} placed, "
        f"{counted(report['points'], 'point')}, mean error {report['reprojection_error']:.2f} pixels"
    )
    return {**facts, "calibration": report, "sentence": sentence}


def check_calibration(job: Job, asked: CaptureOrder) -> Steps:
    """Measure in the worker how well the capture's cameras fit its photographs, and keep what is found.

    Raises:
        SightlineError: If there are too few photographs, or one cannot be read.
    """
    sources = yield from part(read_sources(asked.stage, asked.capture, asked.frame), 0.0, 0.05)
    read = yield from part(write_capture(asked.capture.name, sources, {}), 0.0, 0.05)
    data = yield from answer(job, client(), "check", {"capture": read.to_json()}, 0.05, 1.0)
    cameras = {camera["name"]: camera for camera in data["cameras"]}
    record = {
        "cameras": {name: cameras[name] for name in data["ranking"]},
        "diagnoses": [diagnosis["sentence"] for diagnosis in data["diagnoses"]],
        **{key: data[key] for key in ("pairs", "epipolar", "longer_side")},
    }
    of_collection(there(asked.capture, "The capture")).check = json.dumps(record)
    check = Check(**record)
    return {"check": data, "sentence": f"{asked.capture.name}: {in_words(check)}"}


def check_of(capture: bpy.types.Collection) -> Check | None:
    """Return what the last check of a capture has found, ``None`` where it was never checked."""
    text = of_collection(capture).check
    if not text:
        return None
    if _Parsed.text != text:
        _Parsed.text, _Parsed.check = text, Check(**json.loads(text))
    return _Parsed.check


def matched_points(check: Check, name: str) -> tuple[Array, Array]:
    """Return (N, 2) matched points in a camera's photograph, pixels with edges at 0..width, and their (N,) errors."""
    points: list[list[float]] = []
    errors: list[float] = []
    for pair in check.pairs:
        for side, key in (("first", "x1"), ("second", "x2")):
            if pair[side] == name:
                points += pair[key]
                errors += pair["errors"]
    return np.array(points, dtype=np.float64).reshape(-1, 2), np.array(errors, dtype=np.float64)


class _Parsed:
    """The record that was parsed last: panels ask at every redraw."""

    text = ""
    check: Check | None = None


def in_words(check: Check) -> str:
    """Return what was found in one sentence."""
    if check.epipolar is None:
        return "The photographs show too little in common to be checked."
    number = len(check.bad)
    if not number and not check.diagnoses:
        return f"The cameras fit the photographs; median error {check.epipolar:.2f} pixels"
    if not number:
        return check.diagnoses[0]
    fit = "does not fit" if number == 1 else "do not fit"
    return f"{counted(number, 'camera')} of {len(check.cameras)} {fit} the photographs"


def disable_bad(context: bpy.types.Context) -> int:
    """Switch off the sources that a check found bad; return how many.

    Raises:
        CaptureError: If too few would be left.
    """
    capture = of_scene(context.scene).capture
    check = None if capture is None else check_of(capture)
    if capture is None or check is None:
        raise CaptureError("The capture was not checked yet; press Check Calibration.")
    bad = set(check.bad)
    cameras = [obj for obj in cameras_in(capture) if obj.name in bad]
    if len(cameras_in(capture)) - len(cameras) < 2:
        raise CaptureError("Hardly any camera would be left; correct the calibration instead.")
    for obj in cameras:
        if isinstance(obj.data, bpy.types.Camera):
            of_camera(obj.data).enabled = False
    return len(cameras)


def picture_files(directory: str, names: Sequence[str]) -> list[Path]:
    """Return what was chosen in a file browser: files of a folder, or the folder."""
    folder = Path(os.path.normpath(bpy.path.abspath(directory)))
    return [folder / name for name in names if name] or [folder]
