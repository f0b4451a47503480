"""Make ``mesh_in_scene.blend``: a mesh stands in the still life, hidden by what is in front of it.

    python -m examples.mesh_in_scene.make [--out FILE]

Runs with Blender's Python module 4.2 to 4.5, so that older Blenders open the file; newer ones bring it up to date.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..in_blender import blender, press
from ..still_life.demo import CALIBRATION

OUT = Path(__file__).with_name("mesh_in_scene.blend")

# Behind the bowl of fruit and in front of the bottle (metres; the table is z = 0).
PLACE, TURN, SIZE = (-0.118, 0.185), (-0.12, 0.0, -0.3), 0.082
PLINTH_RADIUS, PLINTH_HEIGHT = 0.045, 0.088


def main() -> None:
    """Read the command line and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    with blender():
        build(options.out.resolve())


def build(path: Path) -> None:
    """Build both scenes and the compositor between them, and save them beside the photographs, by relative paths."""
    import bpy

    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    preferences: Any = bpy.context.preferences
    files = preferences.filepaths
    files.use_relative_paths, files.save_version = True, 0
    still_life: Any = bpy.context.scene
    still_life.name = "Still Life"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))  # relative to this
    press("import_capture", filepath=str(CALIBRATION))
    origin = still_life.sightline.capture.sightline
    origin.path = bpy.path.relpath(origin.path)
    configure(still_life)
    add_camera(still_life)
    mesh = bpy.data.scenes.new("Mesh")
    with bpy.context.temp_override(scene=mesh):
        add_mesh(mesh, still_life.camera)
    composite(still_life, mesh)
    bpy.ops.file.make_paths_relative()
    bpy.ops.wm.save_as_mainfile(filepath=str(path), compress=True)


def show_as_photographed(scene: Any) -> None:
    """Render at the photographs' size, in their colours."""
    scene.render.resolution_x, scene.render.resolution_y = 640, 480
    scene.view_settings.view_transform = "Standard"


def configure(scene: Any) -> None:
    """Render with Sightline."""
    scene.render.engine = "SIGHTLINE"
    show_as_photographed(scene)
    scene.sightline.method, scene.sightline.quality = "convglr", "full"


def add_camera(scene: Any) -> None:
    """Add the camera of both scenes: from between the photographs, a little lower, moving to the right."""
    import bpy
    from mathutils import Vector

    data = bpy.data.cameras.new("View")
    data.lens, data.sensor_width, data.sensor_fit = 41.0, 36.0, "HORIZONTAL"
    camera: Any = bpy.data.objects.new("View", data)
    scene.collection.objects.link(camera)
    scene.camera = scene.sightline.target = camera
    middle = Vector((-0.02, 0.03, 0.155))
    scene.frame_start, scene.frame_end = 1, 24
    for frame, x in ((1, -0.12), (24, 0.10)):
        camera.location = (x, -0.98, 0.46)
        camera.rotation_euler = (middle - camera.location).to_track_quat("-Z", "Y").to_euler()
        camera.keyframe_insert("location", frame=frame)
        camera.keyframe_insert("rotation_euler", frame=frame)
    scene.frame_set(12)


def add_mesh(scene: Any, camera: Any) -> None:
    """Fill the scene of the mesh: Suzanne in the light of the photographs, rendered by Cycles on a transparent film."""
    import bpy

    from ..still_life import materials
    from ..still_life.make import light
    from ..still_life.shaders import srgb

    scene.collection.objects.link(camera)
    scene.camera = camera
    light()
    for bar in [thing for thing in scene.objects if thing.name.startswith("bar")]:
        bpy.data.objects.remove(bar)  # of the window: the sun falls between them
    suzanne(scene, materials.metal("bronze", srgb("cf9350"), 0.22), materials.wood("walnut", "3a2416", "6b452a", 6.0))
    surroundings(
        scene, materials.wood("oak", "6d4a2c", "9a6b42"), materials.plaster("lime", "7d918c", "93a39b", "5f7572")
    )
    scene.render.engine = "CYCLES"
    scene.render.film_transparent = True
    scene.cycles.samples, scene.cycles.use_denoising = 96, False
    show_as_photographed(scene)
    scene.view_layers[0].use_pass_z = True


def surroundings(scene: Any, oak: Any, plaster: Any) -> None:
    """Put a table and a wall where the photographs have them: unseen by the camera, they throw light on the mesh."""
    import bpy

    for name, material, location, turn in (
        ("Table", oak, (0, 0, 0), (0, 0, 0)),
        ("Wall", plaster, (0, 0.52, 0), (1.5708, 0, 0)),
    ):
        data = bpy.data.meshes.new(name)
        data.from_pydata([(-1, -1, 0), (1, -1, 0), (1, 1, 0), (-1, 1, 0)], [], [(0, 1, 2, 3)])
        data.materials.append(material)
        thing: Any = bpy.data.objects.new(name, data)
        thing.location, thing.rotation_euler, thing.visible_camera = location, turn, False
        scene.collection.objects.link(thing)


def suzanne(scene: Any, bronze: Any, walnut: Any) -> None:
    """Put Suzanne on a plinth."""
    import bmesh
    import bpy
    from mathutils import Matrix

    def thing(name: str, shape: Any, material: Any, levels: int) -> Any:
        data = bpy.data.meshes.new(name)
        shape.to_mesh(data)
        shape.free()
        data.shade_smooth()
        data.materials.append(material)
        found: Any = bpy.data.objects.new(name, data)
        scene.collection.objects.link(found)
        if levels:
            found.modifiers.new("Subdivision", "SUBSURF").render_levels = levels
        return found

    head = bmesh.new()
    bmesh.ops.create_monkey(head, matrix=Matrix.Scale(SIZE, 4))
    suzanne = thing("Suzanne", head, bronze, 2)
    suzanne.location, suzanne.rotation_euler = (*PLACE, PLINTH_HEIGHT + 0.95 * SIZE), TURN
    column = bmesh.new()
    bmesh.ops.create_cone(
        column,
        cap_ends=True,
        segments=64,
        radius1=PLINTH_RADIUS,
        radius2=PLINTH_RADIUS,
        depth=PLINTH_HEIGHT,
        matrix=Matrix.Translation((0, 0, PLINTH_HEIGHT / 2)),
    )
    plinth = thing("Plinth", column, walnut, 0)
    plinth.location = (*PLACE, 0)
    plinth.data.shade_flat()


def composite(scene: Any, mesh: Any) -> None:
    """Have the compositor show of the two scenes what is nearer, pixel by pixel."""
    scene.use_nodes = True
    tree = scene.node_tree
    tree.nodes.clear()

    def node(kind: str, x: float, y: float) -> Any:
        made = tree.nodes.new(f"CompositorNode{kind}")
        made.location = x, y
        return made

    view, figure = node("RLayers", -400, 200), node("RLayers", -400, -200)
    view.scene, figure.scene = scene, mesh
    nearer = node("Zcombine", 0, 100)
    nearer.use_alpha = nearer.use_antialias_z = True
    for index, (layers, socket) in enumerate(((figure, "Image"), (figure, "Depth"), (view, "Image"), (view, "Depth"))):
        tree.links.new(layers.outputs[socket], nearer.inputs[index])
    out = node("Composite", 300, 100)
    tree.links.new(nearer.outputs[0], out.inputs[0])


if __name__ == "__main__":
    main()
