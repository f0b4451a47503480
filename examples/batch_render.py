"""Synthesize frames of a file that Blender opens, without a window.

    blender -b FILE.blend --python examples/batch_render.py -- --camera Target --frames 1-100 --output //frames --resume

``-- --help`` lists the options. They are those of ``blender --command sightline render FILE.blend``, and so is the
exit status: 0 where all frames are there, 1 where some or all failed, 2 for wrong usage.
"""

import importlib
import sys

import bpy


def main() -> int:
    """Return the exit status."""
    assert bpy.context.preferences is not None
    names = [addon.module for addon in bpy.context.preferences.addons]  # bl_ext.<repository>.sightline
    package = next((name for name in names if name.rpartition(".")[2] == "sightline" and name in sys.modules), None)
    if package is None:
        print("Error: Sightline is not enabled; enable it in Blender's preferences, under Add-ons.", file=sys.stderr)
        return 1
    arguments = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else []
    batch = importlib.import_module(f"{package}.scene.batch")
    status: int = batch.render_open_file(arguments, "blender -b FILE.blend --python batch_render.py --")
    return status


if __name__ == "__main__":
    sys.exit(main())
