"""What is missing is said in one sentence, by the operator and in the panel, with the button that mends it."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import bpy
import pytest

Scene = Callable[[str], ModuleType]


def refused(words: str) -> str:
    """Press Synthesize View; return the error's sentence."""
    with pytest.raises(RuntimeError, match=words) as caught:
        bpy.ops.sightline.synthesize_view()
    text = str(caught.value).strip()
    assert text.startswith("Error: ") and text.count("\n") == 0 and text.endswith(".")
    return text


def fixes(problem: object) -> list[str]:
    return [operator for operator, _ in problem.fixes]


def test_no_capture(blank, scene_module: Scene) -> None:
    refused("no capture in this scene")
    checks = scene_module("checks")
    assert checks.capture_problem(bpy.context) is not None and not checks.ready(bpy.context)


def test_no_target(capture, scene_module: Scene) -> None:
    bpy.context.scene.sightline.target = bpy.context.scene.camera = None
    refused("no target camera")
    checks = scene_module("checks")
    problem = checks.target_problem(bpy.context)
    assert fixes(problem) == ["sightline.add_target"]
    assert bpy.ops.sightline.add_target() == {"FINISHED"}
    assert checks.target_problem(bpy.context) is None and checks.ready(bpy.context)


def test_added_target_lies_between_two_sources(capture) -> None:
    assert bpy.ops.sightline.add_target() == {"FINISHED"}
    target = bpy.context.scene.sightline.target
    bpy.context.view_layer.update()
    assert tuple(target.matrix_world.translation) == pytest.approx((-0.075, 0, 4), abs=1e-5)
    assert target.data.lens == pytest.approx(90.0) and len(target.data.background_images) == 0
    assert target.name not in capture.objects


def test_one_source_and_none(capture, scene_module: Scene) -> None:
    for index in range(1, 5):
        capture.objects[f"view_{index}"].data.sightline.enabled = False
    assert "1 usable source" in refused("at least 2 cameras")
    problem = scene_module("checks").capture_problem(bpy.context)
    assert "Only one" in problem.sentence and fixes(problem) == ["sightline.toggle_sources"]
    bpy.ops.sightline.toggle_sources()
    assert scene_module("checks").capture_problem(bpy.context) is None
    bpy.ops.sightline.toggle_sources()
    assert "no usable sources" in refused("at least 2 cameras")


def test_an_empty_collection(capture, scene_module: Scene) -> None:
    bpy.context.scene.sightline.capture = bpy.data.collections.new("empty")
    refused("no usable sources")
    assert "no cameras" in scene_module("checks").capture_problem(bpy.context).sentence


def test_missing_pictures_are_named_and_the_rest_is_used(capture, scene_module: Scene, tmp_path: Path) -> None:
    for index in range(4):
        (tmp_path / "made-up" / "images" / f"view_{index}.png").unlink()
    text = refused("1 usable source")
    assert "view_0.png" in text
    shown = scene_module("choices").choices_of(bpy.context).sources
    assert "missing" in shown["view_0"].reason and not shown["view_0"].used


@pytest.mark.parametrize(("kind", "words"), [("ORTHO", "orthographic"), ("PANO", "panoramic")])
def test_a_target_that_is_no_pinhole_camera(capture, scene_module: Scene, kind: str, words: str) -> None:
    bpy.data.objects["Target"].data.type = kind
    refused(words)
    assert words in scene_module("checks").target_problem(bpy.context).sentence


def test_a_depth_range_the_wrong_way_round(capture) -> None:
    bpy.context.scene.sightline.depth_near = 9
    refused("nearest distance")


