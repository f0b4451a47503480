"""Aligning a capture: everything that hangs on it follows, and pictures stay what they were."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import bpy
import numpy as np
import pytest
from mathutils import Matrix

Scene = Callable[[str], ModuleType]
ROOT = Path(__file__).resolve().parents[2]
STILL_LIFE = ROOT / "examples" / "still_life" / "transforms.json"

# The example was modelled with z up.
GROUND = -0.2
WRONG = Matrix.Translation((3, -1, 2)) @ Matrix.Rotation(2.2, 4, (0.3, 0.8, -0.5)) @ Matrix.Scale(0.4, 4)


@pytest.fixture
def settings(blank: None, scene_module: Scene, tmp_path: Path) -> Iterator:
    """The still life, imported, with a target and points; all of it put wrong."""
    scene = bpy.context.scene
    scene.sightline.output_folder = str(tmp_path)
    bpy.ops.sightline.import_capture(filepath=str(STILL_LIFE))
    bpy.ops.sightline.add_target()
    root = scene_module("hanging").root_of(scene.sightline.capture)
    assert root.name == "still_life"
    add_points(scene.sightline.capture, root)
    root.matrix_world = WRONG @ root.matrix_world
    bpy.context.view_layer.update()
    return scene.sightline


def add_points(collection: bpy.types.Collection, root: bpy.types.Object) -> None:
    """Give a capture points, as a calibration would have: 200 of a plane below the cameras, 100 above it."""
    random = np.random.default_rng(1)
    plane = np.c_[random.uniform(-0.5, 0.5, (200, 2)), np.full(200, GROUND)]
    above = np.c_[random.uniform(-0.3, 0.3, (100, 2)), random.uniform(GROUND, GROUND + 0.4, 100)]
    mesh = bpy.data.meshes.new("points")
    mesh.from_pydata(np.concatenate([plane, above]).tolist(), [], [])
    obj = bpy.data.objects.new("points", mesh)
    obj.parent, obj.hide_select = root, True
    collection.objects.link(obj)
    collection.sightline.points = obj


def places() -> dict[str, Matrix]:
    return {obj.name: obj.matrix_world.copy() for obj in bpy.data.objects if obj.type == "CAMERA"}


def pick(settings, *indices: int) -> list[np.ndarray]:
    """Click points of the capture, one after another; return where they are."""
    bpy.ops.sightline.pick_points()
    import bmesh

    obj = bpy.context.edit_object
    assert obj == settings.capture.sightline.points
    mesh = bmesh.from_edit_mesh(obj.data)
    mesh.verts.ensure_lookup_table()
    for index in indices:
        mesh.verts[index].select = True
        mesh.select_history.add(mesh.verts[index])
    bmesh.update_edit_mesh(obj.data)
    return [np.array(obj.matrix_world @ mesh.verts[index].co) for index in indices]


def point(settings, index: int) -> np.ndarray:
    obj = settings.capture.sightline.points
    return np.array(obj.matrix_world @ obj.data.vertices[index].co)


def test_the_still_life_stands_upright_on_its_table_again(settings) -> None:
    before = places()
    assert bpy.ops.sightline.align_capture(way="UPRIGHT") == {"FINISHED"}
    assert bpy.ops.sightline.align_capture(way="GROUND") == {"FINISHED"}
    after = places()
    moved = [after[name] @ before[name].inverted() for name in after if name.startswith(("view", "Target"))]
    assert len(moved) == 15
    assert all(np.allclose(one, moved[0], atol=1e-4) for one in moved), "cameras and target moved as one"
    up = (moved[0] @ WRONG).to_3x3().normalized().col[2]
    assert up.angle((0, 0, 1)) < np.radians(0.1)
    heights = np.array([point(settings, index)[2] for index in range(200)])
    assert np.abs(heights).max() < 1e-4
    assert point(settings, 250)[2] > 0


def test_three_points_are_taken_in_the_order_of_the_clicks(settings) -> None:
    pick(settings, 40, 7, 100)
    assert bpy.ops.sightline.align_capture(way="POINTS") == {"FINISHED"}
    assert bpy.context.mode == "OBJECT"
    origin, along, aside = (point(settings, index) for index in (40, 7, 100))
    assert np.allclose(origin, 0, atol=1e-5)
    assert along[0] > 0 and np.allclose(along[1:], 0, atol=1e-5)
    assert abs(aside[2]) < 1e-5 and aside[1] > 0


def test_a_known_distance_scales_depths_too(settings, scene_module: Scene) -> None:
    recipes, job = scene_module("recipes"), scene_module("job")
    scene = bpy.context.scene
    known = settings.capture.sightline
    first, second = pick(settings, 3, 90)
    near, distance = known.depth_near, float(np.linalg.norm(first - second))
    assert bpy.ops.sightline.align_capture(way="DISTANCE", distance=3 * distance) == {"FINISHED"}
    assert np.isclose(np.linalg.norm(point(settings, 3) - point(settings, 90)), 3 * distance, rtol=1e-5)
    assert np.isclose(known.depth_near, 3 * near)

    def ask(*_asked):
        raise AssertionError("the depth range is known")
        yield

    recipe = recipes.recipe_of(scene, bpy.context.view_layer, settings.target)
    known.depth_extent *= WRONG.to_scale()[0]  # putting it wrong by hand is no way of ours
    settled = job.at_once(recipes.settled(recipe, 1, bpy.context.evaluated_depsgraph_get, ask))
    assert np.isclose(settled.depth[0], 3 * near)


def test_the_picture_stays_the_same(settings, scene_module: Scene) -> None:
    """Cameras relative to each other are what they were, so requests differ by the scale of the scene alone."""
    cameras = scene_module("cameras")
    graph = bpy.context.evaluated_depsgraph_get()

    def relative() -> np.ndarray:
        source, target = (
            cameras.camera_of(bpy.data.objects[name], graph, 640, 480) for name in ("view_03", settings.target.name)
        )
        return source.world_to_camera @ target.camera_to_world

    before = relative()
    bpy.ops.sightline.align_capture(way="UPRIGHT")
    pick(settings, 1, 2, 3)
    bpy.ops.sightline.align_capture(way="POINTS")
    graph = bpy.context.evaluated_depsgraph_get()
    assert np.allclose(relative(), before, atol=1e-5)


def test_markers_move_along(settings) -> None:
    for place in ((0, 0, 0), (1, 0, 0), (0, 2, 1)):
        bpy.context.scene.cursor.location = place
        bpy.ops.sightline.add_marker()
    assert bpy.ops.sightline.align_capture(way="POINTS") == {"FINISHED"}
    markers = [np.array(bpy.data.objects[f"Marker {number}"].matrix_world.translation) for number in (1, 2, 3)]
    assert np.allclose(markers, [[0, 0, 0], [1, 0, 0], [0, np.sqrt(5), 0]], atol=1e-5)


def test_a_collection_of_somebodys_cameras_gets_an_empty(capture, scene_module: Scene) -> None:
    hanging = scene_module("hanging")
    assert hanging.root_of(capture) is None
    before = places()
    assert bpy.ops.sightline.align_capture(way="UPRIGHT") == {"FINISHED"}
    root = hanging.root_of(capture)
    assert root is not None and root.type == "EMPTY"
    moved = [places()[f"view_{index}"] @ before[f"view_{index}"].inverted() for index in range(5)]
    assert all(np.allclose(one, root.matrix_world, atol=1e-5) for one in moved)


@pytest.mark.parametrize(
    ("way", "indices", "words"),
    [
        ("POINTS", (1, 2), "2 points are picked; pick 3"),
        ("DISTANCE", (1, 2, 3), "3 points are picked; pick 2"),
        ("GROUND", (1, 2), "pick three or more of the ground"),
    ],
)
def test_too_few_points_are_said(settings, way: str, indices: tuple[int, ...], words: str) -> None:
    pick(settings, *indices)
    before = places()
    with pytest.raises(RuntimeError, match=words):
        bpy.ops.sightline.align_capture(way=way)
    assert all(np.allclose(before[name], matrix) for name, matrix in places().items())


def test_without_a_capture_that_is_said(blank: None) -> None:
    for call in (lambda: bpy.ops.sightline.align_capture(way="UPRIGHT"), bpy.ops.sightline.add_marker):
        with pytest.raises(RuntimeError, match="no capture"):
            call()
