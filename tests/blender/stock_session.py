"""A Blender without Sightline: renders frames of a file as ``FOLDER/FRAME.png`` and says which files it needed."""

import json
import os
import sys
from pathlib import Path

import bpy


def main() -> None:
    """Arguments: FILE FOLDER SCENE FRAME..."""
    file, folder, name, *frames = sys.argv[1:]
    assert not any("sightline" in addon.module for addon in bpy.context.preferences.addons)
    bpy.ops.wm.open_mainfile(filepath=file)
    paths = bpy.utils.blend_paths(absolute=True, packed=False)
    relative = bpy.utils.blend_paths(absolute=False, packed=False)
    scene = bpy.context.window.scene = bpy.data.scenes[name]
    render = scene.render
    render.image_settings.file_format, render.image_settings.color_depth = "PNG", "16"
    render.dither_intensity = 0
    for frame in frames:
        scene.frame_set(int(frame))
        render.filepath = str(Path(folder) / f"{frame}.png")
        bpy.ops.render.render(write_still=True, scene=name)
    (Path(folder) / "told.json").write_text(json.dumps({"engine": render.engine, "paths": paths, "relative": relative}))


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # Blender's module may hang when Python ends it in order
