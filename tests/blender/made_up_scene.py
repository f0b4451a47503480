"""The made-up capture in Blender, as a photogrammetry importer would have left it."""

from pathlib import Path

import bpy

from tests.made_up import write_capture

PLACES = (-0.3, -0.15, 0.0, 0.15, 0.3)


def add_source(
    collection: bpy.types.Collection, name: str, picture: "Path | bpy.types.Image | None", x: float = 0.0
) -> bpy.types.Object:
    """Add a camera at x with a picture behind it to a collection."""
    obj = bpy.data.objects.new(name, bpy.data.cameras.new(name))
    collection.objects.link(obj)
    obj.location = (x, 0, 4)
    obj.data.lens, obj.data.sensor_width, obj.data.sensor_fit = 90.0, 96.0, "HORIZONTAL"  # the made-up capture's
    if picture is not None:
        image = bpy.data.images.load(str(picture)) if isinstance(picture, Path) else picture
        obj.data.background_images.new().image = image
        obj.data.show_background_images = True
    return obj


def build(folder: Path) -> bpy.types.Collection:
    """Add the capture, with its pictures in a folder, and a target between its cameras to the open scene."""
    write_capture(folder / "made-up")
    collection = bpy.data.collections.new("made-up")
    scene = bpy.context.scene
    scene.collection.children.link(collection)
    for index, x in enumerate(PLACES):
        add_source(collection, f"view_{index}", folder / "made-up" / "images" / f"view_{index}.png", x)
    target = add_source(scene.collection, "Target", None, 0.05)
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 96, 72, 100
    settings = scene.sightline
    settings.capture, settings.target, settings.output_folder = collection, target, str(folder / "out")
    settings.method, settings.depth_mode, settings.depth_near, settings.depth_far = "plane-sweep", "MANUAL", 2.0, 5.0
    bpy.context.view_layer.update()
    return collection
