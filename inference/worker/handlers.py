"""What each request of the protocol does: JSON forms in, plain values and arrays out.

What needs torch or the other heavy packages is imported by the request that needs it, so that the worker starts at once
and a missing package is the error of a request.
"""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..camera import Camera
from ..errors import CameraError, Cancelled, CaptureError, PictureError, SightlineError
from ..progress import part
from ..view import Capture, View
from .clouds import ResidentClouds
from .failures import missing_package
from .pictures import absolute_path, picture_answer, tell_warnings
from .server import Context, Handler

if TYPE_CHECKING:
    from ..capture.photographs import Photographs
    from ..frame import Frame
    from ..synthesis import Options, Session

# Distributions whose versions decide what a result looks like; the second names are as good as the first.
PACKAGES = (
    ("torch",),
    ("numpy",),
    ("numba",),
    ("opencv-python-headless", "opencv-python", "opencv-contrib-python"),
    ("safetensors",),
    ("pycolmap",),
)

# Longer side of a mask's preview in pixels: edges can be judged, and Blender loads it in a moment.
PREVIEW_SIDE = 1600

T = TypeVar("T")


class Handlers:
    """The requests of one worker and what stays in memory between them."""

    def __init__(self) -> None:
        self._session: Session | None = None
        self._clouds = ResidentClouds()

    def table(self) -> dict[str, Handler]:
        """Return the handler of every method."""
        return {
            "info": self.info,
            "import": self.import_capture,
            "export": self.export_capture,
            "calibrate": self.calibrate,
            "check": self.check,
            "even_out": self.even_out,
            "coverage": self.coverage,
            "synthesize": self.synthesize,
            "reconstruct": self.reconstruct,
            "splat": self.splat,
            "depth_range": self.depth_range,
            "mask_preview": self.mask_preview,
            "key_colour": self.key_colour,
            "unload": self.unload,
        }

    def info(self, params: dict[str, Any], context: Context) -> dict[str, Any]:
        """Say what this worker can do; what is missing is a warning, because a panel asks in order to show it."""

        def devices() -> list[dict[str, Any]]:
            from ..devices import list_devices

            return [asdict(device) for device in list_devices()]

        def methods() -> list[str]:
            from ..synthesis import METHODS

            return list(METHODS)

        def splatting() -> list[dict[str, Any]]:
            from ..splatting.backends import splatting_backends

            return [asdict(backend) for backend in splatting_backends()]

        def weights() -> list[dict[str, Any]]:
            from ..weights import list_weights

            return [asdict(entry) for entry in list_weights()]

        return {
            "python": {"version": platform.python_version(), "executable": sys.executable},
            "packages": {names[0]: _version(names) for names in PACKAGES},
            "devices": _possible(devices, context),
            "methods": _possible(methods, context),
            "splatting": _possible(splatting, context),
            "weights": _possible(weights, context),
        }

    def import_capture(self, params: dict[str, Any], context: Context) -> dict[str, Any]:
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

    def export_capture(self, params: dict[str, Any], context: Context) -> dict[str, Any]:
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

    def calibrate(self, params: dict[str, Any], context: Context) -> dict[str, Any]:
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

    def check(self, params: dict[str, Any], context: Context) -> dict[str, Any]:
        """Measure how well a capture's cameras fit its photographs, and name what is wrong.

        Raises:
            SightlineError: As :func:`inference.calibration.check.check_calibration`.
        """
        from ..calibration.check import check_calibration

        return check_calibration(Capture.from_json(params["capture"]), context.progress).to_json()

    def even_out(self, params: dict[str, Any], context: Context) -> dict[str, Any]:
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

    def coverage(self, params: dict[str, Any], context: Context) -> dict[str, Any]:
        """Save a picture of which parts of a target how many sources see, and say what speaks against each source.

        Raises:
            SightlineError: As :func:`inference.target_report.report_target`.
            OutputError: If the picture cannot be saved.
        """
        from ..picture_output import write_picture
        from ..synthesis import Options
        from ..target_report import report_target

        capture, target = Capture.from_json(params["capture"]), Camera.from_json(params["target"])
        saved = absolute_path(params, "save")
        options = _options(Options, params.get("options") or {})
        report = report_target(self._resident(), capture, target, options, context.progress)
        write_picture(saved, report.picture, bits=8)
        return {"saved": saved, **report.to_json()}

    def synthesize(self, params: dict[str, Any], context: Context) -> dict[str, Any]:
        """Make the picture of the target camera, unless the cache has it; see :func:`picture_answer`.

        Raises:
            SightlineError: As :meth:`inference.synthesis.Session.synthesize`.
            OutputError: If the picture cannot be saved.
        """

        def make() -> Frame:
            from ..synthesis import Options

            capture = Capture.from_json(params["capture"])
            target = Camera.from_json(params["target"])
            options = _options(Options, params.get("options") or {})
            return self._resident().synthesize(capture, target, options, context.progress)

        return picture_answer(params, context, make)

    def reconstruct(self, params: dict[str, Any], context: Context) -> dict[str, Any]:
        """Make the Gaussians of a person in a rig and write them as PLY.

        Raises:
            SightlineError: As :meth:`inference.synthesis.Session.reconstruct`.
            GaussiansError: If they cannot be written.
        """
        from ..gaussian_ply import write_gaussians
        from ..synthesis import Options

        capture = Capture.from_json(params["capture"])
        target = None if params.get("target") is None else Camera.from_json(params["target"])
        options = _options(Options, {"method": "gps-gaussian"} | (params.get("options") or {}))
        saved = absolute_path(params, "save")
        gaussians, metadata = self._resident().reconstruct(capture, target, options, context.progress)
        tell_warnings(metadata, context)
        write_gaussians(saved, gaussians)
        return {"saved": saved, "count": len(gaussians), "metadata": metadata}

    def splat(self, params: dict[str, Any], context: Context) -> dict[str, Any]:
        """Render Gaussians from PLY files with the target camera, unless the cache has the picture.

        Raises:
            GaussiansError: If a file cannot be read.
            OutputError: If the picture cannot be saved.
        """

        def make() -> Frame:
            from ..splatting.frame import splat_frame

            target = Camera.from_json(params["target"])
            gaussians = self._clouds.joined(params["clouds"], part(context.progress, 0.0, 0.6))
            context.progress(0.6, "Splatting")
            return splat_frame(gaussians, target, (params.get("options") or {}).get("device", "auto"))

        return picture_answer(params, context, make)

    def depth_range(self, params: dict[str, Any], context: Context) -> dict[str, Any]:
        """Find how near and how far the scene is; remembered for the same cameras and pictures.

        Raises:
            DepthRangeError: If it cannot be found.
        """
        found = self._resident().depth_range(Capture.from_json(params["capture"]), context.progress)
        return asdict(found)

    def mask_preview(self, params: dict[str, Any], context: Context) -> dict[str, Any]:
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

    def key_colour(self, params: dict[str, Any], context: Context) -> dict[str, Any]:
        """Find the colour of the screen in a view's picture (sRGB).

        Raises:
            PictureError: If there is none, or a file cannot be used.
        """
        from ..capture.stored_pictures import stored_photograph
        from ..masks.chroma_key import border_colour

        view = replace(View.from_json(params["view"]), mask=None)
        context.status("Looking for the screen's colour")
        return {"colour": border_colour(stored_photograph(view)[0])}

    def unload(self, params: dict[str, Any], context: Context) -> dict[str, Any]:
        """Drop models, photographs and clouds."""
        self.drop()
        return {}

    def _resident(self) -> Session:
        """Return what stays in memory, made on first use: it loads torch."""
        from ..synthesis import Session

        if self._session is None:
            self._session = Session()
        return self._session

    def drop(self) -> None:
        """Drop models, photographs and clouds."""
        if self._session is not None:
            self._session.unload()
        self._clouds.clear()


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


def _options(kind: type[Options], record: Mapping[str, Any]) -> Options:
    """Return the options of a request.

    Raises:
        SightlineError: If one of them is unknown.
    """
    known = {entry.name for entry in fields(kind)}
    if unknown := sorted(record.keys() - known):
        raise SightlineError(f"The option '{unknown[0]}' is not known; there are: {', '.join(sorted(known))}.")
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in record.items()
    }
    return kind(**values)


def _possible(read: Callable[[], list[T]], context: Context) -> list[T]:
    """Return what ``read`` returns, or nothing with a warning where a package or file keeps it from that."""
    try:
        return read()
    except ImportError as error:
        context.warning(missing_package(error))
    except SightlineError as error:
        context.warning(str(error))
    return []


def _version(names: tuple[str, ...]) -> str | None:
    """Return the version of the first installed distribution, ``None`` where none is."""
    for name in names:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None
