"""What a bug report needs, as text without the names of people and machines."""

from __future__ import annotations

import getpass
import platform
import re
from pathlib import Path
from typing import Any

import bpy

from ..inference.errors import BackendError
from . import backend, locks, machine, self_test
from .cache_state import cache_in_words
from .environments import environments
from .error_log import last_errors
from .names import PACKAGE
from .requests import extension_version
from .weight_files import weight_files
from .words import disk_size

# Lines of each log.
_TAIL = 40


def diagnostics() -> str:
    """Return versions, devices, the state of the backend, the last errors and the ends of the logs, masked."""
    return masked("\n".join([*_versions(), *_backend(), *_found(), *_errors(), *_logs()]))


def masked(text: str) -> str:
    """Return a text without the home folder, the blend file's folder, and the names of the user and the machine."""
    places = [(str(Path.home()), "<home>")]
    if bpy.data.filepath:
        places.insert(0, (str(Path(bpy.data.filepath).parent), "<blend file's folder>"))
    for place, mask in places:
        # Not the root folder, and a name only where it ends.
        if len(place) > 3:
            for written in {place, place.replace("\\", "/"), place.replace("\\", "\\\\")}:
                text = re.sub(re.escape(written) + r"(?![\w-])", mask, text, flags=re.IGNORECASE)
    host = platform.node()
    for name, mask in ((_user(), "<user>"), (host, "<host>"), (host.partition(".")[0], "<host>")):
        if len(name) > 1:
            text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", mask, text, flags=re.IGNORECASE)
    return text


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a system without a name for whoever runs this
        return ""


def _versions() -> list[str]:
    chosen = backend.preferences()
    access = "on" if bpy.app.online_access else "off"
    return [
        f"Sightline {extension_version()} as {PACKAGE}",
        f"Blender {bpy.app.version_string}, Python {platform.python_version()}",
        f"{platform.platform()}, {locks.this_platform()}, online access {access}",
        f"NVIDIA driver {locks.nvidia_driver() or 'not found'}",
        f"Accelerator {chosen.accelerator}, backend folder '{chosen.backend_folder}', wheels '{chosen.wheel_folder}'",
    ]


def _backend() -> list[str]:
    found = backend.believed_backend()
    lines = [f"Backend: {found}"]
    if not isinstance(found, BackendError):
        lines = [f"Backend: {found.python} ({found.origin}) {found.stale}"]
    for entry in environments(backend.backend_root(), locks.this_python()):
        state = entry.problem() or "complete"
        lines.append(f"Environment {entry.folder.name} ({entry.source}), {disk_size(entry.size)}: {state}")
    return [*lines, cache_in_words()]


def _found() -> list[str]:
    told: dict[str, Any] = machine.found() or {}
    lines = [f"Device: {line}" for line in machine.device_lines()] or ["Devices: not asked for yet"]
    lines += [f"Package: {name} {version or 'missing'}" for name, version in told.get("packages", {}).items()]
    for way in told.get("splatting", []):
        lines.append(f"Splatting: {way['name']}, {'usable' if way['usable'] else 'not used'} ({way['reason']})")
    listed, refused = weight_files()
    lines += [f"Weights: {entry.info.name} {entry.info.hash} ({entry.place})" for entry in listed]
    return [*lines, *refused, self_test.last_result() or "Self-test: not run in this session"]


def _errors() -> list[str]:
    return ["", "Last errors:", *(last_errors() or ["none"])]


def _logs() -> list[str]:
    lines = []
    for name, path in (("Worker", backend.worker_log()), ("Installation", backend.backend_root() / "install.log")):
        if path is not None and path.is_file():
            tail = path.read_text("utf-8", "replace").splitlines()[-_TAIL:]
            lines += ["", f"{name}'s log:", *tail]
    return lines
