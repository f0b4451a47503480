"""The demo's part for any scene: the still life's held-out view."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..in_blender import comparison, open_example, press, save

CALIBRATION = Path(__file__).with_name("transforms.json")
METHODS = ("convglr", "plane-sweep")


def demonstrate(method: str | None, out: Path) -> dict[str, Any]:
    """Synthesize the view, save the file, and return the record of the comparison."""
    import bpy

    photograph = open_example(CALIBRATION, out)
    scene: Any = bpy.context.scene
    settings = scene.sightline
    if method is not None:
        settings.method = method
    # A preview first, as one does to find the camera. It also compiles the kernels: once for every user folder.
    settings.quality = "preview"
    press("synthesize_view")
    settings.quality = "full"
    press("synthesize_view")
    save(out / "still_life.blend")
    return comparison(photograph, out / "still_life_comparison.png")
