"""Blender's own projection is the judge of scene/cameras.py."""

import importlib
from types import ModuleType

import bpy
import numpy as np
import pytest
from mathutils import Matrix

PIXEL = 0.01


def projection(obj: bpy.types.Object, depsgraph: bpy.types.Depsgraph, points: np.ndarray) -> np.ndarray:
    """Pixels (N, 2) of scene points by Blender's window and view matrices, pixel edges at 0..W, y down."""
    render = bpy.context.scene.render
    width = render.resolution_x * render.resolution_percentage // 100
    height = render.resolution_y * render.resolution_percentage // 100
    evaluated = obj.evaluated_get(depsgraph)
    window = evaluated.calc_matrix_camera(
        depsgraph, x=width, y=height, scale_x=render.pixel_aspect_x, scale_y=render.pixel_aspect_y
    )
    pose = np.array(evaluated.matrix_world, dtype=np.float64)
    pose[:3, :3] /= np.linalg.norm(pose[:3, :3], axis=0)  # Blender renders without the camera's scale
    clip = np.concatenate([points, np.ones((len(points), 1))], axis=1) @ (np.array(window) @ np.linalg.inv(pose)).T
    ndc = clip[:, :2] / clip[:, 3:]
    return np.stack([(ndc[:, 0] + 1) / 2 * width, (1 - ndc[:, 1]) / 2 * height], axis=1)


def points_in_front(camera: object, rng: np.random.Generator, count: int = 40) -> np.ndarray:
    pixels = rng.uniform(0, 1, (count, 2)) * (camera.width, camera.height)  # type: ignore[attr-defined]
    return camera.unproject(pixels, rng.uniform(2, 50, count))  # type: ignore[attr-defined]


def rotation(rng: np.random.Generator) -> np.ndarray:
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    q *= np.sign(np.diag(r))
    return q if np.linalg.det(q) > 0 else -q


def pose(rng: np.random.Generator) -> Matrix:
    matrix = np.eye(4)
    matrix[:3, :3] = rotation(rng)
    matrix[:3, 3] = rng.uniform(-10, 10, 3)
    return Matrix(matrix.tolist())


def random_camera(rng: np.random.Generator) -> bpy.types.Object:
    """A camera and render settings with everything that moves a pixel."""
    data = bpy.data.cameras.new("random")
    obj = bpy.data.objects.new("random", data)
    bpy.context.scene.collection.objects.link(obj)
    data.sensor_fit = str(rng.choice(["AUTO", "HORIZONTAL", "VERTICAL"]))
    data.sensor_width, data.sensor_height = rng.uniform(5, 60, 2)
    data.lens = rng.uniform(8, 200)
    data.shift_x, data.shift_y = rng.uniform(-0.7, 0.7, 2)
    render = bpy.context.scene.render
    render.resolution_x, render.resolution_y = (int(v) for v in rng.integers(40, 4000, 2))
    render.resolution_percentage = int(rng.choice([100, 50, 33, 71, 150]))
    aspect = rng.choice([0, 1, 2])
    render.pixel_aspect_x = 1.0 if aspect != 1 else rng.uniform(1, 2.5)
    render.pixel_aspect_y = 1.0 if aspect != 2 else rng.uniform(1, 2.5)
    obj.matrix_world = pose(rng)
    obj.scale = rng.uniform(0.2, 5, 3)

    kind = rng.choice(["free", "parent", "uneven parent", "constraint", "animated", "driven"])
    if kind == "parent":
        parent = bpy.data.objects.new("parent", None)
        bpy.context.scene.collection.objects.link(parent)
        parent.matrix_world = pose(rng)
        parent.scale = [rng.uniform(0.3, 3)] * 3
        obj.parent = parent
    elif kind == "uneven parent":  # turned by right angles against its parent: scaled unevenly, not sheared
        parent = bpy.data.objects.new("parent", None)
        bpy.context.scene.collection.objects.link(parent)
        parent.matrix_world = pose(rng)
        parent.scale = rng.uniform(0.3, 3, 3)
        obj.parent = parent
        obj.rotation_euler = [float(v) * np.pi / 2 for v in rng.integers(0, 4, 3)]
    elif kind == "constraint":
        goal = bpy.data.objects.new("goal", None)
        bpy.context.scene.collection.objects.link(goal)
        goal.location = rng.uniform(-5, 5, 3)
        obj.scale = (1, 1, 1)
        track = obj.constraints.new("TRACK_TO")
        track.target, track.track_axis, track.up_axis = goal, "TRACK_NEGATIVE_Z", "UP_Y"
    elif kind == "animated":
        data.keyframe_insert("lens", frame=1)
        obj.keyframe_insert("location", frame=1)
        data.lens = rng.uniform(8, 200)
        obj.location = rng.uniform(-10, 10, 3)
        data.keyframe_insert("lens", frame=100)
        obj.keyframe_insert("location", frame=100)
        bpy.context.scene.frame_set(int(rng.integers(2, 99)))
    elif kind == "driven":
        data.driver_add("shift_x").driver.expression = f"{rng.uniform(-0.5, 0.5)}"
    return obj


