"""Requests about captures, which keep nothing in memory: read, written, calibrated, checked, evened out, masked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CameraError, Cancelled, CaptureError, PictureError
from ..progress import part
from ..view import Capture, View
from .pictures import absolute_path
from .server import Context, Handler

if TYPE_CHECKING:
    from ..capture.photographs import Photographs

# Longer side of a mask's preview in pixels: edges can be judged, and Blender loads it in a moment.
PREVIEW_SIDE = 1600


def import_capture(params: dict[str, Any], context: Context) -> dict[str, Any]:
    """Read a calibration of any known format into pictures that Blender's camera model can show.

    The cameras may also be given (``capture``). A view whose picture cannot be used is left out with a warning; so
    is a depth range that cannot be found.

    Raises:
        CaptureError: If the calibration cannot be read.
        PictureError, CameraError: If no view at all can be used.
        OutputError: If an undistorted picture cannot be written.
    """
    from ..capture import read_capture
    from ..capture.photographs import Photographs
    from ..capture.recentring import recentred
    from ..capture.report import report, report_lines

    context.status("Reading the calibration")
    capture = _given(params) if "capture" in params else read_capture(absolute_path(params, "path"))
    for name, reason in capture.skipped.items():
        context.warning(f"'{name}' is left out: {reason}")
    usable, reasons = _rectified(capture, absolute_path(params, "pictures"), context)
    stored = {view.name: view.image for view in capture}
    # Of the lenses as they were.
    kept = replace(capture, views=tuple(view for view in capture if view.name not in reasons))
    facts = report(replace(kept, skipped={**capture.skipped, **reasons}))
    facts["undistorted"] = sum(view.image != stored[view.name] for view in usable)
    capture, shift = recentred(replace(capture, views=tuple(usable)))
    if shift is not None:
        facts["moved_from"] = shift.tolist()
    try:
        found = _depth_range(capture, Photographs(), context, start=0.8)
    except Cancelled:
        raise
    except (CaptureError, PictureError, CameraError) as error:
        context.warning(str(error))
    else:
        capture = replace(capture, depth_near=found["near"], depth_far=found["far"])
        facts |= {"depth_near": found["near"], "depth_far": found["far"], "depth_origin": found["origin"]}
    # Points go as an array: a hundred thousand of them as text would stop Blender for a moment.
    record = replace(capture, points=None).to_json()
    if capture.points is not None:
        record["points"] = capture.points
    return {"capture": record, "report": facts | {"lines": report_lines(facts)}}


def export_capture(params: dict[str, Any], context: Context) -> dict[str, Any]:
    """Write a capture as transforms.json or as a COLMAP model, with a file for every picture.

    Raises:
        CaptureError: If a lens cannot be expressed.
        PictureError: If a picture that must be written cannot be read.
        OutputError: If a file cannot be written.
    """
    from ..capture.output import write_capture
    from ..capture.picture_copies import with_files

    out = absolute_path(params, "out")
    capture = _given(params)
    folder = out if params["format"] == "colmap" else out.parent
    capture = with_files(
        capture, folder, lambda done: context.progress(0.9 * done / len(capture), "Writing the pictures")
    )
    return {"saved": write_capture(capture, out, params["format"])}


def calibrate(params: dict[str, Any], context: Context) -> dict[str, Any]:
    """Find the cameras of photographs and write them for *Import Capture*; advice is a warning.

    Raises:
        SightlineError: As :func:`inference.calibration.structure_from_motion.calibrate`.
    """
    from ..calibration.structure_from_motion import calibrate

    out = absolute_path(params, "out")
    images = [absolute_path({"images": image}, "images") for image in params["images"]]
    _, result = calibrate(images, out, context.progress)
    for sentence in result.advice:
        context.warning(sentence)
    return {"saved": out, "report": result.to_json()}


def check(params: dict[str, Any], context: Context) -> dict[str, Any]:
    """Measure how well a capture's cameras fit its photographs, and name what is wrong.

    Raises:
        SightlineError: As :func:`inference.calibration.check.check_calibration`.
    """
    from ..calibration.check import check_calibration

    return check_calibration(Capture.from_json(params["capture"]), context.progress).to_json()


def even_out(params: dict[str, Any], context: Context) -> dict[str, Any]:
    """Find what makes a capture's photographs agree in exposure and white balance.

    Raises:
        CaptureError: If no two photographs have enough points in common.
        PictureError, CameraError: If a picture cannot be read.
    """
    from ..capture.colour_balance import even_out
    from ..capture.photographs import Photographs

    found = even_out(Capture.from_json(params["capture"]), Photographs(), context.progress)
    for warning in found.warnings:
        context.warning(warning)
    return {**found.to_json(), "sentence": found.sentence}


def mask_preview(params: dict[str, Any], context: Context) -> dict[str, Any]:
    """Save a picture of what a view's mask leaves of it; what is wrong with the mask is a warning.

    Raises:
        PictureError, CameraError: If there is no mask, or a file cannot be used.
        OutputError: If the picture cannot be saved.
    """
    from ..capture.mask_preview import mask_preview
    from ..picture_output import write_picture

    saved = absolute_path(params, "save")
    context.status("Making the mask")
    picture, warnings = mask_preview(View.from_json(params["view"]), PREVIEW_SIDE)
    for warning in warnings:
        context.warning(warning)
    write_picture(saved, picture, bits=8)
    return {"saved": saved}


def key_colour(params: dict[str, Any], context: Context) -> dict[str, Any]:
    """Find the colour of the screen in a view's picture (sRGB).

    Raises:
        PictureError: If there is none, or a file cannot be used.
    """
    from ..capture.stored_pictures import stored_photograph
    from ..masks.chroma_key import border_colour

    view = replace(View.from_json(params["view"]), mask=None)
    context.status("Looking for the screen's colour")
    return {"colour": border_colour(stored_photograph(view)[0])}


def _given(params: Mapping[str, Any]) -> Capture:
    """Return the capture among the parameters of a request; its points are an array of their own."""
    capture = Capture.from_json(params["capture"])
    return replace(capture, points=params["points"]) if params.get("points") is not None else capture


def _rectified(capture: Capture, folder: Path, context: Context) -> tuple[list[View], dict[str, str]]:
    """Return the views as ideal square-pixel cameras, and why others are left out."""
    from ..capture.photographs import write_rectified

    usable: list[View] = []
    reasons: dict[str, str] = {}
    for index, view in enumerate(capture):
        context.progress(0.8 * index / len(capture), "Preparing the photographs")
        try:
            usable.append(write_rectified(view, folder))
        except (PictureError, CameraError) as error:
            if not usable and index == len(capture) - 1:
                raise
            reasons[view.name] = str(error)
            context.warning(f"'{view.name}' is left out: {error}")
    return usable, reasons


def _depth_range(capture: Capture, photographs: Photographs, context: Context, start: float = 0.0) -> dict[str, Any]:
    from ..capture.depth_range import find_depth_range

    found = find_depth_range(capture, photographs, part(context.progress, start, 1.0))
    return {"near": found.near, "far": found.far, "origin": found.origin}


# By their names in the protocol.
CAPTURE_REQUESTS: Mapping[str, Handler] = {
    "import": import_capture,
    "export": export_capture,
    "calibrate": calibrate,
    "check": check,
    "even_out": even_out,
    "mask_preview": mask_preview,
    "key_colour": key_colour,
}
