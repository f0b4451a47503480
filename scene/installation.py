"""Making the private environment of the backend, as a job: Python's own venv and pip, never through a shell.

Wheels are fetched one package at a time into a folder that outlives an interruption, then installed from there without
a network, so that an installation goes on where it was broken off. The new environment is made beside the one in use.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path

import bpy

from ..inference.errors import BackendError, OutputError
from . import backend, environments
from .commands import Command, run
from .environments import Environment
from .installation_plan import Plan, plan
from .job import Job, Step, Steps, aside
from .locks import Lock, normalised
from .pip_failures import sentence
from .wheels import Found, find_wheels
from .words import counted, disk_size

# What makes an environment with pip in it.
MAKE = ("{python}", "-I", "-m", "venv", "{folder}")
_PIP = ("-I", "-m", "pip", "--disable-pip-version-check", "--no-input", "--no-cache-dir")
_HASHED = ("--require-hashes", "--only-binary=:all:")
_FETCH = (*_PIP, "download", "--progress-bar=off", "--no-deps", *_HASHED)
_INSTALL = (*_PIP, "install", "--no-user", "--no-compile", "--no-index", *_HASHED)

# How far the whole is when its parts begin.
_FETCHING, _INSTALLING, _CHECKING = 0.05, 0.75, 0.95


def online() -> bool:
    """Whether the user lets Blender go online."""
    return bool(bpy.app.online_access)


def install(job: Job) -> Steps:
    """Make the environment that the preferences ask for; its log stays beside it.

    Raises:
        BackendError, OutputError: In one sentence; what was there before is still there.
    """
    asked = plan()
    if asked.wheel_folder is None and not online():
        raise BackendError(
            "Blender may not go online; allow that in the preferences under System, Network, or choose a wheel folder."
        )
    try:
        with environments.sole(asked.root):
            asked.log.write_bytes(b"")
            made = yield from _make(job, asked)
    except OSError as error:
        raise OutputError(sentence(str(error), "", asked.root, asked.log)) from None
    finally:
        backend.forget()
    packages = counted(len(asked.lock.requirements), "package")
    return {"sentence": f"The backend is ready: {packages}, {disk_size(made.size)}, {made.accelerator}"}


def _make(job: Job, asked: Plan) -> Generator[Step, None, Environment]:
    """Make the environment in a folder of its own, which nobody sees before it is complete."""
    start = Step(0.0, "Making an environment")
    yield from aside(lambda: environments.remove_leftovers(asked.root), start)
    _check_space(asked)
    folder = environments.new_folder(asked.root, asked.lock)
    temporary = asked.root / "temp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        places = {"python": sys.executable, "folder": str(folder)}
        command = Command(tuple(part.format(**places) for part in MAKE), asked.log, temporary)
        yield from _ran(job, asked, command, start)
        wheels = yield from _fetch(job, asked, folder, temporary)
        arguments = ("--find-links", str(wheels), "-r", str(asked.lock.path))
        command = _pip(asked, folder, temporary, _INSTALL, *arguments)
        step = Step(_INSTALLING, "Installing")
        yield from _ran(job, asked, command, step, partial(_unpacking, step, folder, asked.lock))
        yield from _check(job, asked, folder, temporary)
        made = yield from aside(
            lambda: environments.complete(folder, asked.lock, asked.source), Step(0.99, "Finishing")
        )
    except BaseException:
        environments.remove(folder)
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    yield from aside(lambda: _tidy(asked, made), Step(0.99, "Removing what is no longer needed"))
    return made


def _check_space(asked: Plan) -> None:
    """Refuse what would fill the disk."""
    place = next(folder for folder in (asked.root, *asked.root.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    if asked.needed > free:
        raise OutputError(
            f"The backend needs {disk_size(asked.needed)} on the disk with '{asked.root}', where {disk_size(free)} are "
            "free; free some space or set Backend Folder to another disk."
        )


def _fetch(job: Job, asked: Plan, folder: Path, temporary: Path) -> Generator[Step, None, Path]:
    """Fetch the wheels that are not there yet; return the folder that has them all."""
    requirements = asked.lock.requirements
    place = asked.wheel_folder or asked.downloads
    found = yield from aside(lambda: find_wheels(place, requirements), Step(_FETCHING, "Looking at the wheels"))
    if asked.wheel_folder is not None:
        _check_wheel_folder(place, found)
        return place
    place.mkdir(exist_ok=True)
    for wrong in found.wrong:
        wrong.unlink(missing_ok=True)  # broken off while it was written, or of a former lock
    for number, requirement in enumerate(found.missing, len(found.wheels)):
        listed = temporary / "requirement.txt"
        listed.write_text(requirement.text, "utf-8")
        further = ("--extra-index-url", asked.index) if asked.index else ()
        command = _pip(asked, folder, temporary, _FETCH, *further, "-d", str(place), "-r", str(listed))
        fraction = _FETCHING + (_INSTALLING - _FETCHING) * number / len(requirements)
        step = Step(fraction, f"Downloading {requirement.name} ({number + 1} of {len(requirements)})")
        yield from _ran(job, asked, command, step, partial(_fetching, step, temporary), requirement.name)
    return place


def _check_wheel_folder(place: Path, found: Found) -> None:
    """Refuse a wheel folder that lacks something."""
    if found.wrong:
        raise BackendError(
            f"'{found.wrong[0].name}' in the wheel folder is not the file that Sightline's list names (its hash "
            f"differs); put the right one into '{place}'."
        )
    if found.missing:
        names = ", ".join(f"{entry.name} {entry.version}" for entry in found.missing[:5])
        more = f" and {counted(len(found.missing) - 5, 'other')}" if len(found.missing) > 5 else ""
        raise BackendError(f"The wheel folder '{place}' lacks {names}{more}; put the wheels for this system there.")


def _pip(asked: Plan, folder: Path, temporary: Path, *arguments: tuple[str, ...] | str) -> Command:
    """Return a command of the environment's pip; its first argument is a tuple, the others are texts."""
    fixed, *others = arguments
    python = str(environments.interpreter(folder))
    return Command((python, *fixed, *(str(other) for other in others)), asked.log, temporary)