@pytest.mark.parametrize("seed", range(8))
def test_random_cameras_agree_with_blender(cameras: ModuleType, seed: int) -> None:
    rng = np.random.default_rng(seed)
    worst = 0.0
    for _ in range(50):
        obj = random_camera(rng)
        depsgraph = bpy.context.evaluated_depsgraph_get()
        camera = cameras.target_camera(bpy.context.scene, obj, depsgraph)
        points = points_in_front(camera, rng)
        ours, depth = camera.project(points)
        assert (depth > 0).all()
        worst = max(worst, float(np.abs(ours - projection(obj, depsgraph, points)).max()))
        bpy.data.objects.remove(obj)
    assert worst <= PIXEL


@pytest.mark.parametrize("seed", range(4))
def test_round_trip_through_blender(cameras: ModuleType, seed: int) -> None:
    rng = np.random.default_rng(100 + seed)
    camera_module = importlib.import_module(cameras.Camera.__module__)
    scene = bpy.context.scene
    worst = 0.0
    for index in range(50):
        width, height = (int(v) for v in rng.integers(32, 4000, 2))
        fx = width * rng.uniform(0.3, 2)
        fy = fx if index % 2 else fx * rng.uniform(0.5, 2)
        world_to_camera = np.eye(4)
        world_to_camera[:3, :3] = rotation(rng)
        world_to_camera[:3, 3] = rng.uniform(-10, 10, 3)
        camera = camera_module.Camera(
            width, height, fx, fy, width * rng.uniform(0.2, 0.8), height * rng.uniform(0.2, 0.8), world_to_camera
        )
        obj = bpy.data.objects.new("trip", bpy.data.cameras.new("trip"))
        scene.collection.objects.link(obj)
        if index % 3 == 0:
            obj.parent = bpy.data.objects.new("parent", None)
            scene.collection.objects.link(obj.parent)
            obj.parent.matrix_world = pose(rng)
            obj.parent.scale = [rng.uniform(0.3, 3)] * 3
            bpy.context.view_layer.update()
        aspect = cameras.pixel_aspect_for(camera)
        cameras.apply_camera(camera, obj, aspect)
        scene.render.resolution_x, scene.render.resolution_y = width, height
        scene.render.resolution_percentage = 100
        scene.render.pixel_aspect_x, scene.render.pixel_aspect_y = aspect
        back = cameras.target_camera(scene, obj, bpy.context.evaluated_depsgraph_get())
        points = points_in_front(camera, rng)
        worst = max(worst, float(np.abs(camera.project(points)[0] - back.project(points)[0]).max()))
        bpy.data.objects.remove(obj)
    assert worst <= PIXEL


def test_source_camera_ignores_the_render_settings(cameras: ModuleType) -> None:
    obj = bpy.context.scene.camera
    depsgraph = bpy.context.evaluated_depsgraph_get()
    before = cameras.source_camera(obj, depsgraph, 600, 900)
    render = bpy.context.scene.render
    render.resolution_x, render.pixel_aspect_y, render.resolution_percentage = 333, 1.7, 25
    after = cameras.source_camera(obj, bpy.context.evaluated_depsgraph_get(), 600, 900)
    assert after.to_json() == before.to_json()
    assert (after.width, after.height) == (600, 900) and after.fx == after.fy


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda obj: setattr(obj.data, "type", "ORTHO"), "orthographic"),
        (lambda obj: setattr(obj.data, "type", "PANO"), "panoramic"),
        (lambda obj: setattr(obj, "scale", (-1, 1, 1)), "mirrored"),
        (lambda obj: setattr(obj, "scale", (0, 1, 1)), "zero or not finite"),
        (lambda obj: setattr(obj, "delta_location", (float("nan"), 0, 0)), "not finite"),
    ],
)
def test_refuses_what_is_no_pinhole_camera(cameras: ModuleType, change: object, words: str) -> None:
    obj = bpy.context.scene.camera
    change(obj)  # type: ignore[operator]
    with pytest.raises(cameras.CameraError, match=words) as caught:
        cameras.target_camera(bpy.context.scene, obj, bpy.context.evaluated_depsgraph_get())
    assert obj.name in str(caught.value)


