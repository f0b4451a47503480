"""Show Coverage: the picture behind the target, its legend, and remarks on the sources."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import bpy
import numpy as np
import pytest

Scene = Callable[[str], ModuleType]


def background() -> bpy.types.Image:
    return bpy.data.objects["Target"].data.background_images[0].image


def test_a_target_among_the_sources(capture, scene_module: Scene, tmp_path: Path) -> None:
    assert bpy.ops.sightline.show_coverage() == {"FINISHED"}
    image = background()
    assert Path(image.filepath).name == "Target coverage.png" and tuple(image.size) == (96, 72)
    found = scene_module("coverage").shown(bpy.context.scene)
    assert sum(found["shares"]) == pytest.approx(1) and found["shares"][3] > 0.8
    pixels = np.array(image.pixels[:]).reshape(72, 96, 4)
    red, _, blue, _ = pixels[36, 48]
    assert blue > red, "three or more sources see the middle"
    # A picture is another result; the coverage stays a file of its own, and the remarks are still there.
    assert bpy.ops.sightline.synthesize_view() == {"FINISHED"}
    assert Path(background().filepath).name == "Target.png"
    assert not scene_module("coverage").shown(bpy.context.scene)
    assert bpy.ops.sightline.show_coverage() == {"FINISHED"}
    assert background() == image and len(list((tmp_path / "out").glob("*.png"))) == 2


def test_a_target_that_looks_past_the_scene(capture, scene_module: Scene) -> None:
    bpy.data.objects["Target"].location.x = 2.6
    bpy.context.view_layer.update()
    assert bpy.ops.sightline.show_coverage() == {"FINISHED"}
    coverage = scene_module("coverage")
    found = coverage.shown(bpy.context.scene)
    assert found["shares"][0] > 0.3 and "No source sees" in found["sentence"]
    bpy.data.objects["Target"].location.x = 0.0
    bpy.context.view_layer.update()
    assert not coverage.shown(bpy.context.scene), "that was the coverage of another place"
    assert not coverage.remarks(bpy.context.scene)


def test_remarks_name_a_source_that_is_darker(capture, scene_module: Scene) -> None:
    bpy.data.objects["view_3"].data.sightline.gain = (0.5, 0.5, 0.5)
    assert bpy.ops.sightline.show_coverage() == {"FINISHED"}
    told = scene_module("coverage").remarks(bpy.context.scene)
    assert "1.0 stops darker than the others" in told["view_3"] and "view_2" not in told


def test_the_calibrations_points_hide_things(capture, scene_module: Scene) -> None:
    # A curtain close before one source, as points.
    x, y = np.meshgrid(np.linspace(-0.25, 0.25, 60), np.linspace(-0.2, 0.2, 60))
    mesh = bpy.data.meshes.new("points")
    mesh.from_pydata(np.stack([x, y, np.zeros_like(x)], axis=-1).reshape(-1, 3).tolist(), [], [])
    points = bpy.data.objects.new("points", mesh)
    points.location = (0.3, 0.0, 3.6)
    bpy.context.scene.collection.objects.link(points)
    capture.sightline.points = points
    bpy.context.view_layer.update()
    assert bpy.ops.sightline.show_coverage() == {"FINISHED"}
    assert "hidden from it" in scene_module("coverage").remarks(bpy.context.scene)["view_4"]
