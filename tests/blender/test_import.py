"""Captures come in exactly: what Blender then sees is what the calibration says."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import bpy
import numpy as np
import pytest

from tests.made_up import FAR, HEIGHT, NEAR, WIDTH, write_capture
from tests.shared_data import CAPTURES

Scene = Callable[[str], ModuleType]


@pytest.fixture(autouse=True)
def output(blank, tmp_path: Path) -> None:
    bpy.context.scene.sightline.output_folder = str(tmp_path / "out")


def worst_distance(collection: bpy.types.Collection, path: Path, scene_module: Scene) -> float:
    """The largest distance in pixels between Blender's cameras and the ideal cameras of the calibration."""
    sources, cameras = scene_module("sources"), scene_module("cameras")
    depsgraph = bpy.context.evaluated_depsgraph_get()
    record = json.loads(path.read_text())
    rng = np.random.default_rng(0)
    worst = 0.0
    objects = sources.cameras_in(collection)
    assert len(objects) == len(record["frames"])
    by_picture = {Path(frame["file_path"]).stem: frame for frame in record["frames"]}
    for obj in objects:
        source = sources.examine(obj, depsgraph, 1)
        assert source.reason == ""
        frame = by_picture[source.photograph.path.stem]
        scale = source.camera.width / record.get("w", source.camera.width)
        pose = np.array(frame["transform_matrix"]) @ np.diag([1, -1, -1, 1])
        fx = frame.get("fl_x", record.get("fl_x")) * scale
        if not any(record.get(k) or frame.get(k) for k in ("k1", "k2", "k3", "p1", "p2")):
            theirs = cameras.Camera(
                source.camera.width,
                source.camera.height,
                fx,
                (frame.get("fl_y") or record.get("fl_y") or frame.get("fl_x") or record["fl_x"]) * scale,
                frame.get("cx", record.get("cx")) * scale,
                frame.get("cy", record.get("cy")) * scale,
                np.linalg.inv(pose),
            )
            pixels = rng.uniform(0, 1, (50, 2)) * (theirs.width, theirs.height)
            points = theirs.unproject(pixels, rng.uniform(1, 20, 50) * np.linalg.norm(theirs.centre))
            worst = max(worst, float(np.abs(source.camera.project(points)[0] - pixels).max()))
        else:  # the ideal camera is the worker's choice; the pose is the calibration's
            assert np.allclose(source.camera.camera_to_world, pose, atol=1e-5 * max(1, np.abs(pose).max()))
    return worst


def test_made_up_capture(scene_module: Scene, tmp_path: Path) -> None:
    path = write_capture(tmp_path / "a table")
    objects = set(bpy.data.objects)
    assert bpy.ops.sightline.import_capture(filepath=str(path)) == {"FINISHED"}
    collection = bpy.context.scene.sightline.capture
    assert collection.name == "a table"
    assert worst_distance(collection, path, scene_module) <= 0.01
    assert (collection.sightline.depth_near, collection.sightline.depth_far) == pytest.approx((NEAR, FAR))
    (empty,) = (obj for obj in set(bpy.data.objects) - objects if obj.type == "EMPTY")
    cameras = scene_module("sources").cameras_in(collection)
    assert all(camera.parent == empty for camera in cameras)
    background = cameras[0].data.background_images[0]
    assert (background.alpha, background.display_depth, background.frame_method) == (1.0, "BACK", "FIT")
    assert tuple(background.image.size) == (WIDTH, HEIGHT)
    assert list((tmp_path / "out").iterdir()) == [], "pictures without distortion need no copies"


def test_the_whole_capture_can_be_moved_and_scaled(scene_module: Scene, tmp_path: Path) -> None:
    bpy.ops.sightline.import_capture(filepath=str(write_capture(tmp_path / "c")))
    collection = bpy.context.scene.sightline.capture
    sources, depth_range = scene_module("sources"), scene_module("depth_range")

    def known() -> tuple[float, float] | None:
        depsgraph = bpy.context.evaluated_depsgraph_get()
        found = [sources.examine(obj, depsgraph, 1) for obj in sources.cameras_in(collection)]
        assert [source.reason for source in found] == [""] * 5
        return depth_range.known(collection, found)

    empty = next(obj for obj in collection.objects if obj.type == "EMPTY")
    assert known() == pytest.approx((NEAR, FAR))
    empty.location, empty.rotation_euler = (3, -2, 7), (0.4, 1.0, -2)
    assert known() == pytest.approx((NEAR, FAR))
    collection.objects["view_0"].data.sightline.enabled = True
    empty.scale = (2, 2, 2)
    assert known() is None


