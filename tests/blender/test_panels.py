"""Panels draw in every state, say what is wrong and offer the button. A recorder stands in for Blender's layout."""

import time
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import bpy
import pytest

Scene = Callable[[str], ModuleType]


class Recorder:
    """Accepts every call of a layout; remembers texts, operators and properties."""

    def __init__(self, seen: list[str]) -> None:
        self.__dict__["seen"] = seen

    def __setattr__(self, name: str, value: object) -> None:
        assert name in bpy.types.UILayout.bl_rna.properties, name

    def __getattr__(self, name: str) -> Callable[..., Any]:
        assert name in bpy.types.UILayout.bl_rna.functions, name

        def call(*arguments: object, **options: object) -> Any:
            if name == "operator":
                group, operator = str(arguments[0]).split(".")
                getattr(getattr(bpy.ops, group), operator).get_rna_type()  # is registered
                self.seen.append(str(arguments[0]))
            elif name == "prop":
                assert arguments[1] in arguments[0].bl_rna.properties  # type: ignore[attr-defined]
                self.seen.append(f"{type(arguments[0]).__name__}.{arguments[1]}")
            if text := options.get("text"):
                self.seen.append(str(text))
            return SimpleNamespace() if name == "operator" else Recorder(self.seen)

        return call


@pytest.fixture
def drawn(blank: None, extension: str) -> Callable[[], str]:
    """Draw every panel of the tab whose poll allows it; return all it shows."""

    def draw() -> str:
        seen: list[str] = []
        context = SimpleNamespace(
            scene=bpy.context.scene,
            view_layer=bpy.context.view_layer,
            preferences=SimpleNamespace(system=SimpleNamespace(ui_scale=1.0)),
            region=SimpleNamespace(width=300),
            evaluated_depsgraph_get=bpy.context.evaluated_depsgraph_get,
        )
        for name in ("capture", "sources", "target", "method", "result", "animation", "farm"):
            panel = getattr(bpy.types, f"SIGHTLINE_PT_{name}")
            if not hasattr(panel, "poll") or panel.poll(context):
                own = SimpleNamespace(layout=Recorder(seen))
                own._active = lambda *a, panel=panel, own=own: panel._active(own, *a)
                panel.draw(own, context)
        return "\n".join(seen)

    return draw


def test_first_look(drawn: Callable[[], str]) -> None:
    text = drawn()
    assert "sightline.import_capture" in text and "sightline.capture_from_collection" in text
    assert "SceneSettings.target" in text


def test_with_a_capture(capture, drawn: Callable[[], str], scene_module: Scene) -> None:
    bpy.context.scene.sightline.active_source = [o.name for o in capture.all_objects].index("view_2")
    text = drawn()
    assert "4 of 5 used" in text and "view_2: 0.05 away" in text and "sightline.synthesize_view" in text
    capture.objects["view_2"].data.background_images.clear()
    assert "no picture" in drawn().replace("\n", " ")


def test_a_farm_is_told_what_to_make(capture, drawn: Callable[[], str]) -> None:
    settings = bpy.context.scene.sightline
    text = drawn()
    assert "sightline.export_farm_job" in text and "SceneSettings.farm_movie" in text and "Show sightline.js" in text
    assert "sightline.bake_file" in text
    settings.farm_kind = "gaussians"
    assert "SceneSettings.farm_movie" not in drawn()
    settings.capture = None
    after = drawn().partition("sightline.export_farm_job")[2]
    assert "Photographs with known cameras are needed." in after.replace("\n", " ")


def test_more_sources_than_asked_for_are_explained(capture, drawn: Callable[[], str], scene_module: Scene) -> None:
    settings, choices = bpy.context.scene.sightline, scene_module("choices")
    settings.source_count, sentence = 3, "3 asked for; ties share the last place."
    places = {"view_1": -0.1, "view_2": 0.1, "view_3": 0.3, "view_4": -0.3}  # two are equally far from the target
    for name, x in places.items():
        capture.objects[name].location.x = x
    capture.objects["view_0"].data.sightline.enabled = False
    settings.target.location.x = 0.0
    bpy.context.view_layer.update()
    text = drawn().replace("\n", " ")
    assert "4 of 5 used for this target" in text and sentence in text
    words = {name: shown.word for name, shown in choices.choices_of(bpy.context).sources.items()}
    assert [words[name] for name in places] == ["used", "used", "used in part", "used in part"]
    settings.target.location.x = 0.1  # one of them is clearly nearer now
    bpy.context.view_layer.update()
    text = drawn().replace("\n", " ")
    assert "3 of 5 used for this target" in text and "You asked" not in text
    settings.source_count = 4
    assert "4 of 5 used for this target" in drawn() and "You asked" not in drawn()


def test_without_a_backend(capture, drawn: Callable[[], str], scene_module: Scene, monkeypatch) -> None:
    backend = scene_module("backend")
    monkeypatch.delenv(backend.PYTHON_VARIABLE, raising=False)
    monkeypatch.setattr(backend, "WORKER_PACKAGES", ("no_such_package",))
    backend.forget()
    text = drawn()
    assert "sightline.install_backend" in text and "sightline.open_preferences" in text
    backend.forget()


