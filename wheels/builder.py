"""Blender's own builder of extensions, as it comes with Blender's Python module."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"
SCRATCH = ROOT / "build"


def blender_ext(*arguments: str) -> None:
    """Run the builder; what it says is printed.

    Raises:
        SystemExit: If Blender's module is not in this Python, or the builder finds fault.
    """
    spec = importlib.util.find_spec("bpy")
    if spec is None or spec.origin is None:
        raise SystemExit("Blender's Python module is missing; run this by make, which installs it.")
    script = next(Path(spec.origin).parent.glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py"))
    code = subprocess.run([sys.executable, str(script), *arguments], check=False).returncode
    if code != 0:
        raise SystemExit(code)


def manifest(folder: Path = ROOT) -> dict[str, Any]:
    """Return the manifest of an extension's folder."""
    return tomllib.loads((folder / "blender_manifest.toml").read_text(encoding="utf-8"))


def build(source: Path, zipped: Path) -> None:
    """Build a folder into a zip."""
    zipped.parent.mkdir(parents=True, exist_ok=True)
    blender_ext("build", "--source-dir", str(source), "--output-filepath", str(zipped))


def build_thin(folder: Path = DIST) -> Path:
    """Build the zip without wheels; return it."""
    zipped = folder / f"sightline-{manifest()['version']}.zip"
    build(ROOT, zipped)
    return zipped


def link(source: Path, destination: Path) -> None:
    """Have a file in a second place, without a second copy where the disk has links."""
    try:
        os.link(source, destination)
    except OSError:
        shutil.copyfile(source, destination)
