"""Name the system libraries that Blender's Python module needs and this machine does not have.

Prints nothing where all are there. ``--packages`` prints the Debian packages alone, for a script.
Needs nothing but the standard library.
"""

from __future__ import annotations

import ctypes
import sys

# Shared library: Debian's (and Ubuntu's) package. The list is what the linker asks for when bpy is imported.
NEEDED = {
    "libX11.so.6": "libx11-6",
    "libXrender.so.1": "libxrender1",
    "libXfixes.so.3": "libxfixes3",
    "libXi.so.6": "libxi6",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libXext.so.6": "libxext6",
    "libSM.so.6": "libsm6",
    "libICE.so.6": "libice6",
    "libGL.so.1": "libgl1",
}


def missing() -> list[str]:
    """Return the packages of the libraries that cannot be loaded."""
    packages = []
    for library, package in NEEDED.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            packages.append(package)
    return packages


def main() -> None:
    """Print what is missing, and the command that installs it."""
    if not sys.platform.startswith("linux"):
        return  # elsewhere these come with the system
    packages = missing()
    if "--packages" in sys.argv[1:]:
        print(" ".join(packages))
    elif packages:
        print("Blender's module needs system libraries that this machine lacks. On Debian or Ubuntu:")
        print(f"    sudo apt-get install {' '.join(packages)}")


if __name__ == "__main__":
    main()
