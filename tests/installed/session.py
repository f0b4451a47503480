"""What a test has a Blender of its own do; the last line it prints is what it found out, as JSON."""

import json
import os
import sys
import traceback
from typing import Any

import bpy  # isort: split

import addon_utils

PACKAGE = "bl_ext.user_default.sightline"
FOREIGN = ("torch", "cv2", "numba", "pycolmap", "safetensors", "gsplat")


def install(archive: str) -> dict[str, Any]:
    """Install the zip and keep it enabled."""
    bpy.ops.extensions.package_install_files(
        filepath=archive, repo="user_default", enable_on_install=True, overwrite=True
    )
    bpy.ops.wm.save_userpref()
    return {"installed": PACKAGE in bpy.context.preferences.addons}


def synthesize(capture: str, output: str, method: str) -> dict[str, Any]:
    """Import a capture, take out the view in the middle, synthesize it; say how near it comes to its photograph."""
    import numpy as np

    scene = bpy.context.scene
    settings = scene.sightline
    settings.output_folder, settings.method = output, method
    bpy.ops.sightline.import_capture(filepath=capture)
    truth = settings.capture.objects["view_2"]
    scene.camera = truth
    bpy.ops.sightline.match_render_size()
    bpy.ops.sightline.synthesize_view()
    result = next(image for image in bpy.data.images if "sightline_result" in image)

    def pixels(image: bpy.types.Image) -> Any:
        values = np.empty(image.size[0] * image.size[1] * 4, np.float32)
        image.colorspace_settings.name = "Non-Color"
        image.pixels.foreach_get(values)
        return values.reshape(image.size[1], image.size[0], 4)[..., :3]

    made = {"path": bpy.path.abspath(result.filepath), "metadata": json.loads(result["sightline_result"])}
    error = pixels(result) - pixels(truth.data.background_images[0].image)
    names = [background.image.name for background in truth.data.background_images]
    made["worker"] = sys.modules[f"{PACKAGE}.scene.backend"].client().pid
    made |= {"psnr": float(-10 * np.log10(np.mean(np.square(error)))), "backgrounds": names}
    return made


def describe() -> dict[str, Any]:
    """Say where the extension was loaded from."""
    return {"file": sys.modules[PACKAGE].__file__, "enabled": PACKAGE in bpy.context.preferences.addons}


def main() -> None:
    """Do what the arguments ask for."""
    if sys.argv[1] != "install" and PACKAGE not in sys.modules:  # Blender's module starts without saved preferences
        bpy.ops.extensions.repo_refresh_all()
        addon_utils.enable(PACKAGE, default_set=True)
    task = {"install": install, "synthesize": synthesize, "describe": describe}[sys.argv[1]]
    record = task(*sys.argv[2:])
    record["foreign"] = sorted({name.split(".")[0] for name in sys.modules} & set(FOREIGN))
    if sys.argv[1] != "install":
        bpy.ops.preferences.addon_disable(module=PACKAGE)  # ends the worker
    print()
    print(json.dumps(record))


if __name__ == "__main__":
    status = 0
    try:
        main()
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # Blender's module may hang when Python ends it in order
