"""Which locked list of packages fits a machine, and what is in it. Knows nothing of Blender, and loads no driver.

A lock is ``wheels/locks/PLATFORM-pyNN-ACCELERATOR.txt`` in pip's own requirement format, with the hashes of every file.
"""

from __future__ import annotations

import hashlib
import platform
import re
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..inference.errors import BackendError

# What the user can ask for.
AUTOMATIC, CPU, CUDA = "AUTOMATIC", "CPU", "CUDA"

_SYSTEMS = {"linux": "linux", "win32": "windows", "darwin": "macos"}
_MACHINES = {"x86_64": "x64", "amd64": "x64", "arm64": "arm64", "aarch64": "arm64"}
# Least driver of every minor version of a CUDA (NVIDIA's release notes of the toolkit, on minor version compatibility).
_LEAST_DRIVER = {"12": 525, "13": 580}

_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class Requirement:
    """One package of a lock.

    Args:
        name, version: Of the package, the name as normalised by PyPA's rules.
        hashes: SHA-256 of every file that may serve, hexadecimal.
        text: The requirement as the lock has it.
    """

    name: str
    version: str
    hashes: frozenset[str]
    text: str

    def served_by(self, file_name: str) -> bool:
        """Whether a wheel of that name is of this package and version, as far as names tell."""
        name, _, rest = file_name.partition("-")
        version = rest.partition("-")[0].replace("_", "-")
        # Of a version without a local label, such as +cpu, a build with one is as good.
        return normalised(name) == self.name and self.version in (version, version.partition("+")[0])


@dataclass(frozen=True)
class Lock:
    """A list of packages for one platform, Python (``311``) and accelerator (``cpu``, ``cu128``)."""

    path: Path
    platform: str
    python: str
    accelerator: str

    @cached_property
    def _lines(self) -> list[str]:
        return self.path.read_text("utf-8").splitlines()

    @cached_property
    def requirements(self) -> tuple[Requirement, ...]:
        """What it lists, in its order.

        Raises:
            BackendError: If a line has no version or no hash.
        """
        text = "\n".join(line for line in self._lines if not line.lstrip().startswith("#"))
        return tuple(self._requirement(entry) for entry in re.sub(r"\\\n", " ", text).splitlines() if entry.strip())

    @property
    def digest(self) -> str:
        """Eight hexadecimal digits of what it lists; comments do not count."""
        return hashlib.sha256("\n".join(entry.text for entry in self.requirements).encode()).hexdigest()[:8]

    @property
    def common(self) -> bool:
        """Whether the usual package index has all of it: builds with a local version (``2.13.0+cpu``) are elsewhere."""
        return not any("+" in entry.version for entry in self.requirements)

    @property
    def download(self) -> int:
        """Bytes to fetch, 0 where the lock does not say."""
        return self._told("download")

    @property
    def unpacked(self) -> int:
        """Bytes on disk after the installation, 0 where the lock does not say."""
        return self._told("unpacked")

    @property
    def title(self) -> str:
        """The accelerator as people know it."""
        if self.accelerator != "cpu":
            return f"CUDA {self.accelerator[2:-1]}.{self.accelerator[-1]}"
        return "CPU and Apple GPU" if self.platform.startswith("macos") else "CPU"

    @property
    def least_driver(self) -> int:
        """Major version of NVIDIA's driver that its CUDA needs at least."""
        return _LEAST_DRIVER.get(self.accelerator[2:-1], max(_LEAST_DRIVER.values()))

    def _told(self, name: str) -> int:
        told = re.compile(rf"#\s*{name}:\s*(\d+)")
        return next((int(found[1]) for line in self._lines if (found := told.match(line))), 0)

    def _requirement(self, entry: str) -> Requirement:
        found = re.match(r"\s*([\w.-]+)(?:\[[^]]*\])?\s*==\s*([^\s;]+)", entry)
        hashes = frozenset(_HASH.findall(entry))
        if found is None or not hashes:
            raise BackendError(f"The list of packages '{self.path}' is damaged; install Sightline again.")
        return Requirement(normalised(found[1]), found[2], hashes, " ".join(entry.split()))


