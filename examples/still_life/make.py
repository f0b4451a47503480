"""Model the still life, render it with Cycles, and write the capture that comes with Sightline.

    python -m examples.still_life.make [--out FOLDER] [--samples 48] [--scale 100] [--views 6 0 13]

Runs with Blender's Python module, needs no file but this folder, and gives the same pictures every time on one machine.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Vector

from . import arrangement, cameras
from .shaders import srgb
from .shapes import Point, add, box, place

QUALITY = 93
SUN, SUNLIT = (-2.3, -1.5, 1.75), (0.1, 0.25, 0.2)  # where the sun stands in, and what it points at


def main() -> None:
    """Read the command line and render."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent, help="folder for transforms.json and images/"
    )
    parser.add_argument("--samples", type=int, default=48)
    parser.add_argument("--scale", type=int, default=100, help="per cent of the picture size, for a quick look")
    parser.add_argument("--views", type=int, nargs="*", help="numbers of the views to render (default: all)")
    parser.add_argument("--blend", type=Path, help="also save the scene")
    options = parser.parse_args()

    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    arrangement.build()
    light()
    shots = cameras.add_cameras()
    configure(options.samples, options.scale)
    _scene().view_layers[0].update()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.blend:
        bpy.ops.wm.save_as_mainfile(filepath=str(options.blend.resolve()))
    near, far = depth_range(shots)
    text = json.dumps(cameras.transforms(shots, near, far), indent=1)
    (options.out / "transforms.json").write_text(text + "\n", encoding="utf-8")
    for index, shot in enumerate(shots):
        if options.views is None or index in options.views:
            started = time.perf_counter()
            render(shot, options.out / "images" / f"{shot.name}.jpg")
            print(f"{shot.name}: {time.perf_counter() - started:.1f} s", flush=True)


def light() -> None:
    """A window to the left: a warm sun through its bars, the soft sky, and a dim room."""
    scene = _scene()
    scene.world = bpy.data.worlds.new("room")
    scene.world.use_nodes = True
    background = scene.world.node_tree.nodes["Background"]
    background.inputs["Color"].default_value = (*srgb("aebccb"), 1)
    background.inputs["Strength"].default_value = 0.36

    def lamp(name: str, kind: Any, energy: float, colour: str, spot: Point, aim: Point, size: float) -> None:
        data: Any = bpy.data.lights.new(name, kind)
        data.energy, data.color = energy, srgb(colour)
        if kind == "AREA":
            data.shape, data.size = "DISK", size
        elif kind == "SPOT":
            data.shadow_soft_size, data.spot_size, data.spot_blend = size, np.radians(50), 0.4
        thing = place(name, data)
        thing.location = spot
        thing.rotation_euler = (Vector(aim) - Vector(spot)).to_track_quat("-Z", "Y").to_euler()

    lamp("sky", "AREA", 20.0, "dfe9ff", (-1.35, -0.75, 1.25), (0.0, 0.1, 0.1), 1.3)
    lamp("sun", "SPOT", 520.0, "ffdcae", SUN, SUNLIT, 0.035)
    bars()


def bars() -> None:
    """The bars of the window between the sun and the table: they draw its panes on the wall."""
    paint = bpy.data.materials.new("bar")
    start, end = Vector(SUN), Vector(SUNLIT)
    turn = (end - start).to_track_quat("-Z", "Y")
    middle = start.lerp(end, 0.42)
    right, up = turn @ Vector((1, 0, 0)), turn @ Vector((0, 1, 0))
    for offset in (-0.40, -0.03, 0.34):
        add("bar", box("bar", (0.028, 1.6, 0.02)), paint, middle + right * offset, turn.to_euler())
    for offset in (-0.31, 0.05, 0.41):
        add("bar", box("bar", (1.6, 0.024, 0.02)), paint, middle + up * offset, turn.to_euler())


def configure(samples: int, scale: int) -> None:
    """Cycles on the processor, denoised, Standard view transform: the pictures are plain sRGB."""
    scene = _scene()
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = samples
    scene.cycles.seed = 0
    scene.cycles.adaptive_threshold = 0.02
    scene.cycles.use_denoising = True
    scene.cycles.denoiser = "OPENIMAGEDENOISE"
    scene.cycles.max_bounces = 5
    scene.cycles.caustics_reflective = scene.cycles.caustics_refractive = False
    scene.cycles.sample_clamp_indirect = 6.0
    scene.render.resolution_x, scene.render.resolution_y = cameras.WIDTH, cameras.HEIGHT
    scene.render.resolution_percentage = scale
    scene.render.use_persistent_data = True
    scene.render.image_settings.file_format = "JPEG"
    scene.render.image_settings.quality = QUALITY
    scene.view_settings.view_transform = "Standard"
    scene.view_settings.look = "None"


def _scene() -> Any:
    return bpy.context.scene


def render(shot: cameras.Shot, path: Path) -> None:
    """Render one view into a JPEG file."""
    scene = _scene()
    scene.camera = shot.camera
    scene.render.filepath = str(path.resolve())
    bpy.ops.render.render(write_still=True)


def depth_range(shots: list[cameras.Shot]) -> tuple[float, float]:
    """Return the nearest and farthest depth along the optical axes that any view sees, with 3 % to spare."""
    scene = _scene()
    graph = bpy.context.evaluated_depsgraph_get()
    depths = []
    for shot in shots:
        frame = shot.camera.data.view_frame(scene=scene)
        corner, right, up = frame[2], frame[1] - frame[2], frame[3] - frame[2]
        matrix = shot.camera.matrix_world
        axis = -matrix.col[2].to_3d()
        for u in np.linspace(0.005, 0.995, 64):
            for v in np.linspace(0.005, 0.995, 48):
                direction = (matrix.to_3x3() @ (corner + right * u + up * v)).normalized()
                hit, place, *_ = scene.ray_cast(graph, matrix.translation, direction)
                if hit:
                    depths.append((place - matrix.translation).dot(axis))
    return 0.97 * min(depths), 1.03 * max(depths)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # Blender's module may hang while it is torn down
