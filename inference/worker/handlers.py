"""What each request of the protocol does: JSON forms in, plain values and arrays out.

What needs torch or the other heavy packages is imported by the request that needs it, so that the worker starts at once
and a missing package is the error of a request.
"""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, TypeVar

from ..camera import Camera
from ..errors import SightlineError
from ..progress import part
from ..view import Capture
from .capture_requests import CAPTURE_REQUESTS
from .clouds import ResidentClouds
from .failures import missing_package
from .file_requests import FILE_REQUESTS
from .pictures import absolute_path, picture_answer, tell_warnings
from .server import Context, Handler

if TYPE_CHECKING:
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
            **CAPTURE_REQUESTS,
            **FILE_REQUESTS,
            "coverage": self.coverage,
            "synthesize": self.synthesize,
            "reconstruct": self.reconstruct,
            "splat": self.splat,
            "depth_range": self.depth_range,
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

        return picture_answer(params, context, lambda: _measured(make))

    def reconstruct(self, params: dict[str, Any], context: Context) -> dict[str, Any]:
        """Make the Gaussians of a person in a rig and write them as PLY.

        Raises:
            SightlineError: As :meth:`inference.synthesis.Session.reconstruct`.
            GaussiansError: If they cannot be written.
        """
        from .. import memory
        from ..gaussian_ply import write_gaussians
        from ..synthesis import Options

        capture = Capture.from_json(params["capture"])
        target = None if params.get("target") is None else Camera.from_json(params["target"])
        options = _options(Options, {"method": "gps-gaussian"} | (params.get("options") or {}))
        saved = absolute_path(params, "save")
        resident = self._resident()
        memory.reset_peak()
        gaussians, metadata = resident.reconstruct(capture, target, options, context.progress)
        metadata["memory"] = memory.peak(metadata["device"])
        tell_warnings(metadata, context)
        write_gaussians(saved, gaussians, params.get("stamp"))
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

        return picture_answer(params, context, lambda: _measured(make))

    def depth_range(self, params: dict[str, Any], context: Context) -> dict[str, Any]:
        """Find how near and how far the scene is; remembered for the same cameras and pictures.

        Raises:
            DepthRangeError: If it cannot be found.
        """
        found = self._resident().depth_range(Capture.from_json(params["capture"]), context.progress)
        return asdict(found)

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


def _measured(make: Callable[[], Frame]) -> Frame:
    """Return a frame whose metadata says how much memory it took."""
    from .. import memory

    memory.reset_peak()
    frame = make()
    frame.metadata["memory"] = memory.peak(frame.metadata["device"])
    return frame


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
