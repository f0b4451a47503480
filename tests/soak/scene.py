"""Writes the scene of the soak: ``scene.py FOLDER FRAMES``, in a Blender of its own."""

import os
import sys
from pathlib import Path

import bpy  # isort: split

import addon_utils

from tests.blender import made_up_scene
from tests.blender.batch_session import PACKAGE


def main(folder: Path, frames: int) -> None:
    """Save FOLDER/move.blend: a target that moves between the sources from the first frame to the last."""
    bpy.ops.extensions.repo_refresh_all()
    assert addon_utils.enable(PACKAGE, default_set=True) is not None
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    made_up_scene.build(folder)
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, frames
    target = scene.sightline.target
    for frame, x in ((1, -0.25), (frames, 0.25)):
        target.location.x = x
        target.keyframe_insert("location", frame=frame)
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "move.blend"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
    os._exit(0)  # Blender's module may hang when Python ends it in order
