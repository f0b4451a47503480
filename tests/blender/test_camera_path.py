"""Cameras at other frames: as Blender's own frame change gives them, without the user's scene noticing."""

from collections.abc import Callable
from types import ModuleType

import bpy
import numpy as np
import pytest

Scene = Callable[[str], ModuleType]


@pytest.fixture
def recipe(capture, scene_module: Scene):
    scene = bpy.context.scene
    return scene_module("recipes").recipe_of(scene, bpy.context.view_layer, scene.sightline.target)


def expected(scene_module: Scene, frame: int):
    """The target's camera after a real change of the frame."""
    scene = bpy.context.scene
    scene.frame_set(frame)
    camera = scene_module("cameras").target_camera(scene, scene.sightline.target, bpy.context.evaluated_depsgraph_get())
    scene.frame_set(1)
    return camera


def animate(obj: bpy.types.Object) -> None:
    for frame, x in ((1, -0.1), (20, 0.2)):
        obj.location.x = x
        obj.keyframe_insert("location", frame=frame)
        obj.data.lens = 90 + 10 * x
        obj.data.keyframe_insert("lens", frame=frame)


def parented(obj: bpy.types.Object) -> None:
    parent = bpy.data.objects.new("dolly", None)
    bpy.context.scene.collection.objects.link(parent)
    obj.parent = parent
    for frame, angle in ((1, 0.0), (20, 0.4)):
        parent.rotation_euler.y = angle
        parent.keyframe_insert("rotation_euler", frame=frame)


def constrained(obj: bpy.types.Object) -> None:
    curve = bpy.data.curves.new("path", "CURVE")
    curve.dimensions = "3D"
    spline = curve.splines.new("BEZIER")
    spline.bezier_points.add(1)
    spline.bezier_points[1].co = (0.3, 0.1, 0.0)
    rail = bpy.data.objects.new("rail", curve)
    bpy.context.scene.collection.objects.link(rail)
    follow = obj.constraints.new("FOLLOW_PATH")
    follow.target, follow.use_fixed_location = rail, True
    for frame, offset in ((1, 0.0), (20, 1.0)):
        follow.offset_factor = offset
        follow.keyframe_insert("offset_factor", frame=frame)


def driven(obj: bpy.types.Object) -> None:
    driver = obj.driver_add("location", 0).driver
    driver.type, driver.expression = "SCRIPTED", "frame / 100"


@pytest.mark.parametrize("move", [animate, parented, constrained, driven])
def test_cameras_are_those_of_a_real_frame_change(recipe, scene_module: Scene, move: Callable) -> None:
    move(bpy.context.scene.sightline.target)
    bpy.context.scene.frame_set(1)
    wanted = {frame: expected(scene_module, frame) for frame in (1, 7, 20)}
    with scene_module("camera_path").CameraPath(recipe) as path:
        found = {frame: path.camera(frame) for frame in (20, 1, 7)}
    assert not np.allclose(wanted[1].world_to_camera, wanted[20].world_to_camera)
    for frame, camera in wanted.items():
        assert np.allclose(found[frame].world_to_camera, camera.world_to_camera, atol=1e-7)
        assert found[frame].fx == pytest.approx(camera.fx, rel=1e-7)


def test_nobody_notices(recipe, scene_module: Scene) -> None:
    target = bpy.context.scene.sightline.target
    animate(target)
    scene = bpy.context.scene
    scene.frame_set(5)

    def data() -> set[bpy.types.ID]:
        return {*bpy.data.scenes, *bpy.data.collections, *bpy.data.objects}

    before = target.matrix_world.copy(), target.data.lens, data(), target.users
    with scene_module("camera_path").CameraPath(recipe) as path:
        path.at(20)
    after = target.matrix_world.copy(), target.data.lens, data(), target.users
    assert before == after and scene.frame_current == 5 and bpy.context.scene == scene


def test_it_goes_even_when_something_fails(recipe, scene_module: Scene) -> None:
    with pytest.raises(ZeroDivisionError), scene_module("camera_path").CameraPath(recipe):
        raise ZeroDivisionError
    assert len(bpy.data.scenes) == 1


def test_cameras_that_a_view_layer_leaves_out_are_read(recipe, scene_module: Scene) -> None:
    scene = bpy.context.scene
    animate(scene.sightline.target)
    scene.frame_set(1)
    wanted = expected(scene_module, 20)
    hidden = bpy.data.collections.new("hidden")
    scene.collection.children.link(hidden)
    hidden.objects.link(scene.sightline.target)
    scene.collection.objects.unlink(scene.sightline.target)
    bpy.context.view_layer.layer_collection.children["hidden"].exclude = True
    with scene_module("camera_path").CameraPath(recipe) as path:
        assert np.allclose(path.camera(20).world_to_camera, wanted.world_to_camera, atol=1e-7)


@pytest.mark.parametrize("hide", ["object", "collection"])
def test_cameras_that_are_hidden_are_read(recipe, scene_module: Scene, hide: str) -> None:
    scene = bpy.context.scene
    capture, source = scene.sightline.capture, scene.sightline.capture.objects["view_1"]
    animate(source)
    scene.frame_set(20)
    wanted = source.matrix_world.translation.copy()
    scene.frame_set(1)
    parented(scene.sightline.target)
    target = expected(scene_module, 20)
    scene.sightline.target.hide_viewport = True
    for hidden in (source, scene.sightline.target.parent) if hide == "object" else (capture,):
        hidden.hide_viewport = True
    gathering, job = scene_module("gathering"), scene_module("job")
    with scene_module("camera_path").CameraPath(recipe) as path:
        assert np.allclose(path.camera(20).world_to_camera, target.world_to_camera, atol=1e-6)
        read = job.at_once(gathering.read_sources(recipe.stage, recipe.capture, 20, path.graph))
    assert np.allclose({one.name: one.position for one in read}["view_1"], wanted, atol=1e-6)


def test_keys_are_those_of_the_frame_itself(recipe, scene_module: Scene) -> None:
    """A picture made ahead of time is found again when its frame comes."""
    requests, job = scene_module("requests"), scene_module("job")
    animate(bpy.context.scene.sightline.target)
    with scene_module("camera_path").CameraPath(recipe) as path:
        camera = path.camera(13)
        ahead = job.at_once(requests.picture_request(recipe, camera, 13, path.graph, {}))
    bpy.context.scene.frame_set(13)
    camera = scene_module("gathering").read_target(recipe.stage)
    graph = bpy.context.evaluated_depsgraph_get
    assert job.at_once(requests.picture_request(recipe, camera, 13, graph, {})).key == ahead.key