def test_the_report_is_kept_and_names_what_is_skipped(scene_module: Scene, tmp_path: Path) -> None:
    """A folder is as good as the file in it."""
    path = write_capture(tmp_path / "c")
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "k1": -0.05}))
    (path.parent / "images" / "view_3.png").unlink()
    assert bpy.ops.sightline.import_capture(filepath=f"{path.parent}/") == {"FINISHED"}
    capture = bpy.context.scene.sightline.capture
    assert scene_module("capture_report").lines(capture) == [
        "4 cameras, 1 skipped",
        "lenses: radial",
        "4 pictures straightened",
        "unit: not stated",
        "depth 2 to 5 (given)",
    ]
    [left_out] = scene_module("capture_report").left_out(capture)
    assert left_out.startswith("view_3: its picture") and left_out.endswith("is missing")
    state = bpy.context.window_manager.sightline
    assert "'view_3' is left out" in state.warnings and state.facts.startswith("c: 4 cameras, 1 skipped, lenses: ")
    described = bpy.types.SIGHTLINE_OT_capture_details.description(bpy.context, None)
    assert described == left_out


def test_a_capture_on_a_map_comes_to_the_origin(scene_module: Scene, tmp_path: Path) -> None:
    """Where it is, single precision would be off by 0.03."""
    path = write_capture(tmp_path / "c")
    record = json.loads(path.read_text())
    for frame in record["frames"]:
        for row, value in enumerate((500123.4, 4600321.9, 210.5)):
            frame["transform_matrix"][row][3] += value
    (path.parent / "far.json").write_text(json.dumps(record))
    bpy.ops.sightline.import_capture(filepath=str(path.parent / "far.json"))
    far = bpy.context.scene.sightline.capture
    bpy.ops.sightline.import_capture(filepath=str(path))
    near = bpy.context.scene.sightline.capture
    assert "moved to the origin from 500123, 4600322, 214" in scene_module("capture_report").lines(far)
    assert not any("Moved" in line for line in scene_module("capture_report").lines(near))
    places = [
        np.array([obj.matrix_world.translation for obj in scene_module("sources").cameras_in(one)])
        for one in (far, near)
    ]
    offset = np.array([500123.4, 4600321.9, 210.5]) - (500123, 4600322, 214)
    assert np.abs(places[0] - places[1] - offset).max() < 1e-6


def test_units_that_differ_are_said_until_the_empty_makes_up_for_it(scene_module: Scene, tmp_path: Path) -> None:
    bpy.ops.sightline.import_capture(filepath=str(write_capture(tmp_path / "c")))
    scene, capture = bpy.context.scene, bpy.context.scene.sightline.capture
    report = scene_module("capture_report")
    assert report.unit_note(scene, capture) is None, "no unit is stated"
    capture.sightline.units = "mm"
    note = report.unit_note(scene, capture)
    assert "in mm" in note and "is 1 m" in note and "'c' to 0.001" in note
    scene.unit_settings.scale_length = 0.001
    assert report.unit_note(scene, capture) is None
    scene.unit_settings.scale_length = 0.01
    assert "is 0.01 m" in report.unit_note(scene, capture) and "to 0.1 " in report.unit_note(scene, capture)
    capture.objects["c"].scale = (0.1, 0.1, 0.1)
    bpy.context.view_layer.update()
    assert report.unit_note(scene, capture) is None
    scene.unit_settings.scale_length, scene.unit_settings.system = 1.0, "NONE"
    assert report.unit_note(scene, capture) is None


def test_calibrations_can_be_dropped_into_the_3d_view(blank, scene_module: Scene) -> None:
    handler = bpy.types.SIGHTLINE_FH_capture
    assert handler.bl_import_operator == "sightline.import_capture"
    assert set(handler.bl_file_extensions.split(";")) == set(scene_module("captures").ENDINGS)
    [window] = bpy.context.window_manager.windows
    area = window.screen.areas[0]
    for kind, wanted in (("VIEW_3D", True), ("TEXT_EDITOR", False)):
        area.type = kind
        with bpy.context.temp_override(window=window, area=area):
            assert handler.poll_drop(bpy.context) == wanted


