"""Even Out Exposure: from photographs to settings, from settings to pictures and keys, and back to nothing."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType

import bpy
import numpy as np
import pytest

from tests.made_up import picture, write_png

Scene = Callable[[str], ModuleType]
STOPS = {"view_1": 0.6, "view_3": -0.6}


def settings_of(name: str):
    return bpy.data.objects[name].data.sightline


def view_of(scene_module: Scene, name: str):
    """A camera as the worker is told of it."""
    sources = scene_module("sources")
    source = sources.examine(bpy.data.objects[name], bpy.context.evaluated_depsgraph_get(), 1)
    assert source.reason == "", source.reason
    return sources.view_of(source, {})


def key_of_picture(scene_module: Scene) -> str:
    recipes, requests, gathering, targets = map(scene_module, ("recipes", "requests", "gathering", "targets"))
    scene = bpy.context.scene
    target = targets.target_of(scene)
    recipe = recipes.recipe_of(scene, bpy.context.view_layer, target)
    graph = partial(gathering.depsgraph_of, recipe.stage)
    steps = requests.picture_request(recipe, gathering.read_target(recipe.stage), 1, graph, {})
    return scene_module("job").at_once(steps).key


@pytest.fixture
def uneven(capture, tmp_path: Path) -> bpy.types.Collection:
    """The made-up capture, larger, with two photographs exposed otherwise."""
    for index, x in enumerate((-0.3, -0.15, 0.0, 0.15, 0.3)):
        name = f"view_{index}"
        linear = picture(x, 384, 288, 360.0) ** 2.2 * 2 ** STOPS.get(name, 0.0)
        path = tmp_path / f"{name}.png"
        write_png(path, (np.clip(linear, 0, 1) ** (1 / 2.2) * 255 + 0.5).astype(np.uint8))
        bpy.data.objects[name].data.background_images[0].image = bpy.data.images.load(str(path))
    return capture


def test_even_out_sets_the_cameras_and_reset_takes_it_back(uneven, scene_module: Scene) -> None:
    before = {path: path.read_bytes() for path in Path(uneven.objects[0].data.background_images[0].image.filepath)
              .parent.glob("*.png")}  # fmt: skip
    settings_of("view_4").enabled = False
    assert bpy.ops.sightline.even_out() == {"FINISHED"}
    gains = {obj.name: np.log2(np.array(obj.data.sightline.gain)) for obj in uneven.objects}
    np.testing.assert_allclose(gains["view_1"] - gains["view_0"], -0.6, atol=0.1)
    np.testing.assert_allclose(gains["view_3"] - gains["view_0"], 0.6, atol=0.1)
    assert (gains["view_4"] == 0).all()
    assert all(path.read_bytes() == content for path, content in before.items())
    assert "evened out" in bpy.data.window_managers[0].sightline.facts
    assert bpy.ops.sightline.reset_colours() == {"FINISHED"}
    assert tuple(settings_of("view_1").gain) == (1, 1, 1) and tuple(settings_of("view_1").offset) == (0, 0, 0)
    assert not bpy.ops.sightline.reset_colours.poll()


def test_the_worker_and_the_key_are_told(capture, scene_module: Scene) -> None:
    assert "colour" not in view_of(scene_module, "view_1").to_json()
    plain = key_of_picture(scene_module)
    settings_of("view_1").gain = (2.0, 1.0, 0.5)
    assert json.loads(json.dumps(view_of(scene_module, "view_1").to_json()))["colour"] == {
        "gain": [2.0, 1.0, 0.5],
        "offset": [0.0, 0.0, 0.0],
    }
    changed = key_of_picture(scene_module)
    settings_of("view_1").offset = (0.5, 0.0, 0.0)
    assert len({plain, changed, key_of_picture(scene_module)}) == 3
    assert bpy.ops.sightline.reset_colours() == {"FINISHED"}
    assert key_of_picture(scene_module) == plain


def test_too_little_in_common_changes_nothing(capture) -> None:
    settings_of("view_1").gain = (2.0, 2.0, 2.0)
    for obj in capture.objects:
        obj.data.background_images[0].image = None
    with pytest.raises(RuntimeError, match="no usable sources"):
        bpy.ops.sightline.even_out()
    assert tuple(settings_of("view_1").gain) == (2, 2, 2)
