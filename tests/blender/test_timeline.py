"""The frames of a camera's path in the viewport: kept ones at once, those ahead made, those unwanted dropped."""

import importlib
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest

from .views import Engine, tick_until, view_through_target

Scene = Callable[[str], ModuleType]


@pytest.fixture
def context(capture) -> Any:
    """A view through the target, which moves for twenty frames."""
    scene = bpy.context.scene
    target = scene.sightline.target
    for frame, x in ((1, -0.1), (20, 0.2)):
        target.location.x = x
        target.keyframe_insert("location", frame=frame)
    scene.frame_start, scene.frame_end = 1, 20
    scene.sightline.prefetch = 2
    scene.frame_set(1)
    return view_through_target()


@pytest.fixture
def viewport(extension: str, context, scene_module: Scene) -> Iterator:
    scene_module("requests").cache().clear()
    made = importlib.import_module(f"{extension}.engine.viewport").Viewport(Engine())
    yield made
    made.stop()


def rest(viewport) -> None:
    """Let everything be made that the view wants."""
    tick_until(viewport, lambda: viewport._tick() is None)


def go(context, viewport, frame: int) -> Any:
    """Go to a frame as Blender does, and return the picture that is shown at once."""
    context.scene.frame_set(frame)
    viewport.changed(bpy.context.evaluated_depsgraph_get())
    viewport._picture = None
    viewport._looked(context)
    return viewport._picture


def kept(scene_module: Scene) -> int:
    return scene_module("requests").cache().size()[0]


@pytest.mark.parametrize(
    ("frame", "backwards", "around", "expected"),
    [
        (5, False, False, [6, 7, 8]),
        (5, True, False, [4, 3, 2]),
        (9, False, False, [10, 8, 7]),
        (9, False, True, [10, 1, 2]),
        (2, True, True, [1, 10, 9]),
        (1, True, False, [2, 3, 4]),
    ],
)
def test_the_frames_that_come_next(scene_module: Scene, frame, backwards, around, expected) -> None:
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, 10
    ahead = scene_module("frame_ranges").frames_ahead
    assert ahead(scene, frame, 3, backwards=backwards, around=around) == expected
    assert len(ahead(scene, frame, 99, backwards=backwards, around=True)) == 10
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 4, 6
    assert ahead(scene, 6, 99, backwards=False, around=True) == [4, 5, 6]


def test_frames_ahead_are_made_and_shown_at_once(viewport, context, scene_module: Scene) -> None:
    viewport._looked(context)
    rest(viewport)
    assert kept(scene_module) == 3
    assert scene_module("timeline").timeline_in_words(context.scene) == "2 of 2 frames ahead ready"
    first = viewport._picture
    second = go(context, viewport, 2)
    assert second is not None and np.abs(second - first).max() > 0.01
    rest(viewport)
    assert kept(scene_module) == 4, "the frame itself was asked again, and is the same"
    # What was made ahead is what the view itself makes at that frame.
    scene_module("requests").cache().clear()
    viewport.stop()
    viewport._clear()
    go(context, viewport, 2)
    tick_until(viewport, lambda: viewport._picture is not None)
    assert np.abs(viewport._picture - second).max() < 1e-4  # it is kept in 16 bits


def test_the_frames_of_the_other_direction_come_after_going_back(viewport, context, scene_module: Scene) -> None:
    go(context, viewport, 10)
    rest(viewport)
    go(context, viewport, 9)
    rest(viewport)
    assert sorted(viewport._frames._timeline._kept) == [7, 8, 9, 10, 11, 12]


def test_the_nearest_frame_stands_in(viewport, context) -> None:
    viewport._looked(context)
    rest(viewport)
    third = go(context, viewport, 3)
    assert go(context, viewport, 10) is None, "what is shown is the nearest already"
    assert viewport._shown.frame == 3
    tick_until(viewport, lambda: viewport._engine.said[-1] == "Frame 3, until 10 is made")
    assert go(context, viewport, 1) is not None and viewport._shown.frame == 1
    assert np.array_equal(go(context, viewport, 8), third), "nearer than the first"
    assert viewport._engine.said[-1] == "Frame 3, until 8 is made"
    rest(viewport)
    assert viewport._shown.frame == 8 and viewport._engine.said[-1] == ""


