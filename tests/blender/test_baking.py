"""``bake``: what a Blender without Sightline renders of the copy, elsewhere, is what Sightline renders of the file."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

from tests.blender.camera_move import animate, files, place
from tests.blender.gaussian_clouds import module, random_cloud
from tests.made_up import write_png

SESSION = Path(__file__).with_name("stock_session.py")
EXAMPLE = Path(__file__).parents[2] / "examples" / "mesh_in_scene" / "mesh_in_scene.blend"

Command = Callable[..., tuple[int, str, str]]

# Of 16 bits: pictures are kept as half floats.
NEARLY = 1e-3


def pixels(path: Path) -> np.ndarray:
    """H x W x 4 as the file has them."""
    image = bpy.data.images.load(str(path), check_existing=False)
    image.colorspace_settings.name, image.alpha_mode = "Non-Color", "CHANNEL_PACKED"
    values = np.empty(image.size[0] * image.size[1] * 4, np.float32)
    image.pixels.foreach_get(values)
    bpy.data.images.remove(image)
    return values


def rendered(scene: bpy.types.Scene, folder: Path, *frames: int) -> dict[int, np.ndarray]:
    """What this Blender renders, with Sightline."""
    bpy.context.window.scene = scene
    scene.render.image_settings.file_format, scene.render.image_settings.color_depth = "PNG", "16"
    scene.render.dither_intensity = 0
    found = {}
    for frame in frames:
        scene.frame_set(frame)
        scene.render.filepath = str(folder / f"sightline {frame}.png")
        bpy.ops.render.render(write_still=True, scene=scene.name)
        found[frame] = pixels(folder / f"sightline {frame}.png")
    return found


@pytest.fixture
def stock(tmp_path: Path) -> Callable[..., dict[int, np.ndarray]]:
    """What a Blender without Sightline renders of the copy, which lies elsewhere by then; checks what it needs."""

    def made(scene: str, *frames: int, name: str = "move.blend") -> dict[int, np.ndarray]:
        (tmp_path / "sent").mkdir()
        sent = (tmp_path / "baked").rename(tmp_path / "sent" / "away")
        out = tmp_path / "stock"
        out.mkdir()
        environment = os.environ | {"BLENDER_USER_RESOURCES": str(tmp_path / "nobody")}
        command = [sys.executable, str(SESSION), str(sent / name), str(out), scene, *map(str, frames)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "rror" not in done.stderr + done.stdout, done.stderr + done.stdout
        told = json.loads((out / "told.json").read_text())
        assert told["engine"] == "CYCLES"
        # Tools name brushes of Blender's own, which are no part of a file.
        relative, absolute = (
            [path for path in told[kind] if "essentials_brushes" not in path] for kind in ("relative", "paths")
        )
        assert all(path.startswith("//") and ".." not in path for path in relative)
        assert all(Path(path).is_relative_to(sent) and Path(path).exists() for path in absolute)
        return {frame: pixels(out / f"{frame}.png") for frame in frames}

    return made


@pytest.fixture
def bake(command: Command, tmp_path: Path) -> Command:
    def done(*options: object, name: str = "move.blend") -> tuple[int, str, str]:
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / name))
        return command("bake", tmp_path / name, "--output", tmp_path / "baked", *options)

    return done


@pytest.fixture
def sightline(capture: bpy.types.Collection) -> bpy.types.Scene:
    """A scene that Sightline renders, its camera moving over four frames."""
    animate()
    scene = bpy.context.scene
    scene.camera = scene.sightline.target
    scene.render.engine = "SIGHTLINE"
    scene.view_settings.view_transform = "Standard"
    return scene


def assert_same(stock: dict[int, np.ndarray], wanted: dict[int, np.ndarray], most: float = NEARLY) -> None:
    assert stock.keys() == wanted.keys()
    for frame, picture in stock.items():
        assert np.abs(picture - wanted[frame]).max() <= most, frame
        assert picture.reshape(-1, 4)[:, :3].std() > 0.05


@pytest.mark.parametrize("transparent", [False, True])
def test_a_scene_alone(sightline: bpy.types.Scene, bake: Command, stock: Callable, tmp_path: Path, transparent) -> None:
    """At the edges of these pictures nothing was photographed: the world shows there."""
    place(sightline.camera, 4, 0.9)
    sightline.render.film_transparent = transparent
    sightline.world.node_tree.nodes["Background"].inputs[0].default_value = (0.1, 0.7, 0.2, 1)
    wanted = rendered(sightline, tmp_path, 1, 4)
    if transparent:
        assert wanted[4].reshape(-1, 4)[:, 3].min() < 0.5
    status, out, err = bake()
    assert (status, err) == (0, ""), err
    assert out.endswith(f"Saved: '{tmp_path / 'baked' / 'move.blend'}'\n")
    assert files(tmp_path / "baked" / "pictures") == [f"Scene.{frame:04d}.exr" for frame in (1, 2, 3, 4)]
    assert files(tmp_path / "baked") == ["move.blend", "pictures"]
    assert_same(stock("Scene", 1, 4), wanted)


def test_a_mesh_in_a_synthesized_scene(blank: None, bake: Command, stock: Callable, tmp_path: Path) -> None:
    """The example: two scenes, one of Cycles, combined by depth in the compositor."""
    bpy.ops.wm.open_mainfile(filepath=str(EXAMPLE))
    bpy.ops.file.make_paths_absolute()
    for scene in bpy.data.scenes:
        scene.render.resolution_percentage = 15
        scene.cycles.samples = 4
    scene = bpy.data.scenes["Still Life"]
    scene.sightline.method = "plane-sweep"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "elsewhere.blend"))
    wanted = rendered(scene, tmp_path, 12)
    status, _, err = bake("--frames", "12", name="mesh.blend")
    assert (status, err) == (0, ""), err
    assert not bpy.data.images.keys() or all(image.source == "SEQUENCE" for image in bpy.data.images)
    found = stock("Still Life", 12, name="mesh.blend")
    assert_same(found, wanted)
    alone = rendered_alone(tmp_path)
    assert np.abs(found[12] - alone).max() > 0.2  # the mesh is there


def rendered_alone(folder: Path) -> np.ndarray:
    """What Sightline renders without the compositor."""
    bpy.ops.wm.open_mainfile(filepath=str(folder / "elsewhere.blend"))
    scene = bpy.data.scenes["Still Life"]
    scene.render.use_compositing = False
    return rendered(scene, folder, 12)[12]


def test_another_scene_that_composites_colours_and_alpha(
    sightline: bpy.types.Scene, bake: Command, stock: Callable, tmp_path: Path
) -> None:
    """Frames are those of the scene that composites; from Blender 5.0 on, its nodes may be inside a group."""
    own: Any = bpy.data.scenes.new("Own")
    own.camera, own.render.engine = sightline.camera, "CYCLES"
    own.view_settings.view_transform = "Standard"
    own.render.resolution_x, own.render.resolution_y = 96, 72
    own.frame_start = own.frame_end = 3
    sightline.frame_end = 1
    if hasattr(own, "compositing_node_group"):
        tree: Any = bpy.data.node_groups.new("Own", "CompositorNodeTree")
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        own.compositing_node_group, out = tree, tree.nodes.new("NodeGroupOutput")
    else:
        own.use_nodes = True
        tree = own.node_tree
        tree.nodes.clear()
        out = tree.nodes.new("CompositorNodeComposite")
    layers = tree.nodes.new("CompositorNodeRLayers")
    layers.scene = sightline
    split, joined = (tree.nodes.new(f"CompositorNode{kind}Color") for kind in ("Separate", "Combine"))
    tree.links.new(layers.outputs["Image"], split.inputs[0])
    for index in (0, 1):
        tree.links.new(split.outputs[index], joined.inputs[1 - index])
    tree.links.new(layers.outputs["Alpha"], joined.inputs[2])
    tree.links.new(joined.outputs[0], out.inputs[0])
    if hasattr(own, "compositing_node_group"):
        outside: Any = bpy.data.node_groups.new("Outside", "CompositorNodeTree")
        outside.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        inside = outside.nodes.new("CompositorNodeGroup")
        inside.node_tree = tree
        outside.links.new(inside.outputs[0], outside.nodes.new("NodeGroupOutput").inputs[0])
        own.compositing_node_group = outside
    wanted = rendered(own, tmp_path, 3)
    status, _, err = bake()
    assert (status, err) == (0, ""), err
    assert files(tmp_path / "baked" / "pictures") == ["Scene.0001.exr", "Scene.0003.exr"]
    assert_same(stock("Own", 3), wanted)


def test_it_goes_on_and_leaves_no_copy_of_half(sightline: bpy.types.Scene, bake: Command, tmp_path: Path) -> None:
    assert bake("--frames", "1-2")[0] == 0
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "baked" / "pictures").iterdir()}
    (tmp_path / "baked" / "move.blend").unlink()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "move.blend"))
    picture = tmp_path / "baked" / "pictures" / "Scene.0003.exr"
    picture.write_text("somebody's")
    status, _, err = bake("--frames", "1-3")
    assert status == 1 and f"'{picture}' was not made by Sightline" in err
    assert not (tmp_path / "baked" / "move.blend").exists()
    picture.unlink()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "move.blend"))
    status, out, _ = bake("--frames", "1-3")
    assert status == 0 and out.count("there already") == 2 and (tmp_path / "baked" / "move.blend").exists()
    assert all((tmp_path / "baked" / "pictures" / name).stat().st_mtime_ns == time for name, time in before.items())


def test_each_frame_has_the_camera_of_its_marker(sightline: bpy.types.Scene, scene_module: Callable) -> None:
    (take,) = scene_module("baked_pictures").takes(None)
    assert take.cameras() == {sightline.camera: [1, 2, 3, 4]}
    for frame, name in ((3, "view_1"), (2, "view_3")):
        sightline.timeline_markers.new(name, frame=frame).camera = bpy.data.objects[name]
    cameras = {camera.name: frames for camera, frames in take.cameras().items()}
    assert cameras == {"view_3": [1, 2], "view_1": [3, 4]}
    for frame in (1, 2, 3, 4):  # as Blender itself switches
        sightline.frame_set(frame)
        assert frame in cameras[sightline.camera.name]


@pytest.mark.skipif(bpy.app.version < (4, 5, 0), reason="has no node that reads files")
def test_gaussians_follow_the_frame(
    extension: str, blank: None, bake: Command, stock: Callable, tmp_path: Path
) -> None:
    """A sequence with a gap and a still cloud beside a textured plane, as Cycles renders them."""
    write = module(extension, "inference.gaussian_ply").write_gaussians
    for frame in (2, 3, 5):
        write(tmp_path / f"walk.{frame:04d}.ply", random_cloud(extension, 6 * frame, 4, frame))
    write(tmp_path / "still.ply", random_cloud(extension, 12, 1, 9))
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    bpy.ops.sightline.import_gaussians(filepath=str(tmp_path / "still.ply"))
    bpy.context.active_object.location = (3, 0, 0)
    bpy.ops.sightline.import_gaussians(filepath=str(tmp_path / "walk.0002.ply"), sequence=True)
    walk = bpy.context.active_object
    walk.location, walk.rotation_euler, walk.scale = (-1, 0, 0), (0.3, 0.2, 0.1), (1, 1, 1.4)
    add_textured_plane(tmp_path)
    scene = bpy.context.scene
    scene.camera.location, scene.camera.rotation_euler = (1, 0, 16), (0, 0, 0)
    scene.render.engine, scene.cycles.samples, scene.cycles.device = "CYCLES", 4, "CPU"
    scene.cycles.use_denoising = False
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 64, 48, 100
    scene.frame_start, scene.frame_end = 1, 6
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "move.blend"))
    wanted = rendered(scene, tmp_path, 1, 3, 4, 5)
    status, out, err = bake()
    assert (status, err) == (0, ""), err
    assert "rror" not in out
    assert files(tmp_path / "baked" / "gaussians") == [f"walk.{frame}.ply" for frame in (2, 3, 5)]
    found = stock("Scene", 1, 3, 4, 5)
    assert_same(found, wanted, 1e-2)
    assert np.abs(found[3] - found[4]).max() == 0 and np.abs(found[3] - found[5]).max() > 0.2
    assert np.abs(found[1] - found[3]).max() > 0.2


def add_textured_plane(folder: Path) -> None:
    """Behind the Gaussians, with a picture that only the file's folder has."""
    write_png(folder / "texture.png", np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8))
    bpy.ops.mesh.primitive_plane_add(size=12, location=(0, 0, -3))
    material = bpy.data.materials.new("Textured")
    material.use_nodes = True
    nodes = material.node_tree.nodes
    nodes.clear()
    texture, emission, out = (nodes.new(f"ShaderNode{kind}") for kind in ("TexImage", "Emission", "OutputMaterial"))
    texture.image = bpy.data.images.load(str(folder / "texture.png"))
    material.node_tree.links.new(texture.outputs[0], emission.inputs[0])
    material.node_tree.links.new(emission.outputs[0], out.inputs[0])
    bpy.context.active_object.data.materials.append(material)


