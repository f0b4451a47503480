"""A Blender of its own that renders a batch: ``command ARGUMENTS``, or ``script FILE ARGUMENTS``."""

import os
import runpy
import sys
from pathlib import Path

import bpy  # isort: split

import addon_utils

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "bl_ext.user_default.sightline"


def main() -> int:
    """Return the exit status."""
    kind, *arguments = sys.argv[1:]
    if kind != "bare":
        bpy.ops.extensions.repo_refresh_all()
        assert addon_utils.enable(PACKAGE, default_set=True) is not None
        if worker := os.environ.get("TEST_WORKER"):
            sys.modules[f"{PACKAGE}.scene.backend"].WorkerClient.module = worker
    if kind == "command":
        return sys.modules[f"{PACKAGE}.scene.batch"].command(arguments)
    if kind == "script":
        bpy.ops.wm.open_mainfile(filepath=arguments.pop(0))
    sys.argv = ["blender", "--", *arguments]
    try:
        runpy.run_path(str(ROOT / "examples" / "batch_render.py"), run_name="__main__")
    except SystemExit as stop:
        return int(stop.code or 0)
    raise AssertionError("the script ended without a status")


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # Blender's module may hang when Python ends it in order
