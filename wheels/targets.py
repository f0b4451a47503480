"""For which machines Sightline's wheels are gathered: Blender's platform, its Python, and the accelerator."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms

# The oldest systems on which both Blender and torch run: glibc 2.28, macOS 14.
_LINUX = tuple(f"manylinux_2_{minor}_x86_64" for minor in range(28, 4, -1))
_LEGACY = ("manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64")
MACOS = (14, 0)

# Blender's name of a platform: the tags of wheels that run there, best first.
PLATFORM_TAGS: dict[str, tuple[str, ...]] = {
    "linux-x64": (*_LINUX, *_LEGACY, "linux_x86_64"),
    "windows-x64": ("win_amd64",),
    "macos-arm64": tuple(mac_platforms(MACOS, "arm64")),
}

# Blender's Pythons: the first Blender that has it, the first that no longer has it, and the numpy it comes with.
PYTHONS: dict[tuple[int, int], tuple[str, str | None, str]] = {
    (3, 11): ("4.2.0", "5.1.0", "numpy<2"),
    (3, 13): ("5.1.0", None, "numpy>=2.2,<3"),
}

# The CUDA for which the pinned torch is built.
CUDA = "cu130"


@dataclass(frozen=True)
class Target:
    """One kind of machine."""

    platform: str
    python: tuple[int, int]
    accelerator: str

    @property
    def name(self) -> str:
        """The name of its lock, and the end of its bundle's: ``linux-x64-py311-cpu``."""
        return f"{self.platform}-py{self.python[0]}{self.python[1]}-{self.accelerator}"

    @cached_property
    def tags(self) -> dict[Tag, int]:
        """Every tag of wheels that run there, and how good it is: 0 is the best."""
        platforms = PLATFORM_TAGS[self.platform]
        interpreter = f"cp{self.python[0]}{self.python[1]}"
        every = (*cpython_tags(self.python, platforms=platforms), *compatible_tags(self.python, interpreter, platforms))
        return {tag: rank for rank, tag in enumerate(every)}

    def rank(self, tags: Iterable[Tag]) -> int | None:
        """How good a wheel with these tags is there; None where it does not run."""
        return min((self.tags[tag] for tag in tags if tag in self.tags), default=None)


TARGETS = tuple(
    Target(platform, python, accelerator)
    for platform in PLATFORM_TAGS
    for python in PYTHONS
    for accelerator in ("cpu", CUDA)
    if accelerator == "cpu" or platform != "macos-arm64"
)


def target(name: str) -> Target:
    """Return the target of that name.

    Raises:
        SystemExit: If there is none; the sentence lists them.
    """
    found = next((target for target in TARGETS if target.name == name), None)
    if found is None:
        raise SystemExit(f"There is no '{name}'; there are {', '.join(target.name for target in TARGETS)}.")
    return found