def test_what_cannot_be_baked(sightline: bpy.types.Scene, command: Command, tmp_path: Path) -> None:
    sightline.camera = None
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "move.blend"))
    status, _, err = command("bake", tmp_path / "move.blend", "--output", tmp_path)
    assert (
        status == 1 and f"The copy of move.blend would take its place; choose another folder than '{tmp_path}'." in err
    )
    status, _, err = command("bake", tmp_path / "move.blend", "--output", tmp_path / "baked")
    assert status == 1 and "The scene 'Scene' renders with Sightline and has no camera; add one." in err
    assert command("bake", tmp_path / "move.blend")[0] == 2
    status, _, err = command("bake", tmp_path / "move.blend", "--output", tmp_path / "baked", "--frames=-3-2")
    assert status == 1 and "Frames below 0 cannot be baked" in err


def test_older_blenders_say_that_they_cannot_show_sequences(
    extension: str, blank: None, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = random_cloud(extension, 5, 1, 0)
    module(extension, "inference.gaussian_ply").write_gaussians(tmp_path / "walk.0001.ply", cloud)
    bpy.ops.sightline.import_gaussians(filepath=str(tmp_path / "walk.0001.ply"), sequence=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "move.blend"))
    monkeypatch.setattr(module(extension, "scene.baked_gaussians"), "_IMPORTS_FILES", (99, 0, 0))
    status, _, err = command("bake", tmp_path / "move.blend", "--output", tmp_path / "baked")
    assert status == 1 and "The Gaussians of 'walk' follow the frame, which this Blender cannot do from files" in err