def normalised(name: str) -> str:
    """Return a package's name as PyPA's rules write it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def this_platform() -> str:
    """Return this machine's platform under the name that Blender's manifests have for it, such as ``linux-x64``."""
    machine = platform.machine().lower()
    return f"{_SYSTEMS.get(sys.platform, sys.platform)}-{_MACHINES.get(machine, machine)}"


def this_python() -> str:
    """Return this Python as locks write it, such as ``311``."""
    return f"{sys.version_info.major}{sys.version_info.minor}"


def nvidia_driver() -> int | None:
    """Return the major version of NVIDIA's driver, ``None`` without one: the system is asked, nothing is loaded."""
    if sys.platform == "win32":
        return _windows_driver()
    try:
        found = re.search(r"\s(\d+)\.\d+", Path("/proc/driver/nvidia/version").read_text("utf-8", "replace"))
    except OSError:
        return None
    return int(found[1]) if found else None


def _windows_driver() -> int | None:
    """Look among the display adapters in the registry; NVIDIA's 5xx.yy is written there as 3x.0.15.xxyy."""
    if sys.platform == "win32":
        import winreg

        displays = r"SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}"
        for number in range(10):
            try:
                with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, rf"{displays}\{number:04}") as key:
                    if "NVIDIA" in str(winreg.QueryValueEx(key, "ProviderName")[0]):
                        return windows_driver_version(str(winreg.QueryValueEx(key, "DriverVersion")[0]))
            except OSError:
                continue
    return None


def windows_driver_version(written: str) -> int | None:
    """Return the major version of NVIDIA's driver from Windows' way of writing it: its last five digits count."""
    digits = written.replace(".", "")[-5:]
    return int(digits[:3]) if len(digits) == 5 and digits.isdigit() else None


def find_lock(
    folder: Path, place: str, python: str, wanted: str, driver: int | None, *, elsewhere: bool = False
) -> Lock:
    """Return the lock that fits.

    Args:
        folder: Where the locks are.
        place: Platform, such as ``linux-x64``.
        python: Such as ``311``.
        wanted: :data:`AUTOMATIC` (CUDA where there is a lock that NVIDIA's driver is new enough for), :data:`CPU` or
            :data:`CUDA`.
        driver: Major version of the driver, if there is one.
        elsewhere: Whether wheels are also taken from elsewhere than the usual package index.

    Raises:
        BackendError: If there is none.
    """
    locks = [
        Lock(path, place, python, path.stem.rpartition("-")[2]) for path in folder.glob(f"{place}-py{python}-*.txt")
    ]
    version = f"{python[0]}.{python[1:]}"
    if not locks:
        raise BackendError(
            f"Sightline has no list of packages for Python {version} on {place}; set Backend Python to one that has "
            "the packages."
        )
    by_cuda = sorted((lock for lock in locks if lock.accelerator != "cpu"), key=lambda lock: int(lock.accelerator[2:]))
    served = [lock for lock in by_cuda if driver is not None and driver >= lock.least_driver]
    if served and wanted != CPU:
        return served[-1]
    by_cpu = [lock for lock in locks if lock.accelerator == "cpu"]
    # What is built for CUDA computes on the CPU as well: larger, but to be had.
    had = [lock for lock in by_cpu if elsewhere or lock.common]
    fitting = {AUTOMATIC: had or by_cuda or by_cpu, CPU: by_cpu, CUDA: by_cuda}[wanted]
    if not fitting:
        name = "the CPU alone" if wanted == CPU else "CUDA"
        raise BackendError(
            f"There is no list of packages for {name} with Python {version} on {place}; set Accelerator to Automatic."
        )
    return fitting[-1]


def why(lock: Lock, wanted: str, driver: int | None) -> str:
    """Return in words which accelerator a lock is for, and why that one."""
    if lock.platform.startswith("macos"):
        return lock.title
    if wanted == CUDA and driver is not None and driver < lock.least_driver:
        return f"{lock.title}, as chosen; the NVIDIA driver {driver} is too old for it, {lock.least_driver} is needed"
    if wanted != AUTOMATIC:
        return f"{lock.title}, as chosen"
    if lock.accelerator != "cpu" and (driver is None or driver < lock.least_driver):
        return f"{lock.title}, used on the CPU; the usual package index has no build for the CPU alone"
    if driver is None:
        return f"{lock.title}; no NVIDIA driver was found"
    if lock.accelerator == "cpu":
        return f"{lock.title}; there is no list of packages for CUDA that suits the NVIDIA driver {driver}"
    return f"{lock.title}; an NVIDIA driver was found ({driver})"
