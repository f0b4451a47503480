"""Private environments on disk: one folder for each Python, accelerator and lock, complete once its record is there.

Nothing is ever renamed: a new environment is made in a folder of its own, and its record, written last and in one
piece, makes it the one in use. Whatever has no record is a leftover. Knows nothing of Blender.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from ..inference.errors import BackendError
from .locks import Lock

RECORD = "sightline.json"

# How an environment's folder is called: Python, accelerator, digest of the lock, and a number where that is taken.
_NAME = re.compile(r"py\d+-(cpu|cu\d+)-[0-9a-f]{8}(-\d+)?")

# The longest path below an environment's folder that the locked packages have: torch's licences, below
# Lib/site-packages. A path of Windows has at most 259 characters, unless long paths are switched on.
LONGEST_BELOW = 190
LONGEST_ON_WINDOWS = 259


@dataclass(frozen=True)
class Environment:
    """An environment that was completed.

    Args:
        folder: Where it is.
        python: Version, such as ``311``.
        accelerator, digest: Of its lock.
        source: Where its packages came from, in words.
        packages: Names of their ``dist-info`` folders.
        size: Bytes on disk.
        made: Seconds since the epoch.
    """

    folder: Path
    python: str
    accelerator: str
    digest: str
    source: str
    packages: tuple[str, ...]
    size: int
    made: float

    @property
    def interpreter(self) -> Path:
        """Its Python, whether it is there or not."""
        return interpreter(self.folder)

    def problem(self) -> str:
        """Return what is wrong with it, as far as can be seen without running it; empty if nothing is."""
        base = _base(self.folder)
        if not (self.interpreter.exists() and base.is_dir()):
            return f"the Python that it was made with, at '{base}', is gone (was Blender moved or removed?)"
        packages = site_packages(self.folder)
        gone = next((name for name in self.packages if not (packages / name).is_dir()), None)
        return f"the package '{gone.partition('-')[0]}' is gone from '{self.folder}'" if gone else ""


def interpreter(folder: Path) -> Path:
    """Return the Python of an environment's folder."""
    return folder / "Scripts" / "python.exe" if sys.platform == "win32" else folder / "bin" / "python"


def _base(folder: Path) -> Path:
    """Return the folder of the Python that an environment was made with, as ``venv`` has noted it."""
    with contextlib.suppress(OSError):
        for line in (folder / "pyvenv.cfg").read_text("utf-8").splitlines():
            name, _, value = line.partition("=")
            if name.strip() == "home":
                return Path(value.strip())
    return folder


def site_packages(folder: Path) -> Path:
    """Return where an environment's packages are."""
    if sys.platform == "win32":
        return folder / "Lib" / "site-packages"
    return next(iter((folder / "lib").glob("python*/site-packages")), folder / "lib")


def installed_packages(folder: Path) -> list[str]:
    """Return the names of the ``dist-info`` folders in an environment."""
    return sorted(path.name for path in site_packages(folder).glob("*.dist-info"))


def environments(root: Path, python: str) -> list[Environment]:
    """Return the completed environments for a version of Python, the newest first."""
    try:
        found = [_read(record) for record in root.glob(f"py{python}-*/{RECORD}")]
    except OSError:  # a folder that may not be read is told of when something is installed there
        return []
    return sorted((entry for entry in found if entry is not None), key=lambda entry: -entry.made)


def new_folder(root: Path, lock: Lock) -> Path:
    """Make an empty folder for an environment of a lock.

    Raises:
        BackendError: If paths in it would be too long for Windows.
        OSError: If it cannot be made.
    """
    name = f"py{lock.python}-{lock.accelerator}-{lock.digest}"
    check_length(root / f"{name}-2")
    root.mkdir(parents=True, exist_ok=True)
    folder = root / name
    number = 2
    while folder.exists():
        folder = root / f"{name}-{number}"
        number += 1
    folder.mkdir()
    return folder


def check_length(folder: Path) -> None:
    """Refuse a folder in which the packages' paths would be too long.

    Raises:
        BackendError: If so.
    """
    length = len(str(folder)) + 1 + LONGEST_BELOW
    if _short_paths() and length > LONGEST_ON_WINDOWS:
        raise BackendError(
            f"Windows allows paths of {LONGEST_ON_WINDOWS} characters, and the backend's would have {length} in "
            f"'{folder.parent}'; set Backend Folder to a shorter one, such as C:\\."
        )


def complete(folder: Path, lock: Lock, source: str) -> Environment:
    """Write the record that makes an environment the one in use."""
    size = sum(path.lstat().st_size for path in folder.rglob("*"))
    packages = tuple(installed_packages(folder))
    made = Environment(folder, lock.python, lock.accelerator, lock.digest, source, packages, size, time.time())
    aside = folder / f"{RECORD}.partial"
    aside.write_text(json.dumps({**asdict(made), "folder": folder.name}), "utf-8")
    aside.replace(folder / RECORD)
    return made


def remove(folder: Path) -> None:
    """Remove an environment, its record first, so that a half removed one is taken for nothing."""
    with contextlib.suppress(OSError):
        (folder / RECORD).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers(root: Path) -> None:
    """Remove what killed installations have left; whoever calls this is the :func:`sole` one that installs."""
    for folder in root.glob("py*"):
        if _NAME.fullmatch(folder.name) and not (folder / RECORD).exists():
            remove(folder)


def remove_former(root: Path, kept: Environment) -> None:
    """Remove other environments for the same Python and accelerator."""
    for folder in root.glob(f"py{kept.python}-{kept.accelerator}-*"):
        if folder != kept.folder:
            remove(folder)


@contextlib.contextmanager
def sole(root: Path) -> Iterator[None]:
    """Keep other Blenders from installing into ``root`` at the same time; the system lifts that when a process ends.

    Raises:
        BackendError: If another one is at it.
        OSError: If ``root`` cannot be written to.
    """
    root.mkdir(parents=True, exist_ok=True)
    with (root / "lock").open("ab") as file:
        try:
            _hold(file)
        except OSError:
            raise BackendError("Another Blender is installing the backend; wait until it is done.") from None
        yield


def _hold(file: IO[bytes]) -> None:
    if sys.platform == "win32":
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _read(record: Path) -> Environment | None:
    try:
        told: dict[str, Any] = json.loads(record.read_text("utf-8"))
        return Environment(**{**told, "folder": record.parent, "packages": tuple(told["packages"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _short_paths() -> bool:
    """Whether this system is a Windows without long paths."""
    if sys.platform != "win32":
        return False
    import winreg

    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SYSTEM\CurrentControlSet\Control\FileSystem") as key:
            return winreg.QueryValueEx(key, "LongPathsEnabled")[0] != 1
    except OSError:
        return True
