"""The Blenders of the matrix: Blender's module in environments of their own, and those that BLENDERS names."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.installed.sessions import ROOT, SESSION, outcome
from tests.installed.sessions import blender_process as start

# Blender's module, the Python that it wants, and the numpy that such a Blender comes with.
MODULES = (
    ("4.2.23", "3.11", "numpy==1.24.4"),
    ("4.5.15", "3.11", "numpy==1.26.4"),
    ("5.0.1", "3.11", "numpy==1.26.4"),
    ("5.2.3", "3.13", "numpy>=2.2,<3"),
)

NO_NETWORK = ("unshare", "--net") if os.geteuid() == 0 else ("unshare", "--user", "--map-root-user", "--net")


@dataclass(frozen=True)
class Blender:
    """One Blender, and how session.py is run in it."""

    name: str
    command: tuple[str, ...]

    def session(
        self, user_folder: Path, *arguments: object, offline: bool = False, worker: str | None
    ) -> subprocess.Popen[str]:
        """Start session.py; offline is without any network but the machine's own."""
        command = (*NO_NETWORK, *self.command) if offline else self.command
        return start(user_folder, *arguments, command=command, worker=worker)

    def python(self, user_folder: Path) -> tuple[int, int]:
        """Return the version of its Python."""
        major, minor = outcome(self.session(user_folder, "python", worker=None))["python"]
        return major, minor


def module(version: str) -> Blender:
    """Return Blender's module of that version; its environment is made where it is missing."""
    _, python, numpy = next(entry for entry in MODULES if entry[0] == version)
    environment = ROOT / "build" / "matrix" / f"bpy-{version}"
    ready, inside = environment / ".ready", environment / "bin" / "python"
    if not ready.exists():
        outside = os.environ.get(f"PYTHON{python.replace('.', '')}") or f"python{python}"
        if shutil.which(outside) is None or subprocess.run([outside, "--version"], capture_output=True).returncode:
            pytest.skip(f"Blender {version} wants Python {python}; name it by PYTHON{python.replace('.', '')}")
        subprocess.run([outside, "-m", "venv", "--clear", environment], check=True)
        packages = ["--quiet", "--disable-pip-version-check", f"bpy=={version}", numpy]
        subprocess.run([inside, "-m", "pip", "install", *packages], check=True)
        ready.touch()
    return Blender(f"module {version}", (str(inside), str(SESSION)))


def named() -> list[Blender]:
    """Return the Blenders whose commands stand in BLENDERS, divided by semicolons."""
    commands = filter(None, map(str.strip, os.environ.get("BLENDERS", "").split(";")))
    ending = ("--background", "--python-exit-code", "1", "--python", str(SESSION), "--")
    return [Blender(command, (*shlex.split(command), *ending)) for command in commands]
