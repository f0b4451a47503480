"""Build bundles: zips that hold the backend's wheels, so that Blender installs all of it without a network.

``make bundle`` builds the one for Linux, Python 3.11 and CPU; ``make bundle TARGET=...`` any other from its lock.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

from packaging.utils import parse_wheel_filename

from wheels.builder import DIST, SCRATCH, build, build_thin, link, manifest
from wheels.lockfile import lock_path, read_lock
from wheels.targets import PLATFORM_TAGS, PYTHONS, Target, target

# What Blender comes with. A second copy would be in the way of every other extension.
SHIPPED_BY_BLENDER = frozenset({"numpy"})

# Its authors publish no compiled wheels for these Pythons. Splatting works without it.
GSPLAT = "gsplat==1.5.3"


def fetch(target: Target, folder: Path) -> list[Path]:
    """Download a target's wheels into a folder, unless they are there; pip checks every hash. Return them.

    Raises:
        SystemExit: If there is no lock, or pip cannot get a wheel.
    """
    lock = lock_path(target.name)
    if not lock.is_file():
        raise SystemExit(f"There is no lock for {target.name} yet; wheels/locks/README.md says how to make it.")
    wheels = [wheel for wheel in read_lock(lock) if wheel.name not in SHIPPED_BY_BLENDER]
    with tempfile.TemporaryDirectory() as scratch:
        pins = Path(scratch, "pins.txt")
        pins.write_text("".join(f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}\n" for wheel in wheels))
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        command += ["--require-hashes", "--requirement", str(pins), "--dest", str(folder)]
        command += ["--python-version", ".".join(map(str, target.python))]
        command += [part for tag in PLATFORM_TAGS[target.platform] for part in ("--platform", tag)]
        if subprocess.run(command, check=False).returncode != 0:
            raise SystemExit(f"Not every wheel of {target.name} is to be had from the indexes that pip is set up with.")
    return [folder / wheel.file for wheel in wheels]


def build_gsplat(target: Target, folder: Path) -> list[Path]:
    """Compile gsplat from its source distribution and gather what it needs beyond the lock; return the wheels.

    Raises:
        SystemExit: If this machine cannot compile for the target, or the compiler fails.
    """
    if target.accelerator == "cpu" or shutil.which("nvcc") is None or sys.version_info[:2] != target.python:
        python = ".".join(map(str, target.python))
        raise SystemExit(f"gsplat for {target.name} needs CUDA's nvcc, and Python {python} with that CUDA's torch.")
    locked = {wheel.name: wheel.version for wheel in read_lock(lock_path(target.name))}
    with tempfile.TemporaryDirectory() as scratch:
        pins = Path(scratch, "pins.txt")
        pins.write_text("".join(f"{name}=={version}\n" for name, version in locked.items()), encoding="utf-8")
        command = [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-binary", "gsplat", GSPLAT]
        command += ["--constraint", str(pins), "--wheel-dir", str(folder)]
        if subprocess.run(command, check=False).returncode != 0:
            raise SystemExit("gsplat could not be compiled; the compiler's own words stand above.")
    return [wheel for wheel in folder.glob("*.whl") if parse_wheel_filename(wheel.name)[0] not in locked]


def write_manifest(folder: Path, target: Target, wheels: list[str]) -> None:
    """Name the wheels, their platform and the Blenders that have their Python in the manifest of a copy.

    The table of what to leave out goes: what is in the copy belongs into the zip.
    """
    path = folder / "blender_manifest.toml"
    kept, _, _ = path.read_text(encoding="utf-8").partition("[build]")
    top, table, permissions = kept.partition("[permissions]")
    first, end, _ = PYTHONS[target.python]
    lines = [f'blender_version_min = "{first}"' if line.startswith("blender_version_min") else line
             for line in top.rstrip().splitlines()]  # fmt: skip
    if end is not None:
        lines.append(f'blender_version_max = "{end}"')
    lines += [f'platforms = ["{target.platform}"]', "wheels = ["]
    lines += [f'    "./wheels/{wheel}",' for wheel in sorted(wheels)]
    text = "\n".join(lines) + f"\n]\n\n{table}{permissions.rstrip()}\n"
    tomllib.loads(text)
    path.write_text(text, encoding="utf-8")


def bundle(target: Target, folder: Path = DIST, *, gsplat: bool = False) -> Path:
    """Build the bundle of a target into a folder, with gsplat if that is wanted; return the zip."""
    wheels = fetch(target, SCRATCH / "wheels" / target.name)
    if gsplat:
        wheels += build_gsplat(target, SCRATCH / "wheels" / f"{target.name}-gsplat")
    with tempfile.TemporaryDirectory(dir=SCRATCH) as scratch:
        copy = Path(scratch, "sightline")
        # What Blender's builder takes of the checkout is what belongs into the copy.
        with zipfile.ZipFile(build_thin(Path(scratch))) as thin:
            thin.extractall(copy)
        for wheel in wheels:
            link(wheel, copy / "wheels" / wheel.name)
        write_manifest(copy, target, [wheel.name for wheel in wheels])
        zipped = folder / f"sightline-{manifest()['version']}-{target.name}.zip"
        build(copy, zipped)
    return zipped


def main() -> None:
    """Build the bundles that are asked for."""
    parser = argparse.ArgumentParser(prog="wheels.bundle", description=__doc__)
    parser.add_argument("targets", nargs="+", metavar="TARGET", help="for example linux-x64-py311-cpu")
    parser.add_argument("--gsplat", action="store_true", help="compile gsplat here (CUDA's nvcc) and add it")
    options = parser.parse_args()
    for name in options.targets:
        zipped = bundle(target(name), gsplat=options.gsplat)
        print(f"{zipped.relative_to(DIST.parent)}: {zipped.stat().st_size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