def _ran(
    job: Job, asked: Plan, command: Command, step: Step, look: Callable[[str], Step] | None = None, name: str = ""
) -> Generator[Step, None, None]:
    """Run a command, about the package ``name`` if it is about one; ``look`` says how far it is.

    Raises:
        BackendError, OutputError: If it fails.
        Cancelled: If the job was cancelled.
    """
    code, said = yield from run(job, command, look or (lambda _: step))
    if code:
        raise BackendError(sentence(said, name, asked.root, asked.log))


def _unpacking(step: Step, folder: Path, lock: Lock, _log: str) -> Step:
    """Return the step with how many packages are in the environment."""
    names = {entry.name for entry in lock.requirements}
    done = sum(normalised(name.partition("-")[0]) in names for name in environments.installed_packages(folder))
    fraction = step.fraction + (_CHECKING - _INSTALLING) * done / len(names)
    return Step(fraction, f"{step.message} ({done} of {len(names)})", waiting=True)


def _fetching(step: Step, temporary: Path, log: str) -> Step:
    """Return the step with how much has come of the file, and of how much, which pip has said."""
    size = 0
    for path in temporary.rglob("*.whl"):
        with contextlib.suppress(OSError):  # moved to its place meanwhile
            size += path.stat().st_size
    whole = log.rpartition("Downloading ")[2].partition("(")[2].partition(")")[0]
    amount = f": {disk_size(size)}" + (f" of {whole}" if whole else "") if size else ""
    return Step(step.fraction, step.message + amount, waiting=True)


def _check(job: Job, asked: Plan, folder: Path, temporary: Path) -> Generator[Step, None, None]:
    """Load what the worker needs: on some systems a library is missing, and the working environment should stay.

    Raises:
        BackendError: If something cannot be loaded.
    """
    program = "\n".join(f"import {name}" for name in backend.WORKER_PACKAGES)
    command = Command((str(environments.interpreter(folder)), "-I", "-c", program), asked.log, temporary)
    code, said = yield from run(job, command, lambda _: Step(_CHECKING, "Checking the packages", waiting=True))
    if code:
        reason = next((line.strip() for line in reversed(said.splitlines()) if line.strip()), f"status {code}")
        raise BackendError(
            f"The packages are there and cannot be loaded ({reason[:300]}); the whole story is in '{asked.log}'."
        )


def _tidy(asked: Plan, made: Environment) -> None:
    """Remove former environments and, unless they are to be kept, the downloads."""
    backend.end_worker()
    environments.remove_former(asked.root, made)
    if asked.wheel_folder is not None:
        return
    if not asked.keep:
        shutil.rmtree(asked.downloads, ignore_errors=True)
    for wheel in asked.downloads.glob("*.whl"):
        if not any(entry.served_by(wheel.name) for entry in asked.lock.requirements):
            wheel.unlink(missing_ok=True)