def test_what_is_not_wanted_any_more_is_cancelled(viewport, context, scene_module: Scene) -> None:
    worker = scene_module("backend").client()
    cancelled = []
    cancel = worker.cancel
    worker.cancel = lambda request: (cancelled.append(request.finished), cancel(request))
    try:
        viewport._looked(context)
        tick_until(viewport, lambda: viewport._frames._timeline and viewport._frames._timeline.making == 2)
        go(context, viewport, 15)
        viewport._tick()
        assert False in cancelled
        assert viewport._frames._timeline.making is None
        rest(viewport)
        assert {15, 16, 17} <= viewport._frames._timeline._kept
        assert 3 not in viewport._frames._timeline._kept
    finally:
        del worker.cancel


def test_frames_ahead_give_way_to_a_job(viewport, context, extension: str) -> None:
    job = importlib.import_module(f"{extension}.scene.job").Job
    viewport._looked(context)
    tick_until(viewport, lambda: viewport._frames._steps is not None)
    try:
        job.current = SimpleNamespace(title="Something")
        viewport._tick()
        assert viewport._frames._steps is None
        viewport._tick()
        assert viewport._frames._steps is None
    finally:
        job.current = None
    tick_until(viewport, lambda: viewport._frames._steps is not None)


def test_none_ahead_are_made_where_none_are_wanted(viewport, context, scene_module: Scene) -> None:
    context.scene.sightline.prefetch = 0
    viewport._looked(context)
    rest(viewport)
    assert kept(scene_module) == 1


def test_another_path_is_noticed(viewport, context, scene_module: Scene) -> None:
    """Even one that Blender did not tell of: what is kept of a frame is asked again when the view stands still."""
    viewport._looked(context)
    rest(viewport)
    old = go(context, viewport, 2)
    go(context, viewport, 1)
    rest(viewport)
    context.scene.sightline.target.keyframe_insert("location", index=0, frame=2)
    context.scene.sightline.target.location.x = 0.05
    context.scene.sightline.target.keyframe_insert("location", index=0, frame=2)
    assert np.array_equal(go(context, viewport, 2), old)
    viewport._picture = None
    rest(viewport)
    assert np.abs(viewport._picture - old).max() > 0.01
    frames = viewport._frames._timeline._requests
    fresh = scene_module("recipes").recipe_of(context.scene, context.view_layer, context.scene.camera, quality="full")
    with scene_module("camera_path").CameraPath(fresh) as path:
        for frame in (2, 3, 4):
            assert np.allclose(frames[frame].params["target"]["world_to_camera"], path.camera(frame).world_to_camera)


@pytest.mark.parametrize("change", ["select", "path", "move", "keyframe", "setting", "source", "size"])
def test_which_changes_are_about_other_frames(context, extension: str, scene_module: Scene, change: str) -> None:
    viewport = importlib.import_module(f"{extension}.engine.viewport")
    scene = context.scene
    recipe = scene_module("recipes").recipe_of(scene, context.view_layer, scene.camera)
    context.view_layer.update()
    told = []

    def after(of: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
        if of == scene:
            told.append(viewport._edited(depsgraph))

    bpy.app.handlers.depsgraph_update_post.append(after)
    try:
        if change == "select":
            bpy.data.objects["view_1"].select_set(True)
        elif change == "path":
            with scene_module("camera_path").CameraPath(recipe) as path:
                path.camera(2)
        elif change == "move":
            bpy.data.objects["view_1"].location.x += 0.01
        elif change == "keyframe":
            scene.camera.keyframe_insert("location", frame=15)
        elif change == "setting":
            scene.sightline.source_count = 3
        elif change == "source":
            bpy.data.cameras["view_1"].sightline.enabled = False
        else:
            scene.render.resolution_x = 90
        context.view_layer.update()
    finally:
        bpy.app.handlers.depsgraph_update_post.remove(after)
    assert any(told) == (change not in ("select", "path"))
