"""Sources that move and are hidden: at which frame a render has them, and what is said where that is another one."""

from collections.abc import Callable, Iterator
from types import ModuleType

import bpy
import pytest

from tests.blender.camera_move import place

Scene = Callable[[str], ModuleType]
Places = dict[int, float]

PLACES = {1: -0.2, 2: -0.05, 3: 0.1}


@pytest.fixture
def source(capture) -> bpy.types.Object:
    """A source that hangs on something that moves, as an imported camera hangs on its capture's empty."""
    dolly = bpy.data.objects.new("dolly", None)
    capture.objects.link(dolly)
    for frame, x in PLACES.items():
        place(dolly, frame, x)
    source = capture.objects["view_1"]
    source.parent, source.location.x = dolly, 0.0
    bpy.context.scene.frame_set(1)
    return source


@pytest.fixture
def rendered(source, scene_module: Scene) -> Iterator[Callable[[], Places]]:
    """Where an engine finds the source at the frames of an animation, without files."""

    class Finder(bpy.types.RenderEngine):
        bl_idname, bl_label = "FINDER", "Finder"
        found: Places

        def render(self, depsgraph: bpy.types.Depsgraph) -> None:
            frame = depsgraph.scene.frame_current
            Finder.found[frame] = scene_module("sources").examine(source, depsgraph, frame).position[0]
            self.end_result(self.begin_result(0, 0, 8, 8))

    def places() -> Places:
        Finder.found = {}
        bpy.context.scene.render.engine = "FINDER"
        scene = bpy.context.scene
        scene.frame_start, scene.frame_end = min(PLACES), max(PLACES)
        bpy.ops.render.render(animation=True)
        return Finder.found

    bpy.utils.register_class(Finder)
    bpy.context.scene.render.filepath = bpy.app.tempdir
    yield places
    bpy.utils.unregister_class(Finder)


def new_collection(name: str, parent: bpy.types.Collection) -> bpy.types.Collection:
    made = bpy.data.collections.new(name)
    parent.children.link(made)
    return made


def hide(obj: bpy.types.Object, capture: bpy.types.Collection, how: str) -> None:
    if how == "object":
        for one in (obj, obj.parent):
            one.hide_render = one.hide_viewport = True
    elif how == "excluded":
        bpy.context.view_layer.layer_collection.children[capture.name].exclude = True
    elif how == "viewport":
        capture.hide_viewport = True
    elif how == "above":
        above = new_collection("above", bpy.context.scene.collection)
        above.children.link(capture)
        bpy.context.scene.collection.children.unlink(capture)
        above.hide_render = above.hide_viewport = True
    elif how == "inside":
        inside = new_collection("inside", capture)
        for one in (obj, obj.parent):
            inside.objects.link(one)
            capture.objects.unlink(one)
        inside.hide_render = inside.hide_viewport = True


@pytest.mark.parametrize("how", ["shown", "object", "excluded", "viewport", "above", "inside"])
def test_hidden_sources_move_in_renders(capture, source, rendered, scene_module: Scene, how: str) -> None:
    hide(source, capture, how)
    assert rendered() == pytest.approx(PLACES)
    assert scene_module("hidden_capture").sentence(bpy.context.scene, render=True) == ""


@pytest.mark.parametrize("how", ["shown", "object", "excluded", "above", "inside"])
def test_hidden_sources_move_in_viewports(capture, source, scene_module: Scene, how: str) -> None:
    hide(source, capture, how)
    for frame, x in PLACES.items():
        bpy.context.scene.frame_set(frame)
        graph = bpy.context.evaluated_depsgraph_get()
        assert scene_module("sources").examine(source, graph, frame).position[0] == pytest.approx(x)
    assert scene_module("hidden_capture").sentence(bpy.context.scene, render=False) == ""


def test_a_disabled_capture_is_told_of(capture, source, rendered, scene_module: Scene) -> None:
    scene = bpy.context.scene
    capture.hide_render = True
    # Were Blender to move it, there would be nothing to tell.
    assert rendered() == pytest.approx(dict.fromkeys(PLACES, PLACES[1]))
    sentence = scene_module("hidden_capture").sentence(scene, render=True)
    assert "The capture 'made-up' is disabled in renders" in sentence
    checks = scene_module("checks")
    assert sentence in [note.sentence for note in checks.render_notes(bpy.context)]
    assert sentence not in [warning.sentence for warning in checks.warnings(bpy.context)]
    assert bpy.ops.sightline.enable_capture() == {"FINISHED"} and not capture.hide_render
    assert rendered() == pytest.approx(PLACES)
    assert sentence not in [note.sentence for note in checks.render_notes(bpy.context)]


def test_in_viewports_as_well(capture, source, scene_module: Scene) -> None:
    scene, checks = bpy.context.scene, scene_module("checks")

    def position() -> float:
        return scene_module("sources").examine(source, bpy.context.evaluated_depsgraph_get(), 3).position[0]

    capture.hide_viewport = True
    scene.frame_set(3)
    assert position() == pytest.approx(PLACES[1])
    assert any("is disabled in viewports" in warning.sentence for warning in checks.warnings(bpy.context))
    bpy.ops.sightline.enable_capture()
    assert position() == pytest.approx(PLACES[3])
    assert not any("is disabled" in warning.sentence for warning in checks.warnings(bpy.context))


def test_cameras_that_stand_still_need_no_word(capture, scene_module: Scene) -> None:
    capture.hide_render = capture.hide_viewport = True
    for render in (False, True):
        assert scene_module("hidden_capture").sentence(bpy.context.scene, render=render) == ""
