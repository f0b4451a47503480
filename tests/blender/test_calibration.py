"""Cameras found from photographs alone, and calibrations checked against them, as buttons in Blender."""

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import bpy
import numpy as np
import pytest
from mathutils import Matrix

from .views import projection

Scene = Callable[[str], ModuleType]
ROOT = Path(__file__).resolve().parents[2]
STILL_LIFE = ROOT / "examples" / "still_life"


@pytest.fixture
def settings(blank: None, tmp_path: Path) -> Iterator:
    bpy.context.scene.sightline.output_folder = str(tmp_path)
    return bpy.context.scene.sightline


def centres(capture: bpy.types.Collection) -> dict[str, np.ndarray]:
    cameras = [obj for obj in capture.all_objects if obj.type == "CAMERA"]
    return {obj.name.partition(".")[0]: np.array(obj.matrix_world.translation) for obj in cameras}


def test_photographs_get_cameras_where_they_were_taken(settings, tmp_path: Path) -> None:
    bpy.ops.sightline.import_capture(filepath=str(STILL_LIFE / "transforms.json"))
    truth = centres(settings.capture)
    assert bpy.ops.sightline.calibrate_photographs(directory=str(STILL_LIFE / "images")) == {"FINISHED"}
    found = centres(settings.capture)
    assert settings.capture.name.startswith("still_life") and len(found) == 14
    names = sorted(truth)
    theirs, ours = (np.array([places[name] for name in names]) for places in (truth, found))
    # Up to a similarity, which photographs do not show (Umeyama 1991).
    theirs, ours = theirs - theirs.mean(axis=0), ours - ours.mean(axis=0)
    left, values, right = np.linalg.svd(theirs.T @ ours)
    turn = left @ np.diag([1, 1, np.linalg.det(left @ right)]) @ right
    scale = (values * [1, 1, np.linalg.det(left @ right)]).sum() / (ours**2).sum()
    error = np.linalg.norm(theirs - scale * ours @ turn.T, axis=1)
    assert error.max() < 0.01 * np.linalg.norm(theirs, axis=1).max()
    assert "14 of 14 photographs placed" in bpy.context.window_manager.sightline.facts
    assert (tmp_path / "still_life calibration" / "transforms.json").is_file()


def test_photographs_of_nothing_leave_nothing(settings, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    before = set(bpy.data.collections)
    with pytest.raises(RuntimeError, match="photographs"):
        bpy.ops.sightline.calibrate_photographs(directory=str(empty))
    assert set(bpy.data.collections) == before
    assert not (tmp_path / "empty calibration").exists()


def test_a_check_names_the_camera_that_was_moved(settings, extension: str, scene_module: Scene) -> None:
    bpy.ops.sightline.import_capture(filepath=str(STILL_LIFE / "transforms.json"))
    capture, calibration = settings.capture, scene_module("calibration")
    assert calibration.check_of(capture) is None
    assert bpy.ops.sightline.check_calibration() == {"FINISHED"}
    check = calibration.check_of(capture)
    assert not check.bad and not check.diagnoses and check.epipolar < 0.5
    assert calibration.in_words(check).startswith("The cameras fit")

    moved = capture.all_objects["view_05"]
    moved.matrix_world = moved.matrix_world @ Matrix.Rotation(np.radians(2), 4, "Y")
    bpy.ops.sightline.check_calibration()
    check = calibration.check_of(capture)
    assert check.bad == ["view_05"] and next(iter(check.cameras)) == "view_05"
    assert len(check.diagnoses) == 1 and "view_05" in check.diagnoses[0]
    assert calibration.in_words(check) == "1 camera of 14 does not fit the photographs"
    assert bpy.ops.sightline.disable_bad_cameras() == {"FINISHED"}
    assert [obj.name for obj in capture.all_objects if obj.type == "CAMERA" and not obj.data.sightline.enabled] == [
        "view_05"
    ]

    # Its matches lie over its photograph: a point of the picture is drawn where the view shows that point.
    overlay = importlib.import_module(f"{extension}.panels.match_overlay")
    context = looking_through(moved)
    assert overlay.places_on_screen(context) is None, "not asked for"
    capture.sightline.show_matches = True
    places, errors = overlay.places_on_screen(context)
    points, _ = calibration.matched_points(check, "view_05")
    assert len(places) == len(points) > 20 and np.median(errors) > 2
    width, height = moved.data.background_images[0].image.size
    assert np.allclose(places, np.c_[points[:, 0] / width * 320, 240 - points[:, 1] / height * 240], atol=0.02)


def looking_through(camera: bpy.types.Object):
    """A view of 320 x 240 whose frame is the whole photograph of a camera."""
    data, (width, height) = camera.data, camera.data.background_images[0].image.size
    across = 2 * data.lens / data.sensor_width
    matrix = projection(across, across * width / height, (2 * data.shift_x, 2 * data.shift_y * width / height))

    space = SimpleNamespace(camera=camera)
    region_data = SimpleNamespace(
        window_matrix=matrix, view_matrix=camera.matrix_world.inverted(), view_perspective="CAMERA"
    )
    return SimpleNamespace(
        region_data=region_data,
        space_data=space,
        region=SimpleNamespace(width=320, height=240),
        scene=bpy.context.scene,
        evaluated_depsgraph_get=bpy.context.evaluated_depsgraph_get,
    )