def test_refuses_shear_and_accepts_two_negative_axes(cameras: ModuleType) -> None:
    obj, scene = bpy.context.scene.camera, bpy.context.scene
    obj.scale = (-1, -1, 1)  # a half turn, not a mirror
    bpy.context.view_layer.update()
    cameras.target_camera(scene, obj, bpy.context.evaluated_depsgraph_get())
    obj.scale = (1, 1, 1)
    parent = bpy.data.objects.new("parent", None)
    scene.collection.objects.link(parent)
    parent.scale = (1, 3, 1)
    obj.parent = parent
    with pytest.raises(cameras.CameraError, match="sheared"):
        cameras.target_camera(scene, obj, bpy.context.evaluated_depsgraph_get())


def test_refuses_other_objects(cameras: ModuleType) -> None:
    with pytest.raises(cameras.CameraError, match="'Cube' is not a camera"):
        cameras.source_camera(bpy.data.objects["Cube"], bpy.context.evaluated_depsgraph_get(), 10, 10)


def test_apply_refuses_what_blender_cannot_express(cameras: ModuleType) -> None:
    camera_module = importlib.import_module(cameras.Camera.__module__)
    obj = bpy.context.scene.camera
    oblong = camera_module.Camera(100, 80, 90, 120, 50, 40, np.eye(4))
    with pytest.raises(cameras.CameraError, match="pixel aspect"):
        cameras.apply_camera(oblong, obj)
    lens = camera_module.Distortion("opencv", (0.1,))
    with pytest.raises(cameras.CameraError, match="distortion"):
        cameras.apply_camera(camera_module.Camera(100, 80, 90, 90, 50, 40, np.eye(4), lens), obj)
    extreme = camera_module.Camera(100, 80, 1, 300, 50, 40, np.eye(4))
    with pytest.raises(cameras.CameraError, match="1:200"):
        cameras.apply_camera(extreme, obj, cameras.pixel_aspect_for(extreme))


def test_a_very_wide_lens_enlarges_the_sensor(cameras: ModuleType) -> None:
    camera_module = importlib.import_module(cameras.Camera.__module__)
    camera = camera_module.Camera(1000, 80, 9, 9, 500, 40, np.eye(4))
    obj = bpy.context.scene.camera
    cameras.apply_camera(camera, obj)
    back = cameras.source_camera(obj, bpy.context.evaluated_depsgraph_get(), 1000, 80)
    assert back.fx == pytest.approx(9, rel=1e-6)


@pytest.mark.parametrize("fit", ["AUTO", "HORIZONTAL", "VERTICAL"])
def test_rendered_points_lie_where_projected(cameras: ModuleType, fit: str, tmp_path: object) -> None:
    """Small spheres, really rendered: the centroid of each lies where the camera says (to what pixels can tell)."""
    scene = bpy.context.scene
    obj = scene.camera
    obj.location, obj.rotation_euler = (0, 0, 0), (0.2, -0.1, 0.3)
    obj.data.sensor_fit, obj.data.lens = fit, 30
    obj.data.shift_x, obj.data.shift_y = 0.08, -0.06
    render = scene.render
    render.engine = "BLENDER_WORKBENCH"
    render.resolution_x, render.resolution_y, render.resolution_percentage = 150, 220, 80
    render.pixel_aspect_x, render.pixel_aspect_y = 1.0, 1.25
    render.film_transparent = True
    render.image_settings.file_format, render.image_settings.color_mode = "PNG", "RGBA"
    scene.display.render_aa = "16"
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    camera = cameras.target_camera(scene, obj, bpy.context.evaluated_depsgraph_get())
    points = camera.unproject(np.array([[30.0, 40.0], [90.0, 60.0], [60.0, 140.0]]), np.full(3, 10.0))
    for point in points:
        bpy.ops.mesh.primitive_uv_sphere_add(radius=0.25, location=point)
    render.filepath = f"{tmp_path}/points.png"
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(render.filepath)
    alpha = np.empty(camera.width * camera.height * 4, dtype=np.float32)
    image.pixels.foreach_get(alpha)
    alpha = alpha.reshape(camera.height, camera.width, 4)[::-1, :, 3]
    rows, columns = np.mgrid[: camera.height, : camera.width] + 0.5
    for x, y in camera.project(points)[0]:
        near = alpha * (np.hypot(columns - x, rows - y) < 15)
        assert near.sum() > 5
        assert (columns * near).sum() / near.sum() == pytest.approx(x, abs=0.15)
        assert (rows * near).sum() / near.sum() == pytest.approx(y, abs=0.15)
