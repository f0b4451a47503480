"""Which Python runs the worker, and the one client of this Blender."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy

from ..inference.errors import BackendError
from ..inference.worker.client import WorkerClient
from .names import PACKAGE

ROOT = Path(__file__).parents[1]

# Imported by the worker; found, never imported, in Blender's own process.
WORKER_PACKAGES = ("torch", "cv2", "numba", "safetensors", "pycolmap")

PYTHON_VARIABLE = "SIGHTLINE_PYTHON"

# For so many seconds a panel believes what was found out about the backend.
_BELIEVED = 2.0


@dataclass(frozen=True)
class Backend:
    """The interpreter that runs the worker, additions to its environment, and who chose it."""

    python: Path
    origin: str
    environment: dict[str, str] = field(default_factory=dict)


class _Runtime:
    """What this Blender process holds: no scene's state, only its worker and a folder of temporary pictures."""

    client: WorkerClient | None = None
    backend: Backend | None = None
    pictures: Path | None = None
    believed: tuple[float, Backend | BackendError] | None = None


def preferences() -> Any:
    """Return the extension's preferences."""
    return bpy.context.preferences.addons[PACKAGE].preferences


def user_folder(name: str, *, create: bool = False) -> Path:
    """Return a folder of the extension in the user's own files; it outlives updates."""
    return Path(bpy.utils.extension_path_user(PACKAGE, path=name, create=create))


def environment_python() -> Path:
    """Return the interpreter of the private environment, whether it is there or not."""
    folder = user_folder("backend")
    return folder / "Scripts" / "python.exe" if sys.platform == "win32" else folder / "bin" / "python"


def find_backend() -> Backend:
    """Return the Python for the worker: the preferences', the environment variable's, the private one, or this one.

    Raises:
        BackendError: If there is none.
    """
    chosen = preferences().backend_python
    if chosen:
        return _existing(Path(bpy.path.abspath(chosen)), "set in the preferences")
    if variable := os.environ.get(PYTHON_VARIABLE):
        return _existing(Path(variable), f"set by {PYTHON_VARIABLE}")
    private = environment_python()
    if private.exists():
        return Backend(private, "installed by Sightline")
    specs = [importlib.util.find_spec(name) for name in WORKER_PACKAGES]
    if all(spec is not None for spec in specs):
        folders = {str(Path(spec.origin).parents[1]) for spec in specs if spec is not None and spec.origin}
        return Backend(Path(sys.executable), "Blender's own", {"PYTHONPATH": os.pathsep.join(sorted(folders))})
    raise BackendError("The backend is not installed; install it or choose a Python that has its packages.")


def believed_backend() -> Backend | BackendError:
    """Return :func:`find_backend`'s answer for a panel, at most two seconds old."""
    now = time.monotonic()
    if _Runtime.believed is None or now - _Runtime.believed[0] > _BELIEVED:
        try:
            _Runtime.believed = now, find_backend()
        except BackendError as error:
            _Runtime.believed = now, error
    return _Runtime.believed[1]


def forget() -> None:
    """Look for the backend again at the next question."""
    _Runtime.believed = None


def client() -> WorkerClient:
    """Return the client of this Blender's one worker, which starts with the first request.

    Raises:
        BackendError: If no Python is there to run it.
    """
    backend = find_backend()
    if _Runtime.client is not None and backend != _Runtime.backend:
        end_worker()
    if _Runtime.client is None:
        cache = user_folder("cache", create=True)
        _Runtime.client = WorkerClient(backend.python, ROOT, cache=cache, environment=backend.environment)
        _Runtime.backend = backend
    return _Runtime.client


def worker_runs() -> bool:
    """Whether there is a worker that holds memory."""
    return _Runtime.client is not None and _Runtime.client.alive


def end_worker() -> None:
    """End the worker and let go of its memory, without waiting for it."""
    if _Runtime.client is not None:
        threading.Thread(target=_Runtime.client.close, name="sightline-end").start()
    _Runtime.client = _Runtime.backend = None


def pictures_folder() -> Path:
    """Return this process's folder for pictures that only Blender has."""
    if _Runtime.pictures is None or not _Runtime.pictures.is_dir():
        _Runtime.pictures = Path(tempfile.mkdtemp(prefix="sightline-pictures-"))
    return _Runtime.pictures


def close() -> None:
    """End the worker, wait for that, and remove temporary pictures."""
    if _Runtime.client is not None:
        _Runtime.client.close()
    if _Runtime.pictures is not None:
        shutil.rmtree(_Runtime.pictures, ignore_errors=True)
    _Runtime.client = _Runtime.backend = _Runtime.pictures = _Runtime.believed = None


def _existing(python: Path, origin: str) -> Backend:
    if not python.is_file():
        raise BackendError(f"There is no Python at '{python}' ({origin}); choose another one.")
    return Backend(python, origin)