def test_importing_twice_keeps_both(scene_module: Scene, tmp_path: Path) -> None:
    path = str(write_capture(tmp_path / "c"))
    for _ in range(2):
        bpy.ops.sightline.import_capture(filepath=path)
    assert {"c", "c.001"} <= set(bpy.data.collections.keys())
    assert len(scene_module("sources").cameras_in(bpy.data.collections["c"])) == 5


@pytest.mark.parametrize("damage", ["missing", "cut", "empty", "other"])
def test_a_damaged_capture_is_one_sentence_and_changes_nothing(blank, tmp_path: Path, damage: str) -> None:
    path = write_capture(tmp_path / "c")
    if damage == "missing":
        path = tmp_path / "nothing"
    elif damage == "cut":
        path.write_text(path.read_text()[:100])
    elif damage == "empty":
        path.write_text("{}")
    else:
        path = tmp_path / "notes.txt"
        path.write_text("hello")
    before = {name: len(getattr(bpy.data, name)) for name in ("objects", "cameras", "collections", "images")}
    with pytest.raises(RuntimeError) as caught:
        bpy.ops.sightline.import_capture(filepath=str(path))
    assert str(caught.value).count("Error:") == 1 and "Traceback" not in str(caught.value)
    assert before == {name: len(getattr(bpy.data, name)) for name in before}
    assert bpy.context.scene.sightline.capture is None
    assert list((tmp_path / "out").iterdir()) == []
    assert bpy.context.window_manager.sightline.error


@pytest.mark.parametrize("name", ["livingroom", "skull", "maryRose", "printer"])
def test_development_captures(scene_module: Scene, name: str) -> None:
    """Also with lens distortion: Blender's cameras are those that the worker made the pictures for."""
    path = CAPTURES / name / "transforms.json"
    if not path.exists():
        pytest.skip("the development captures are not here")
    captures, job_module = scene_module("captures"), scene_module("job")
    scene = scene_module("handles").Handle.to(bpy.context.scene, "scenes")
    job = job_module.Job("import", lambda job: captures.import_capture(job, scene, path))
    job.run()
    collection = bpy.context.scene.sightline.capture
    assert worst_distance(collection, path, scene_module) <= 0.01
    sources = scene_module("sources")
    points = collection.sightline.points
    if (path.parent / "sparse_points.ply").exists():
        assert len(points.data.vertices) > 1000 and points.hide_render
    rng = np.random.default_rng(0)
    depsgraph = bpy.context.evaluated_depsgraph_get()
    worst = 0.0
    capture = captures.Capture.from_json(job.facts["capture"])
    for view, obj in zip(sorted(capture, key=lambda view: view.name), sources.cameras_in(collection), strict=True):
        source = sources.examine(obj, depsgraph, 1)
        assert obj.name == view.name and source.photograph.path == view.image
        assert (source.camera.width, source.camera.height) == (view.camera.width, view.camera.height)
        pixels = rng.uniform(0, 1, (50, 2)) * (view.camera.width, view.camera.height)
        near, far = capture.depth_near or 1.0, capture.depth_far or 10.0
        points = view.camera.unproject(pixels, rng.uniform(near, far, 50))
        worst = max(worst, float(np.abs(source.camera.project(points)[0] - pixels).max()))
    print(name, "round trip", worst, "px")
    assert worst <= 0.01


def test_undo_takes_all_of_it_back(blank, tmp_path: Path) -> None:
    bpy.ops.ed.undo_push(message="start")
    before = set(bpy.data.objects.keys())
    bpy.ops.sightline.import_capture("EXEC_DEFAULT", True, filepath=str(write_capture(tmp_path / "c")))
    assert len(bpy.data.objects) > len(before)
    bpy.ops.ed.undo()
    assert set(bpy.data.objects.keys()) == before and "c" not in bpy.data.collections
    assert bpy.context.scene.sightline.capture is None


def test_what_was_brought_in_is_selected(blank: None, tmp_path: Path) -> None:
    """Frame Selected then shows the capture, which may be a hundred times smaller than what is in the scene."""
    bpy.ops.object.select_all(action="SELECT")
    bpy.ops.sightline.import_capture(filepath=str(write_capture(tmp_path / "made-up")))
    capture = bpy.context.scene.sightline.capture
    cameras = [obj for obj in capture.objects if obj.type == "CAMERA"]
    assert set(bpy.context.selected_objects) == set(cameras) and bpy.context.active_object in cameras
