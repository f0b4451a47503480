"""The Render properties: ours and Blender's panels for this engine, and the way to it."""

import importlib
from collections.abc import Callable
from types import ModuleType, SimpleNamespace

import addon_utils
import bpy
import pytest

from tests.blender.test_panels import Recorder

Scene = Callable[[str], ModuleType]

# What a user of the engine needs of Blender's own panels.
NEEDED = {
    "RENDER_PT_format", "RENDER_PT_frame_range", "RENDER_PT_output", "RENDER_PT_encoding", "RENDER_PT_color_management",
    "RENDER_PT_post_processing", "RENDER_PT_stamp", "RENDER_PT_stereoscopy", "VIEWLAYER_PT_layer", "DATA_PT_lens",
    "DATA_PT_camera_background_image", "WORLD_PT_context_world", "EEVEE_WORLD_PT_surface",
}  # fmt: skip


def adopted() -> set[str]:
    """Blender's panels that show for the engine."""
    return {
        panel.__name__
        for panel in bpy.types.Panel.__subclasses__()
        if "SIGHTLINE" in getattr(panel, "COMPAT_ENGINES", ()) and not panel.__name__.startswith("RenderPanel")
    }


@pytest.fixture
def drawn(capture, extension: str) -> Callable[[], str]:
    def draw() -> str:
        seen: list[str] = []
        context = SimpleNamespace(
            scene=bpy.context.scene,
            view_layer=bpy.context.view_layer,
            preferences=SimpleNamespace(system=SimpleNamespace(ui_scale=1.0)),
            region=SimpleNamespace(width=300),
            evaluated_depsgraph_get=bpy.context.evaluated_depsgraph_get,
        )
        panel = bpy.types.SIGHTLINE_PT_render
        if panel.poll(context):
            panel.draw(SimpleNamespace(layout=Recorder(seen)), context)
        return " ".join(seen)

    return draw


def test_blender_panels_come_and_go(extension: str, blank: None) -> None:
    found = adopted()
    assert found >= NEEDED
    assert not any("freestyle" in name or name.startswith(("CYCLES_", "EEVEE_RENDER")) for name in found)
    addon_utils.disable(extension)
    try:
        assert adopted() == set()
    finally:
        addon_utils.enable(extension)
    assert adopted() == found


def test_the_button_chooses_the_engine_and_the_panel_appears(drawn: Callable[[], str]) -> None:
    assert drawn() == ""
    assert bpy.ops.sightline.use_engine() == {"FINISHED"}
    assert bpy.context.scene.render.engine == "SIGHTLINE"
    text = drawn()
    for name in ("capture", "method", "quality", "source_count", "depth_mode"):
        assert f"SceneSettings.{name}" in text
    assert "RenderSettings.film_transparent" in text


def test_the_panel_says_what_stands_in_the_way(drawn: Callable[[], str], scene_module: Scene, monkeypatch) -> None:
    scene = bpy.context.scene
    scene.render.engine = "SIGHTLINE"
    camera, scene.camera = scene.camera, None
    assert "The scene has no camera to render" in drawn() and "sightline.add_target" in drawn()
    scene.camera = camera
    assert f"The scene's camera '{camera.name}' is rendered" in drawn()
    scene.camera = bpy.data.objects["Target"]
    scene.view_settings.view_transform = "AgX"
    assert "the view transform is AgX" in drawn() and "sightline.set_standard_view" in drawn()
    scene.view_settings.view_transform = "Standard"
    text = drawn()
    assert not any(word in text for word in ("rendered", "transform", "stereo", "orthographic"))
    scene.camera.data.type = "ORTHO"
    bpy.context.view_layer.update()
    assert "orthographic" in drawn()
    scene.camera.data.type, scene.render.use_multiview = "PERSP", True
    assert "Stereoscopy" in drawn()
    errors = importlib.import_module(f"{scene_module('names').PACKAGE}.inference.errors")
    monkeypatch.setattr(scene_module("backend"), "believed_backend", lambda: errors.BackendError("No backend."))
    assert "No backend." in drawn() and "sightline.install_backend" in drawn()
