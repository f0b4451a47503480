"""Run by ``farm.py`` in a process of its own, which is a Blender as a farm starts it for a task.

python -m benchmarks.farm_process USER_FOLDER scene FILE.blend METHOD WIDTH HEIGHT FRAMES
python -m benchmarks.farm_process USER_FOLDER COMMAND FILE.blend [options]      as after blender --command sightline
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any

from examples.in_blender import PACKAGE, ROOT, open_example, save

from .example import EXAMPLE


def main(user_folder: Path, arguments: list[str]) -> int:
    """Do it and return the exit status. The user folder stays, with what was compiled on the way."""
    os.environ["BLENDER_USER_RESOURCES"] = str(user_folder)  # read when bpy is imported
    os.environ.setdefault("SIGHTLINE_PYTHON", sys.executable)
    link = user_folder / "extensions" / "user_default" / "sightline"
    if not link.exists():
        link.parent.mkdir(parents=True)
        link.symlink_to(ROOT, target_is_directory=True)
    importlib.import_module("bpy")
    addon_utils = importlib.import_module("addon_utils")  # found once bpy is loaded
    if addon_utils.enable(PACKAGE, default_set=True) is None:
        return 1
    if arguments[0] == "scene":
        _write_scene(Path(arguments[1]), arguments[2], *map(int, arguments[3:]))
        return 0
    batch = importlib.import_module(f"{PACKAGE}.scene.batch")
    status: int = batch.command(arguments)
    return status


def _write_scene(file: Path, method: str, width: int, height: int, frames: int) -> None:
    """Save the example with a target that moves."""
    import bpy

    open_example(EXAMPLE, file.parent)
    scene: Any = bpy.context.scene
    scene.sightline.method = method
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.frame_start, scene.frame_end = 1, frames
    target = scene.sightline.target
    target.keyframe_insert("location", frame=1)
    target.location.x += 0.05
    target.keyframe_insert("location", frame=frames)
    save(file)


if __name__ == "__main__":
    done = main(Path(sys.argv[1]), sys.argv[2:])
    sys.stdout.flush()
    os._exit(done)  # Blender's module may hang while it is torn down
