"""Which Python runs the worker, and the one client of this Blender."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy

from ..inference.errors import BackendError
from ..inference.weights import FOLDERS_VARIABLE
from ..inference.worker.client import WorkerClient
from . import locks
from .environments import Environment, environments
from .locks import Lock
from .names import PACKAGE

ROOT = Path(__file__).parents[1]
LOCKS = ROOT / "wheels" / "locks"

# Imported by the worker; found, never imported, in Blender's own process.
WORKER_PACKAGES = ("torch", "cv2", "numba", "safetensors", "pycolmap")

PYTHON_VARIABLE = "SIGHTLINE_PYTHON"

# For so many seconds a panel believes what was found out about the backend.
_BELIEVED = 2.0


@dataclass(frozen=True)
class Backend:
    """What runs the worker.

    Args:
        python: The interpreter.
        origin: Where it is from, in words.
        environment: Additions to its environment.
        stale: Why it should be updated though it works; empty where it should not.
        private: Whether Sightline has installed it.
    """

    python: Path
    origin: str
    environment: dict[str, str] = field(default_factory=dict)
    stale: str = ""
    private: bool = False


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


def backend_root() -> Path:
    """Return the folder of the private environments and downloads; what is in it is Sightline's, to remove as well."""
    chosen = preferences().backend_folder
    return Path(bpy.path.abspath(chosen)) / "sightline" if chosen else user_folder("backend")


def fitting_lock() -> Lock:
    """Return the lock that *Install Backend* would use.

    Raises:
        BackendError: If there is none.
    """
    place, python = locks.this_platform(), locks.this_python()
    chosen = preferences()
    elsewhere = bool(chosen.package_index.strip() or chosen.wheel_folder)
    return locks.find_lock(LOCKS, place, python, chosen.accelerator, locks.nvidia_driver(), elsewhere=elsewhere)


def find_backend() -> Backend:
    """Return the Python for the worker.

    In this order: the preferences', the environment variable's, the private environment if it is up to date, this
    Python if it has the packages (the extension's wheels), and an out-of-date private environment.

    Raises:
        BackendError: If there is none; the sentence says whether it is missing or broken.
    """
    chosen = preferences().backend_python
    if chosen:
        return _existing(Path(bpy.path.abspath(chosen)), "set in the preferences")
    if variable := os.environ.get(PYTHON_VARIABLE):
        return _existing(Path(variable), f"set by {PYTHON_VARIABLE}")
    private, problems = _private()
    own = _own()
    if private is not None and (own is None or not private.stale):
        return private
    if own is not None:
        return own
    if problems:
        raise BackendError(f"The backend is broken: {problems[0]}; press Install Backend to make it anew.")
    raise BackendError("The backend is not installed; install it or choose a Python that has its packages.")


def _private() -> tuple[Backend | None, list[str]]:
    """Return the private environment that fits best, and what is wrong with others."""
    try:
        lock: Lock | None = fitting_lock()
    except BackendError:
        lock = None
    usable: list[Backend] = []
    problems = []
    for entry in environments(backend_root(), locks.this_python()):
        if problem := entry.problem():
            problems.append(problem)
            continue
        origin = f"private environment, {entry.source}"
        usable.append(Backend(entry.interpreter, origin, stale=_stale(entry, lock), private=True))
    return min(usable, key=lambda backend: bool(backend.stale), default=None), problems


def _stale(environment: Environment, lock: Lock | None) -> str:
    """Return why an environment that works should be made anew."""
    if lock is None or (environment.accelerator, environment.digest) == (lock.accelerator, lock.digest):
        return ""
    if environment.accelerator != lock.accelerator:
        return f"It was made for {environment.accelerator}, and {lock.accelerator} is asked for."
    return "This version of Sightline names newer packages."


def _own() -> Backend | None:
    """Return Blender's own Python if it has the worker's packages, which happens where the extension brings wheels."""
    specs = [importlib.util.find_spec(name) for name in WORKER_PACKAGES]
    if any(spec is None or not spec.origin for spec in specs):
        return None
    folders = {str(Path(spec.origin).parents[1]) for spec in specs if spec is not None and spec.origin}
    bundled = any(".local" in Path(folder).parts for folder in folders)
    origin = "Blender's Python with the extension's wheels" if bundled else "Blender's own"
    return Backend(Path(sys.executable), origin, {"PYTHONPATH": os.pathsep.join(sorted(folders))})


def weights_folders() -> Iterator[tuple[str, Path]]:
    """Yield the folders in which weights are looked for beside the extension's, and whose they are."""
    yield "user folder", user_folder("weights")
    for entry in preferences().weights_folders:
        if entry.folder:
            yield "named here", Path(bpy.path.abspath(entry.folder))


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
        _Runtime.client = _new_client(backend, {})
        _Runtime.backend = backend
    return _Runtime.client


def further_client(environment: Mapping[str, str]) -> WorkerClient:
    """Return a client of a worker beside the one, with additions to its environment; whoever asks for it closes it.

    Raises:
        BackendError: If no Python is there to run it.
    """
    return _new_client(find_backend(), environment)


def _new_client(backend: Backend, environment: Mapping[str, str]) -> WorkerClient:
    cache = user_folder("cache", create=True)
    folders = os.pathsep.join(str(folder) for _, folder in weights_folders())
    together = {**backend.environment, FOLDERS_VARIABLE: folders, **environment}
    return WorkerClient(backend.python, ROOT, cache=cache, environment=together)


def worker_log() -> Path | None:
    """Return what the worker prints, ``None`` where there is none yet."""
    return None if _Runtime.client is None else _Runtime.client.log


def worker_runs() -> bool:
    """Whether there is a worker that holds memory."""
    return _Runtime.client is not None and _Runtime.client.alive


def end_worker() -> None:
    """End the worker and let go of its memory, without waiting for it."""
    if _Runtime.client is not None:
        close_aside(_Runtime.client)
    _Runtime.client = _Runtime.backend = None


def close_aside(client: WorkerClient) -> None:
    """End a client's worker without waiting for it; the interpreter's end does."""
    threading.Thread(target=client.close, name="sightline-end").start()


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