def test_the_animation_and_the_cache(
    capture, drawn: Callable[[], str], scene_module: Scene, tmp_path, monkeypatch
) -> None:
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end, scene.frame_step = 10, 1009, 2
    state, requests = scene_module("cache_state"), scene_module("requests")
    frames = requests.FrameCache(tmp_path / "frames", 10**9)
    monkeypatch.setattr(state, "cache", lambda: frames)
    monkeypatch.setattr(state, "_PATIENCE", 5.0)  # on a busy machine too
    state.empty_cache()
    text = drawn()
    assert "sightline.synthesize_animation" in text and "500 frames, 10 to 1008" in text
    assert "SceneSettings.frame_format" in text
    assert "The frame cache is empty" in text
    frames.folder.mkdir(exist_ok=True)
    made = frames.path("0123456789")
    made.parent.mkdir(parents=True, exist_ok=True)
    made.write_bytes(bytes(2_000_000))
    assert "The frame cache is empty" in drawn()  # believed for a moment: panels draw all the time
    assert bpy.ops.sightline.empty_cache() == {"FINISHED"} and not made.exists()
    made.write_bytes(bytes(2_000_000))
    assert "Cache: 1 frame, 2.0 MB" in drawn()


def test_ten_thousand_cached_frames_hold_no_redraw_up(blank, scene_module: Scene, tmp_path, monkeypatch) -> None:
    state, requests = scene_module("cache_state"), scene_module("requests")
    for index in range(10_000):
        (tmp_path / f"{index}.frame").touch()
    monkeypatch.setattr(state, "cache", lambda: requests.FrameCache(tmp_path, 10**9))
    monkeypatch.setattr(state, "_BELIEVED", 0.1)
    state.forget()
    assert state.cache_in_words() == "Counting the cached frames"
    took = []
    for _ in range(10):
        time.sleep(0.15)  # so that each asks anew
        start = time.perf_counter()
        text = state.cache_in_words()
        took.append(time.perf_counter() - start)
    state.forget()
    assert text == "Cache: 10,000 frames, 0.0 MB"
    print("asked anew:", [f"{1000 * value:.1f} ms" for value in took])
    assert sorted(took)[5] < 0.005  # another process may take the processor away from some


def test_while_running_and_after_an_error(capture, drawn: Callable[[], str], scene_module: Scene) -> None:
    jobs = scene_module("job")

    def work(job):
        yield jobs.Step(0.4, "Half way")
        raise scene_module("backend").BackendError("It broke; mend it.")

    job = jobs.Job("Testing", work)
    job.start()
    job.step()
    text = drawn()
    assert "Testing 40%" in text and "Half way" in text and "sightline.cancel" in text
    job.step()
    assert "It broke; mend it." in drawn() and not job.step()


def test_with_a_result(capture, drawn: Callable[[], str], scene_module: Scene, tmp_path) -> None:
    results = scene_module("results")
    path = tmp_path / "made-up" / "images" / "view_0.png"
    image = results.adopt(path, {"method": "plane-sweep", "sources": [1, 2, 3]})
    results.show_as_background(image, bpy.data.objects["Target"])
    text = drawn()
    assert "sightline.open_result" in text and "Plane Sweep (draft), 3 sources" in text


def test_coverage_and_colours(capture, drawn: Callable[[], str]) -> None:
    bpy.context.scene.sightline.active_source = [obj.name for obj in capture.all_objects].index("view_3")
    bpy.data.objects["view_3"].data.sightline.gain = (0.5, 0.5, 0.5)
    text = drawn()
    assert "sightline.even_out" in text and "CameraSettings.gain" in text and "seen by" not in text
    assert bpy.ops.sightline.show_coverage() == {"FINISHED"}
    text = drawn()
    assert "seen by no source" in text and "seen by three or more" in text
    assert "1.0 stops darker than the others" in " ".join(text.split())


def test_the_source_list(capture, scene_module: Scene) -> None:
    lists = bpy.types.SIGHTLINE_UL_sources
    own = SimpleNamespace(filter_name="", bitflag_filter_item=1)
    empty = bpy.data.objects.new("an empty", None)
    capture.objects.link(empty)
    flags, order = lists.filter_items(own, bpy.context, capture, "all_objects")
    names = [obj.name for obj in capture.all_objects]
    assert [name for name, flag in zip(names, flags, strict=True) if not flag] == ["an empty"]
    assert sorted(order) == list(range(len(names)))
    shown = sorted(zip(order, names, strict=True))
    assert [name for _, name in shown][:2] == ["view_2", "view_3"], "nearest first"
    own.filter_name = "VIEW_4"
    assert sum(lists.filter_items(own, bpy.context, capture, "all_objects")[0]) == 1


def test_drawing_is_cheap(capture, drawn: Callable[[], str], add_source, tmp_path) -> None:
    for index in range(95):
        add_source(capture, f"more_{index}", tmp_path / "made-up" / "images" / "view_1.png", 0.01 * index)
    drawn()
    took = []
    for _ in range(5):
        start = time.perf_counter()
        drawn()
        took.append(time.perf_counter() - start)
    print(f"drawing all panels of 100 sources: {1000 * min(took):.1f} ms")
    assert min(took) < 0.05


def test_a_saved_file_does_not_bring_old_errors_back(blank, scene_module: Scene, tmp_path) -> None:
    state = bpy.context.window_manager.sightline
    state.error, state.running = "old", True
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
    state = bpy.context.window_manager.sightline
    assert state.error == "" and not state.running
