"""A striped ball in place of a person, in a ring of Blender cameras with cut-out photographs behind them."""

from pathlib import Path

import bpy
import numpy as np

from tests.made_up import write_png
from tests.unit.people_examples import ball, camera_at

AZIMUTHS = (0.0, 20.0, 40.0, 60.0)
TARGET = 27.0


def photograph(azimuth: float, alpha: bool = True) -> np.ndarray:
    """H x W x 3 or 4 bytes."""
    seen = ball(camera_at(azimuth))
    layers = np.dstack([seen.rgb, seen.mask]) if alpha else seen.rgb
    return (layers * 255 + 0.5).astype(np.uint8)


def add_camera(cameras, collection: bpy.types.Collection, name: str, azimuth: float, picture: Path | None):
    """``cameras`` is the extension's module of the camera model."""
    obj = bpy.data.objects.new(name, bpy.data.cameras.new(name))
    collection.objects.link(obj)
    cameras.apply_camera(camera_at(azimuth), obj)
    if picture is not None:
        obj.data.background_images.new().image = bpy.data.images.load(str(picture))
    return obj


def build(cameras, folder: Path) -> bpy.types.Collection:
    """The ring as the scene's capture, ``person``, under an empty, and a target between two of its cameras."""
    scene = bpy.context.scene
    collection = bpy.data.collections.new("person")
    scene.collection.children.link(collection)
    parent = bpy.data.objects.new("rig", None)
    scene.collection.objects.link(parent)
    for index, azimuth in enumerate(AZIMUTHS):
        path = folder / f"cam{index}_0001.png"
        write_png(path, photograph(azimuth))
        add_camera(cameras, collection, f"cam{index}", azimuth, path).parent = parent
    target = add_camera(cameras, scene.collection, "Target", TARGET, None)
    target.parent = parent
    picture = camera_at(TARGET)
    render = scene.render
    render.resolution_x, render.resolution_y, render.resolution_percentage = picture.width, picture.height, 100
    settings = scene.sightline
    settings.capture, settings.target, settings.output_folder = collection, target, str(folder / "out")
    settings.method = "gps-gaussian"
    bpy.context.view_layer.update()
    return collection
