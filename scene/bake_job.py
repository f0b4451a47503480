"""Bake for Any Blender as a job: a second Blender, without a window, bakes a copy of the open file as it is now.

Baking goes through frames and turns the file into its copy, which the Blender of a user must not do.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import bpy

from ..inference.errors import SightlineError
from . import backend
from .baking import copy_of
from .commands import Command, run
from .frozen_copy import check_saved, file_name, save_copy
from .job import Job, Step, Steps
from .names import COMMAND, PACKAGE
from .results import make_folder
from .words import counted

# What the command prints: how far it is, what has become of a picture, and in the end (scene/batch/report.py).
_PROGRESS, _STATUS = "openjd_progress: ", "openjd_status: "
_PICTURE = re.compile(r"^Frame -?\d+ \(\d+ of \d+\), (there already)?", re.MULTILINE)
_PICTURE_FAILED = re.compile(r"^Frame -?\d+ \(\d+ of \d+\) failed: (.+)$", re.MULTILINE)
_SOME_FAILED = re.compile(r"^openjd_fail: .+ failed: (.+)\.$", re.MULTILINE)
_ERROR = re.compile(r"^Error: (.+)$", re.MULTILINE)
_WARNING = re.compile(r"^Warning: (.+)$", re.MULTILINE)


def bake_aside(job: Job, folder: Path) -> Steps:
    """Bake the open file into a folder; what is there and right is not made again.

    Raises:
        SightlineError: If it cannot be baked; in the words of the Blender that tried to.
        Cancelled: If the job was cancelled. What is finished stays.
    """
    if bpy.data.filepath:
        copy_of(folder)
    make_folder(folder)
    for image in bpy.data.images:
        if image.users and image.source != "VIEWER":
            check_saved(image)
    program = _program()
    try:
        with tempfile.TemporaryDirectory(prefix="sightline-bake-", ignore_cleanup_errors=True) as temporary:
            yield Step(0.0, "Saving a copy of the scene")
            frozen = Path(temporary) / f"{file_name()}.blend"
            save_copy(frozen)
            backend.end_worker()  # what it holds in memory would be there twice
            arguments = (*program, "bake", str(frozen), "--output", str(folder), "--openjd")
            code, said = yield from run(job, Command(arguments, frozen.with_name("log.txt"), frozen.parent), _step)
    except OSError as error:
        raise SightlineError(f"A second Blender cannot be started: {error.strerror or error}.") from None
    said = "\n".join(said.splitlines())  # Windows ends lines otherwise
    if code:
        raise SightlineError(_failure(code, said))
    job.warnings.extend(_WARNING.findall(said.partition(_PROGRESS)[2]))  # before, Blender speaks of itself
    copy, there = folder / frozen.name, _PICTURE.findall(said)
    pictures = f": {counted(len(there), 'picture')}, {sum(map(bool, there)):,} of them there already" if there else ""
    return {"path": str(copy), "sentence": f"Wrote {copy}{pictures}"}


def _program() -> tuple[str, ...]:
    """Return what starts a second Blender with a command of Sightline's, whose arguments follow.

    Scripts in the file run there if they do here. Sightline may be enabled here alone: preferences are saved late.

    Raises:
        SightlineError: If there is no program.
    """
    if not bpy.app.binary_path:
        raise SightlineError(
            "This Blender is a module of Python with no program to start; bake in an installed Blender."
        )
    scripts = "-Y" if bpy.app.autoexec_fail else "-y"
    enable = f"import addon_utils; addon_utils.enable({PACKAGE!r}, default_set=True)"
    return (bpy.app.binary_path, "-b", scripts, "--python-expr", enable, "--command", COMMAND)


def _step(said: str) -> Step:
    """Return how far the command says it is."""
    fraction = _last(said, _PROGRESS)
    message = _last(said, _STATUS) or "Starting a second Blender"
    return Step(float(fraction or 0.0) / 100, message, waiting=True)


def _last(said: str, begin: str) -> str:
    """Return the rest of the last whole line that begins so; empty where there is none."""
    _, found, rest = said[: said.rfind("\n") + 1].rpartition(begin)
    return rest.partition("\n")[0].strip() if found else ""


def _failure(code: int, said: str) -> str:
    """Return as a sentence why a command failed."""
    reasons = _PICTURE_FAILED.findall(said)
    if reasons and (frames := _SOME_FAILED.search(said)):
        return f"{frames[1].capitalize()} could not be made: {reasons[0]}"
    if errors := _ERROR.findall(said):
        return str(errors[-1])
    lines = (line.strip() for line in reversed(said.splitlines()))
    last = next((line for line in lines if line and not line.startswith("Blender ")), "nothing")  # its version
    return f"The second Blender ended unexpectedly (exit code {code}); it said last: {last[:300]}"