def test_no_backend(capture, scene_module: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = scene_module("backend")
    backend.close()
    monkeypatch.delenv(backend.PYTHON_VARIABLE, raising=False)
    monkeypatch.setattr(backend, "WORKER_PACKAGES", ("no_such_package",))
    refused("backend is not installed")
    problem = scene_module("checks").backend_problem()
    assert fixes(problem) == ["sightline.install_backend", "sightline.open_preferences"]
    assert not scene_module("checks").ready(bpy.context)
    backend.close()


def test_a_wrong_backend_python(capture, extension: str, scene_module: Scene, tmp_path: Path) -> None:
    preferences = bpy.context.preferences.addons[extension].preferences
    try:
        preferences.backend_python = str(tmp_path / "nothing")
        assert "set in the preferences" in refused("no Python at")
        broken = tmp_path / "python"
        broken.write_text("#!/bin/sh\nexit 3\n")
        broken.chmod(0o755)
        preferences.backend_python = str(broken)
        refused("exit code 3")
    finally:
        preferences.backend_python = ""
        scene_module("backend").close()


def test_where_the_backend_is_looked_for(
    blank, extension: str, scene_module: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = scene_module("backend")
    preferences = bpy.context.preferences.addons[extension].preferences
    monkeypatch.setattr(backend, "WORKER_PACKAGES", ("numpy",))
    monkeypatch.delenv(backend.PYTHON_VARIABLE, raising=False)
    own = backend.find_backend()
    assert own.python == Path(sys.executable)
    assert (Path(own.environment["PYTHONPATH"]) / "numpy").is_dir()
    variable, chosen = tmp_path / "a", tmp_path / "b"
    variable.touch()
    chosen.touch()
    monkeypatch.setenv(backend.PYTHON_VARIABLE, str(variable))
    assert backend.find_backend().python == variable
    preferences.backend_python = str(chosen)
    assert backend.find_backend().python == chosen
    preferences.backend_python = ""


def test_installing_needs_online_access(blank, scene_module: Scene) -> None:
    if bpy.app.online_access:
        pytest.skip("this Blender may go online")
    assert not bpy.ops.sightline.install_backend.poll()
    job = scene_module("job").Job("Install", scene_module("installation").install)
    with pytest.raises(scene_module("backend").BackendError, match="online"):
        job.run()


def test_warnings_have_their_fixes(capture, scene_module: Scene) -> None:
    checks, scene = scene_module("checks"), bpy.context.scene
    scene.view_settings.view_transform = "Standard"
    assert checks.warnings(bpy.context) == []
    scene.view_settings.view_transform, scene.view_settings.exposure = "AgX", 1.0
    scene.render.resolution_x, scene.render.pixel_aspect_x = 50, 1.5
    found = [operator for problem in checks.warnings(bpy.context) for operator in fixes(problem)]
    assert found == ["sightline.match_render_size", "sightline.set_standard_view"]
    assert bpy.ops.sightline.match_render_size() == {"FINISHED"}
    assert bpy.ops.sightline.set_standard_view() == {"FINISHED"}
    assert checks.warnings(bpy.context) == []
    assert (scene.render.resolution_x, scene.render.resolution_y) == (96, 72)
    assert scene.render.engine == "BLENDER_EEVEE_NEXT" or scene.render.engine.startswith("BLENDER_EEVEE")


def test_active_collection_as_capture(blank, scene_module: Scene, add_source) -> None:
    scene, layer = bpy.context.scene, bpy.context.view_layer
    empty, full = bpy.data.collections.new("empty"), bpy.data.collections.new("full")
    for collection in (empty, full):
        scene.collection.children.link(collection)
    add_source(full, "camera", None)
    layer.active_layer_collection = layer.layer_collection.children["empty"]
    with pytest.raises(RuntimeError, match="'empty' has no cameras"):
        bpy.ops.sightline.capture_from_collection()
    layer.active_layer_collection = layer.layer_collection.children["full"]
    assert bpy.ops.sightline.capture_from_collection() == {"FINISHED"}
    assert scene.sightline.capture == full


def test_choices_follow_the_scene(capture, scene_module: Scene) -> None:
    choices = scene_module("choices")
    settings = bpy.context.scene.sightline
    settings.source_count = 2
    first = choices.choices_of(bpy.context)
    assert {name for name, shown in first.sources.items() if shown.used} == {"view_2", "view_3"}
    assert choices.choices_of(bpy.context) is first, "nothing has changed"
    bpy.data.objects["Target"].location.x = -0.3
    bpy.context.view_layer.update()
    moved = choices.choices_of(bpy.context)
    assert {name for name, shown in moved.sources.items() if shown.used} == {"view_0", "view_1"}
    bpy.data.objects["view_0"].data.sightline.enabled = False
    assert choices.choices_of(bpy.context).sources["view_0"].reason == "switched off"
    bpy.data.objects["Target"].rotation_euler = (3.14, 0, 0)
    bpy.context.view_layer.update()
    assert choices.choices_of(bpy.context).used == 0
    assert "No source sees" in scene_module("checks").target_problem(bpy.context).sentence


def test_open_result_needs_one(capture) -> None:
    assert not bpy.ops.sightline.open_result.poll()
