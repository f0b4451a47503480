"""The demo's part for people: a held-out view by GPS-Gaussian, and the whole person as Gaussians in a Blender file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..in_blender import comparison, open_example, picture_of, press, save

CALIBRATION = Path(__file__).with_name("transforms.json")
FRAMES = 120  # once around
VIEWS = 5
BACKDROP = (0.6, 0.6, 0.58)


def demonstrate(out: Path, calibration: Path = CALIBRATION) -> dict[str, Any]:
    """Synthesize the view, create the Gaussians, save the file, and return the record of the comparison."""
    import bpy

    photograph = open_example(calibration, out)
    scene: Any = bpy.context.scene
    settings = scene.sightline
    settings.method = "gps-gaussian"
    press("synthesize_view")
    record = comparison(photograph, out / "person_comparison.png")

    press("create_gaussians")
    person: Any = bpy.context.active_object
    count, metadata = len(person.data.attributes["position"].data), json.loads(person["sightline_result"])
    record["gaussians"] = {"count": count, "metadata": metadata}
    scene.camera = settings.target = orbiting(settings.target, settings.capture)
    record["turntable"] = [turned(frame, out) for frame in range(1, FRAMES, FRAMES // VIEWS)]
    present(scene)
    save(out / "person.blend")
    return record


def orbiting(camera: Any, capture: Any) -> Any:
    """Add a camera that starts at another one and goes around the middle of the ring while the scene plays."""
    import bpy

    scene: Any = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, FRAMES
    cameras = [thing for thing in capture.all_objects if thing.type == "CAMERA" and thing.data.sightline.enabled]
    ring = [thing.matrix_world.translation for thing in cameras]
    axis: Any = bpy.data.objects.new("turntable", None)
    axis.location = sum(ring[1:], ring[0].copy()) / len(ring)
    axis.driver_add("rotation_euler", 2).driver.expression = f"2 * pi * (frame - 1) / {FRAMES}"
    orbit = camera.copy()
    orbit.name, orbit.data = "person_turntable", camera.data.copy()
    orbit.data.background_images.clear()
    for thing in (axis, orbit):
        scene.collection.objects.link(thing)
    scene.frame_set(1)
    orbit.parent, orbit.matrix_parent_inverse = axis, axis.matrix_world.inverted()
    return orbit


def turned(frame: int, out: Path) -> tuple[str, str]:
    """Render the Gaussians at a frame; return a caption and the file."""
    import bpy

    scene: Any = bpy.context.scene
    scene.frame_set(frame)
    press("render_gaussians")
    angle = 360 * (frame - 1) // FRAMES
    kept = out / f"person_turntable_{angle:03d}.png"
    Path(picture_of(scene.camera)).replace(kept)  # the next one has its name
    return f"turned by {angle} degrees" if angle else "all Gaussians", str(kept)


def present(scene: Any) -> None:
    """Leave the file as one wants to open it: at the first frame, through the camera, in front of something light."""
    import bpy

    scene.frame_set(1)
    scene.camera.data.background_images.clear()
    press("allow_transparency")  # for Cycles
    scene.world = bpy.data.worlds.new("backdrop")
    scene.world.color = BACKDROP
    for screen in bpy.data.screens:
        for area in screen.areas:
            if area.type == "VIEW_3D":
                space: Any = area.spaces.active
                space.shading.type = "MATERIAL"  # Blender does not open files in Rendered
                space.region_3d.view_perspective = "CAMERA"
