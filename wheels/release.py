"""Make a release: the thin zip, bundles, their checksums, and static extension repositories around them.

A Blender that has added a repository gets updates from it. There is one for each way of installing, because a
repository may hold only one zip of an extension for every platform and Python: ``thin``, ``cpu`` and CUDA's.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path

from wheels.builder import DIST, blender_ext, build_thin, link
from wheels.bundle import bundle
from wheels.targets import target


def write_checksums(folder: Path, zips: Iterable[Path]) -> None:
    """Write ``SHA256SUMS``, which ``sha256sum --check`` reads."""
    lines = []
    for zipped in zips:
        with zipped.open("rb") as file:
            lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {zipped.name}\n")
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def write_repository(folder: Path, zips: Iterable[Path]) -> None:
    """Write a repository of these zips, its index by Blender's own generator."""
    folder.mkdir(parents=True)
    for zipped in zips:
        link(zipped, folder / zipped.name)
    blender_ext("server-generate", "--repo-dir", str(folder), "--html")


def release(names: list[str]) -> None:
    """Fill ``dist/`` anew with the thin zip and the bundles of these targets."""
    targets = [target(name) for name in names]
    shutil.rmtree(DIST, ignore_errors=True)
    thin = build_thin()
    bundles = [bundle(chosen) for chosen in targets]
    write_checksums(DIST, [thin, *bundles])
    repositories = {"thin": [thin]}
    for chosen, zipped in zip(targets, bundles, strict=True):
        repositories.setdefault(chosen.accelerator, []).append(zipped)
    for name, zips in repositories.items():
        write_repository(DIST / "repository" / name, zips)


def main() -> None:
    """Make the release, or the thin zip alone."""
    parser = argparse.ArgumentParser(prog="wheels.release", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="bundles to make, such as linux-x64-py311-cpu")
    parser.add_argument("--thin", action="store_true", help="build the zip without wheels and nothing else")
    options = parser.parse_args()
    if options.thin:
        build_thin()
    else:
        release(options.targets)


if __name__ == "__main__":
    main()
