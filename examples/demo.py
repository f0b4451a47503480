"""What a user does, without the clicks: import the example capture, put a camera between its views, synthesize.

    python examples/demo.py [--method convglr|plane-sweep] [--out FOLDER]

Runs with Blender's Python module and the extension of this checkout in a user folder of its own. The photograph of that
place is held out, so that the result can be compared with it. Leaves the picture, ``comparison.png`` and ``demo.blend``
in ``out/demo`` and prints one line.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "still_life" / "transforms.json"
OUT = ROOT / "out" / "demo"
PACKAGE = "bl_ext.user_default.sightline"
METHODS = ("convglr", "plane-sweep")


def main() -> None:
    """Read the command line and do it all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--method", choices=METHODS, help="default: the extension's")
    parser.add_argument("--out", type=Path, default=OUT, help="a new or empty folder (default: out/demo, made anew)")
    options = parser.parse_args()
    out = options.out.resolve()
    if out == OUT:
        shutil.rmtree(out, ignore_errors=True)
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        parser.error(f"{out} is not an empty folder; name another.")
    out.mkdir(parents=True, exist_ok=True)
    with blender():
        record = synthesize(options.method, out)
    (out / "record.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "examples.comparison_sheet", str(out / "record.json")]
    subprocess.run(command, cwd=ROOT, check=True)
    print(f"The picture, the comparison and the Blender file are in {out}", flush=True)


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


def synthesize(method: str | None, out: Path) -> dict[str, Any]:
    """Import the capture, synthesize its held-out view, save the file; return the record of the comparison."""
    import bpy

    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    scene: Any = bpy.context.scene
    settings = scene.sightline
    settings.output_folder = str(out)
    press("import_capture", filepath=str(EXAMPLE))

    calibration = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    photograph = EXAMPLE.parent / calibration["test_filenames"][0]
    held_out = photographed(settings.capture, photograph)
    held_out.data.sightline.enabled = False

    target = held_out.copy()
    target.name, target.data = "Target", held_out.data.copy()
    target.data.background_images.clear()
    scene.collection.objects.link(target)
    settings.target = scene.camera = target
    scene.render.resolution_x, scene.render.resolution_y = calibration["w"], calibration["h"]
    scene.render.resolution_percentage = 100
    scene.view_settings.view_transform = "Standard"
    if method is not None:
        settings.method = method

    # A preview first, as one does to find the camera. It also compiles the kernels: once for every user folder.
    settings.quality = "preview"
    press("synthesize_view")
    settings.quality = "full"
    press("synthesize_view")
    images: Any = bpy.data.images
    result = next(image for image in images if "sightline_result" in image)
    metadata = json.loads(result["sightline_result"])
    bpy.ops.wm.save_as_mainfile(filepath=str(out / "demo.blend"))
    used = [source["name"] for source in metadata["sources"] if source.get("used", True)]
    return {
        "sources": [(name, picture_of(settings.capture.all_objects[name])) for name in used],
        "result": bpy.path.abspath(result.filepath),
        "photograph": str(photograph),
        "sheet": str(out / "comparison.png"),
        "metadata": metadata,
    }


def press(button: str, **settings: Any) -> None:
    """Run an operator of the extension; end where it fails: Blender has printed its sentence by then."""
    import bpy

    extension: Any = bpy.ops
    try:
        getattr(extension.sightline, button)(**settings)
    except RuntimeError:
        raise SystemExit(1) from None


def photographed(capture: Any, photograph: Path) -> Any:
    """Return the camera of the capture whose background is that photograph."""
    cameras = (thing for thing in capture.all_objects if thing.type == "CAMERA")
    return next(camera for camera in cameras if Path(picture_of(camera)).name == photograph.name)


def picture_of(camera: Any) -> str:
    """Return the file behind a camera."""
    import bpy

    return str(Path(bpy.path.abspath(camera.data.background_images[0].image.filepath)).resolve())


if __name__ == "__main__":
    status = 0
    try:
        main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        status = 1
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # Blender's module may hang while it is torn down
