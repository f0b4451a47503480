"""Where the fourteen pictures are taken from: a loose, hand-held walk of about twenty degrees round the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix, Vector

from .shapes import place

WIDTH, HEIGHT = 640, 480
LENS = 38.0  # millimetres on a sensor 36 mm wide
SENSOR = 36.0

# Degrees round the table and above it, and the distance from its middle in metres: two loose rows, not a grid.
PLACES = (
    (-11.5, 16.0, 1.07), (-8.2, 19.5, 1.05), (-7.0, 15.2, 1.09), (-4.1, 18.3, 1.04), (-3.4, 14.4, 1.06),
    (-0.8, 20.6, 1.07), (-0.3, 16.8, 1.05), (2.2, 14.0, 1.08), (3.0, 18.9, 1.03), (5.4, 16.1, 1.06),
    (6.6, 20.2, 1.08), (8.3, 14.9, 1.05), (9.7, 18.0, 1.07), (12.0, 16.6, 1.04),
)  # fmt: skip
HOLD_OUT = 6
MIDDLE = Vector((0.0, 0.03, 0.168))


@dataclass(frozen=True)
class Shot:
    """A camera of the capture and its picture's name."""

    name: str
    camera: Any


def add_cameras(seed: int = 7) -> list[Shot]:
    """Add the cameras to the scene and return them in the order of :data:`PLACES`."""
    rng = np.random.default_rng(seed)
    shots = []
    for index, (azimuth, elevation, distance) in enumerate(PLACES):
        around, above = np.radians(azimuth), np.radians(elevation)
        offset = Vector((np.sin(around) * np.cos(above), -np.cos(around) * np.cos(above), np.sin(above)))
        lens = bpy.data.cameras.new(f"view_{index:02d}")
        lens.lens, lens.sensor_width, lens.sensor_fit = LENS, SENSOR, "HORIZONTAL"
        camera = place(lens.name, lens)
        camera.location = MIDDLE + offset * distance
        aim = MIDDLE + Vector(rng.normal(0, 0.012, 3).tolist())
        roll = float(np.radians(rng.normal(0, 0.8)))
        turn = (aim - camera.location).to_track_quat("-Z", "Y").to_matrix().to_4x4()
        camera.rotation_euler = (turn @ Matrix.Rotation(roll, 4, "Z")).to_euler()
        shots.append(Shot(lens.name, camera))
    return shots


def transforms(shots: list[Shot], depth_near: float, depth_far: float) -> dict[str, Any]:
    """Return the calibration in the form of transforms.json: OpenGL camera-to-world, pixel edges at 0..w and 0..h.

    ``train_filenames`` and ``test_filenames`` (nerfstudio's names) say which picture the demo holds out.
    """
    files = [f"images/{shot.name}.jpg" for shot in shots]
    focal = LENS / SENSOR * WIDTH
    return {
        "camera_model": "OPENCV",
        "w": WIDTH,
        "h": HEIGHT,
        "fl_x": focal,
        "fl_y": focal,
        "cx": WIDTH / 2,
        "cy": HEIGHT / 2,
        "depth_near": round(depth_near, 4),
        "depth_far": round(depth_far, 4),
        "train_filenames": [file for index, file in enumerate(files) if index != HOLD_OUT],
        "test_filenames": [files[HOLD_OUT]],
        "frames": [
            {"file_path": file, "transform_matrix": [list(row) for row in shot.camera.matrix_world]}
            for file, shot in zip(files, shots, strict=True)
        ],
    }
