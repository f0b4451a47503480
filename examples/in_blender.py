"""What the demo's parts have in common inside Blender: the extension, a held-out photograph, the record of a result."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "bl_ext.user_default.sightline"


@contextlib.contextmanager
def blender() -> Iterator[None]:
    """Load Blender's module with the extension of this checkout enabled, in a new user folder that goes away again."""
    with tempfile.TemporaryDirectory(prefix="sightline-demo-") as folder:
        os.environ["BLENDER_USER_RESOURCES"] = folder  # read when bpy is imported
        link = Path(folder) / "extensions" / "user_default" / "sightline"
        link.parent.mkdir(parents=True)
        link.symlink_to(ROOT, target_is_directory=True)
        importlib.import_module("bpy")
        addon_utils = importlib.import_module("addon_utils")  # found once bpy is loaded

        if addon_utils.enable(PACKAGE, default_set=True) is None:
            raise SystemExit("The extension could not be enabled; the reason is printed above.")
        try:
            yield
        finally:
            addon_utils.disable(PACKAGE)  # ends the worker


def open_example(calibration: Path, out: Path) -> Path:
    """Import a capture into a new file, hold its test photograph out and put the target in its place.

    Returns:
        The photograph that is held out.
    """
    import bpy

    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    scene: Any = bpy.context.scene
    settings = scene.sightline
    settings.output_folder = str(out)
    press("import_capture", filepath=str(calibration))

    record = json.loads(calibration.read_text(encoding="utf-8"))
    photograph: Path = calibration.parent / record["test_filenames"][0]
    held_out = photographed(settings.capture, photograph)
    held_out.data.sightline.enabled = False

    target = held_out.copy()
    target.name, target.data = f"{settings.capture.name}_view", held_out.data.copy()
    target.data.background_images.clear()
    scene.collection.objects.link(target)
    settings.target = scene.camera = target
    scene.render.resolution_x, scene.render.resolution_y = record["w"], record["h"]
    scene.render.resolution_percentage = 100
    scene.view_settings.view_transform = "Standard"
    return photograph


def press(button: str, **settings: Any) -> None:
    """Run an operator of the extension; end where it fails: Blender has printed its sentence by then."""
    import bpy

    extension: Any = bpy.ops
    try:
        getattr(extension.sightline, button)(**settings)
    except RuntimeError:
        raise SystemExit(1) from None


def comparison(photograph: Path, sheet: Path) -> dict[str, Any]:
    """Return the record of the target's result, for ``comparison_sheet``."""
    import bpy

    scene: Any = bpy.context.scene
    settings = scene.sightline
    metadata = json.loads(settings.target.data.background_images[0].image["sightline_result"])
    used = [source["name"] for source in metadata["sources"] if source.get("used", True)]
    return {
        "sources": [(name, picture_of(settings.capture.all_objects[name])) for name in used],
        "result": picture_of(settings.target),
        "photograph": str(photograph),
        "sheet": str(sheet),
        "metadata": metadata,
    }


def photographed(capture: Any, photograph: Path) -> Any:
    """Return the camera of the capture whose background is that photograph."""
    cameras = (thing for thing in capture.all_objects if thing.type == "CAMERA")
    return next(camera for camera in cameras if Path(picture_of(camera)).name == photograph.name)


def picture_of(camera: Any) -> str:
    """Return the file behind a camera."""
    import bpy

    return str(Path(bpy.path.abspath(camera.data.background_images[0].image.filepath)).resolve())


def save(path: Path) -> None:
    """Save the Blender file."""
    import bpy

    bpy.ops.wm.save_as_mainfile(filepath=str(path))
