"""The rendered viewport without a window: its camera, where pictures belong, and in which order they are made."""

import importlib
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace

import bpy
import numpy as np
import pytest
from mathutils import Matrix

from .views import Engine, projection, tick_until, view_through_target

Scene = Callable[[str], ModuleType]


@pytest.fixture
def module(extension: str) -> ModuleType:
    return importlib.import_module(f"{extension}.engine.viewport")


@pytest.fixture
def context(capture) -> SimpleNamespace:
    return view_through_target()


@pytest.fixture
def viewport(module, context, scene_module: Scene) -> Iterator:
    scene_module("requests").cache().clear()
    made = module.Viewport(Engine())
    yield made
    made.stop()


def test_a_views_camera_is_its_projection(scene_module: Scene) -> None:
    window, pose = projection(1.7, 2.3, (0.12, -0.3)), Matrix.Translation((1, 2, 3)) @ Matrix.Rotation(0.7, 4, "X")
    camera = scene_module("cameras").view_camera(window, pose.inverted(), 640, 480)
    points = np.random.default_rng(0).uniform((0, 3, -1), (2, 5, 1), (50, 3))
    whole = np.array(window @ pose.inverted()) @ np.c_[points, np.ones(50)].T
    shown = (whole[:2] / whole[3]).T
    pixels, depth = camera.project(points)
    assert (whole[3] > 0).any() and np.allclose(depth, whole[3], atol=1e-5)
    expected = np.c_[(shown[:, 0] + 1) * 320, (1 - shown[:, 1]) * 240]
    assert np.abs(pixels - expected)[depth > 0].max() < 0.01


def test_an_orthographic_view_is_refused(viewport, context) -> None:
    context.region_data.window_matrix = Matrix.Identity(4)
    viewport.draw(context)
    assert "orthographic" in viewport._engine.said[-1]


def test_the_cameras_picture_belongs_into_its_frame(viewport, context) -> None:
    """The view shows the camera's 96 x 72 frame at twice the angle: half of the region."""
    context.region_data.window_matrix = projection(90 / 96, 90 / 72, (0.25, 0))
    assert np.allclose(viewport._looked(context), (-0.5 - 0.25, -0.5, 0.5 - 0.25, 0.5), atol=1e-6)


def test_through_the_camera_the_picture_is_the_frame_and_is_kept(viewport, context, scene_module: Scene) -> None:
    viewport._looked(context)
    tick_until(viewport, lambda: viewport._picture is not None)
    assert viewport._picture.shape == (72, 96, 4)
    assert scene_module("requests").cache().size()[0] == 1
    # Rendered, it is the very same entry.
    context.scene.render.engine = "SIGHTLINE"
    scene_module("backend").close()
    bpy.ops.render.render()
    assert scene_module("requests").cache().size()[0] == 1


def test_a_kept_frame_comes_without_the_worker(viewport, context, scene_module: Scene) -> None:
    viewport._looked(context)
    tick_until(viewport, lambda: viewport._picture is not None)
    scene_module("backend").close()
    viewport._clear()  # as a view that is new
    viewport.changed(bpy.context.evaluated_depsgraph_get())
    viewport._looked(context)
    tick_until(viewport, lambda: viewport._picture is not None)
    assert not scene_module("backend").worker_runs()


def test_a_free_view_sharpens_while_it_stands_still_and_leaves_nothing(
    viewport, context, module, scene_module: Scene, monkeypatch
) -> None:
    monkeypatch.setattr(module, "COARSE", (48, 96))
    context.scene.sightline.live_side = 192
    context.region_data.view_perspective = "PERSP"
    viewport._looked(context)
    sizes = []
    for _ in range(3):
        tick_until(viewport, lambda: viewport._picture is not None)
        sizes.append(viewport._picture.shape[1])
        viewport._picture = None
    assert sizes == [48, 96, 192]
    assert viewport._tick() is None
    assert scene_module("requests").cache().size()[0] == 0


def test_what_nobody_looks_at_any_more_is_cancelled(viewport, context, module, extension: str, monkeypatch) -> None:
    asked = []

    def forever(*_arguments):
        asked.append("made")
        try:
            while True:
                yield module.Step(0.0, "", waiting=True)
        finally:
            asked.append("cancelled")

    monkeypatch.setattr(importlib.import_module(f"{extension}.engine.view_pictures"), "_asked", forever)
    viewport._looked(context)
    tick_until(viewport, lambda: asked == ["made"])
    context.scene.camera.location.x += 0.01
    context.view_layer.update()
    viewport._looked(context)
    assert asked == ["made", "cancelled"]
    tick_until(viewport, lambda: len(asked) == 3)


def test_errors_are_said_once_and_not_tried_again(viewport, context) -> None:
    context.scene.sightline.capture = None
    viewport._looked(context)
    tick_until(viewport, lambda: bool(viewport._engine.said) and viewport._steps is None)
    assert "no capture" in viewport._engine.said[-1]
    assert viewport._tick() is None and len(viewport._engine.said) == 1


def test_a_change_that_does_not_matter_leaves_the_picture(viewport, context, module, monkeypatch) -> None:
    monkeypatch.setattr(module, "COARSE", (48, 96))
    context.scene.sightline.live_side = 192
    context.region_data.view_perspective = "PERSP"
    viewport._looked(context)
    tick_until(viewport, lambda: viewport._next == 3)
    viewport._picture = None
    bpy.data.objects["Cube"].select_set(True)
    bpy.data.objects["Cube"].location.x = 5
    viewport.changed(bpy.context.evaluated_depsgraph_get())
    viewport._looked(context)
    tick_until(viewport, lambda: viewport._next == 3)
    assert viewport._picture is None, "made anew for nothing"
    context.scene.sightline.source_count = 2
    viewport.changed(bpy.context.evaluated_depsgraph_get())
    viewport._looked(context)
    tick_until(viewport, lambda: viewport._picture is not None)
