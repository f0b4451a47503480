"""What a test has a Blender of its own do; the last line it prints is what it found out, as JSON."""

import hashlib
import json
import os
import socket
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import bpy  # isort: split

import addon_utils

EXTENSION = "sightline"
PACKAGE = f"bl_ext.user_default.{EXTENSION}"
REPOSITORY = "tested"
FOREIGN = ("torch", "cv2", "numba", "pycolmap", "safetensors", "gsplat")


def install(archive: str) -> dict[str, Any]:
    """Install the zip and keep it enabled."""
    bpy.ops.extensions.package_install_files(
        filepath=archive, repo="user_default", enable_on_install=True, overwrite=True
    )
    bpy.ops.wm.save_userpref()
    return {"installed": PACKAGE in bpy.context.preferences.addons}


def update(archive: str) -> dict[str, Any]:
    """Install the zip a second time, over itself, while backend and cache have files; say whether these are kept."""
    kept = [
        Path(bpy.utils.extension_path_user(PACKAGE, path=name, create=True), "kept") for name in ("backend", "cache")
    ]
    for path in kept:
        path.write_text("here")
    stale = Path(sys.modules[PACKAGE].__file__).with_name("of_an_older_version.py")
    stale.write_text("")
    record = install(archive)
    record |= {"kept": [path.exists() for path in kept], "stale": stale.exists()}
    for path in kept:
        path.unlink(missing_ok=True)
    return record


def install_from_repository(address: str) -> dict[str, Any]:
    """Add a repository, read its index, install the extension that it has."""
    bpy.context.preferences.system.use_online_access = True
    repositories = bpy.context.preferences.extensions.repos
    repository = repositories.new(name="Tested", module=REPOSITORY, remote_url=address)
    index = list(repositories).index(repository)
    bpy.ops.extensions.repo_sync(repo_index=index)
    bpy.ops.extensions.package_install(repo_index=index, pkg_id=EXTENSION, enable_on_install=True)
    module = f"bl_ext.{REPOSITORY}.{EXTENSION}"
    record = {"enabled": module in bpy.context.preferences.addons, "file": sys.modules[module].__file__}
    bpy.ops.preferences.addon_disable(module=module)
    return record


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
    begun = time.monotonic()
    bpy.ops.sightline.synthesize_view()
    seconds = time.monotonic() - begun
    result = next(image for image in bpy.data.images if "sightline_result" in image)

    def pixels(image: bpy.types.Image) -> Any:
        values = np.empty(image.size[0] * image.size[1] * 4, np.float32)
        image.colorspace_settings.name = "Non-Color"
        image.pixels.foreach_get(values)
        return values.reshape(image.size[1], image.size[0], 4)[..., :3]

    made = {"path": bpy.path.abspath(result.filepath), "metadata": json.loads(result["sightline_result"])}
    made |= {"seconds": seconds, "pixels": hashlib.sha256(pixels(result).tobytes()).hexdigest()}
    backend = sys.modules[f"{PACKAGE}.scene.backend"]
    made["backend"] = backend.find_backend().origin
    error = pixels(result) - pixels(truth.data.background_images[0].image)
    names = [background.image.name for background in truth.data.background_images]
    made["worker"] = backend.client().pid
    made |= {"psnr": float(-10 * np.log10(np.mean(np.square(error)))), "backgrounds": names}
    return made


def describe() -> dict[str, Any]:
    """Say where the extension was loaded from."""
    return {"file": sys.modules[PACKAGE].__file__, "enabled": PACKAGE in bpy.context.preferences.addons}


def cycle(archive: str, capture: str, output: str, method: str) -> dict[str, Any]:
    """Install, synthesize, disable, uninstall; say what each took, and what is left of it."""
    before = _files()
    begun = time.monotonic()
    record = install(archive)
    record["install_seconds"] = time.monotonic() - begun
    record["bytes"] = sum(path.stat().st_size for path in _files() - before)
    record |= synthesize(capture, output, method)
    bpy.ops.preferences.addon_disable(module=PACKAGE)
    record["left_in_blender"] = _left_in_blender()
    repositories = bpy.context.preferences.extensions.repos
    folder = next(repository.directory for repository in repositories if repository.module == "user_default")
    bpy.ops.extensions.package_uninstall(repo_directory=folder, pkg_id=EXTENSION)
    record["left_on_disk"] = sorted(str(path) for path in _files() - before)
    record["interfaces"] = [name for _, name in socket.if_nameindex()]
    record["blender"] = bpy.app.version_string
    return record


def _files() -> set[Path]:
    """Return every file in the user folder and the folder of temporary files, less what Blender itself keeps there."""
    folders = Path(os.environ["BLENDER_USER_RESOURCES"]), Path(os.environ["TMPDIR"])
    own = {"userpref.blend", "index.json", "compat.dat"}  # preferences, list of a repository, state of its wheels
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file() or path.is_symlink())
    return {path for path in files if path.name not in own and "/blender_" not in str(path)}


def _left_in_blender() -> list[str]:
    """Return what of the extension is still registered."""
    bases = ("Operator", "Panel", "Menu", "UIList", "PropertyGroup", "AddonPreferences", "RenderEngine", "Header")
    classes = [cls for base in bases for cls in getattr(bpy.types, base).__subclasses__()]
    left = [cls.__name__ for cls in classes if cls.__module__.startswith(PACKAGE) and cls.is_registered]
    left += [f"{kind}.sightline" for kind in ("Scene", "Camera", "Object", "WindowManager")
             if hasattr(getattr(bpy.types, kind), "sightline")]  # fmt: skip
    for name in dir(bpy.app.handlers):
        handlers = getattr(bpy.app.handlers, name)
        if isinstance(handlers, list):
            left += [name for handler in handlers if str(handler.__module__).startswith(PACKAGE)]
    return left


def python() -> dict[str, Any]:
    """Say which Python Blender has."""
    return {"python": sys.version_info[:2]}


TASKS = {
    task.__name__: task for task in (install, update, install_from_repository, synthesize, describe, cycle, python)
}
FROM_NOTHING = {"install", "install_from_repository", "cycle", "python"}


def main() -> None:
    """Do what the arguments ask for; of a whole Blender's, they are the ones behind "--"."""
    task, *arguments = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
    if task not in FROM_NOTHING and PACKAGE not in sys.modules:  # Blender's module starts without saved preferences
        bpy.ops.extensions.repo_refresh_all()
        addon_utils.enable(PACKAGE, default_set=True)
    record = TASKS[task](*arguments)
    record["foreign"] = sorted({name.split(".")[0] for name in sys.modules} & set(FOREIGN))
    if task not in FROM_NOTHING:
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
