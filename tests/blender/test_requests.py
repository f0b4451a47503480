"""What the worker is asked for, and what a picture's key depends on."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import bpy
import pytest

from tests.made_up import picture, write_png

Scene = Callable[[str], ModuleType]


@pytest.fixture
def request_of(capture, scene_module: Scene) -> Callable:
    """The request for the target's picture as the scene stands now."""
    recipes, requests, gathering = (scene_module(name) for name in ("recipes", "requests", "gathering"))

    def made(files: dict | None = None, **changes):
        scene, layer = bpy.context.scene, bpy.context.view_layer
        recipe = replace(recipes.recipe_of(scene, layer, scene.sightline.target), **changes)
        camera = gathering.read_target(recipe.stage)
        graph = bpy.context.evaluated_depsgraph_get
        steps = requests.picture_request(recipe, camera, scene.frame_current, graph, {} if files is None else files)
        return scene_module("job").at_once(steps)

    return made


def names(request) -> list[str]:
    return [view["name"] for view in request.params["capture"]["views"]]


def touch(obj: bpy.types.Object) -> None:
    """Let a camera's photograph look as if somebody had saved it anew."""
    path = Path(bpy.path.abspath(obj.data.background_images[0].image.filepath))
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000))


def test_only_what_the_picture_can_depend_on_is_sent(capture, request_of: Callable) -> None:
    bpy.context.scene.sightline.source_count = 2
    first = request_of()
    used, idle = set(names(first)), {obj.name for obj in capture.objects} - set(names(first))
    assert len(used) >= 2 and idle, "the made-up capture has sources to spare"
    for name in idle:
        touch(capture.objects[name])
    assert request_of().key == first.key
    capture.objects[sorted(idle)[-1]].location.z += 0.001
    bpy.context.view_layer.update()
    assert request_of().key == first.key
    touch(capture.objects[sorted(used)[0]])
    assert request_of().key != first.key


@pytest.mark.parametrize(
    "change",
    [
        lambda scene: setattr(scene.sightline.target, "location", (0.06, 0, 4)),
        lambda scene: setattr(scene.sightline.target.data, "lens", 80),
        lambda scene: setattr(scene.render, "resolution_x", 100),
        lambda scene: setattr(scene.sightline, "method", "convglr"),
        lambda scene: setattr(scene.sightline, "quality", "preview"),
        lambda scene: setattr(scene.sightline, "source_count", 3),
        lambda scene: setattr(scene.sightline, "depth_near", 1.9),
        lambda scene: setattr(scene.sightline.capture.objects["view_2"].data.sightline, "mask_kind", "CHROMA_KEY"),
        lambda scene: setattr(scene.sightline.capture.objects["view_2"].data, "lens", 91),
        lambda scene: setattr(scene.sightline.capture.objects["view_2"].data.sightline, "enabled", False),
    ],
)
def test_whatever_changes_the_picture_changes_the_key(capture, request_of: Callable, change: Callable) -> None:
    before = request_of()
    change(bpy.context.scene)
    bpy.context.view_layer.update()
    assert request_of().key != before.key


def test_what_does_not_matter_leaves_the_key(capture, request_of: Callable, tmp_path: Path) -> None:
    before = request_of()
    scene = bpy.context.scene
    scene.frame_set(17)
    scene.sightline.output_folder = str(tmp_path / "elsewhere")
    scene.sightline.frame_format = "OPEN_EXR"
    scene.render.filepath = "//other"
    bpy.data.objects["Cube"].location.x = 3
    capture.name = "called otherwise"
    bpy.context.view_layer.update()
    assert request_of().key == before.key


def test_a_folder_that_moved_keeps_the_key(capture, request_of: Callable, tmp_path: Path) -> None:
    before = request_of()
    (tmp_path / "made-up").rename(tmp_path / "moved")
    for obj in capture.objects:
        image = obj.data.background_images[0].image
        image.filepath = image.filepath.replace("made-up", "moved")
    assert request_of().key == before.key


def test_pictures_that_only_blender_has_count_by_their_content(capture, request_of: Callable, tmp_path: Path) -> None:
    image = capture.objects["view_2"].data.background_images[0].image
    image.pack()
    files: dict = {}
    first = request_of(files)
    assert len(files) == 1 and request_of().key == first.key
    fresh = tmp_path / "fresh.png"
    write_png(fresh, (picture(0.3) * 255).astype("uint8"))
    other = bpy.data.images.load(str(fresh))
    other.pack()
    capture.objects["view_2"].data.background_images[0].image = other
    assert request_of().key != first.key


def test_deleted_file_is_named(capture, request_of: Callable) -> None:
    Path(capture.objects["view_2"].data.background_images[0].image.filepath).unlink()
    assert "view_2" in request_of().unused


def test_worker_params(capture, request_of: Callable, scene_module: Scene, tmp_path: Path) -> None:
    requests = scene_module("requests")
    made = request_of()
    params = requests.worker_params(made, save=tmp_path / "x.png")
    assert params["save"] == str(tmp_path / "x.png") and params["stamp"] == made.key == params["cache"]["key"]
    assert params["cache"]["limit"] == 10_000_000_000
    assert "cache" not in requests.worker_params(made, cached=False) and "cache" not in made.params
    assert made.size == (96, 72)
