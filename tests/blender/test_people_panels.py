"""What the panels say with GPS-Gaussian: what applies, which pair would be used and why, and what is missing."""

import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import bpy
import numpy as np
import pytest

from tests.blender import people_rig
from tests.blender.test_panels import Recorder, drawn  # noqa: F401 - a fixture
from tests.made_up import write_png

Scene = Callable[[str], ModuleType]


@pytest.fixture
def rig(cameras, scene_module: Scene, tmp_path: Path) -> bpy.types.Collection:
    scene_module("choices").forget()
    return people_rig.build(cameras, tmp_path)


def shown(scene_module: Scene):
    return scene_module("choices").choices_of(bpy.context)


def test_only_what_applies_is_drawn(rig, drawn: Callable[[], str]) -> None:  # noqa: F811
    text = drawn()
    assert "SceneSettings.method" in text and "SceneSettings.quality" in text
    assert "source_count" not in text and "depth_mode" not in text and "no mask" not in text
    bpy.context.scene.sightline.method = "convglr"
    assert "source_count" in drawn() and "depth_mode" in drawn()


def test_the_pair_and_the_reasons(rig, scene_module: Scene, drawn: Callable[[], str]) -> None:  # noqa: F811
    choices = shown(scene_module)
    assert [name for name, one in choices.sources.items() if one.used] == ["cam1", "cam2"]  # the nearer one first
    # Along the rig's circle, seen from its middle, with the cameras a little above.
    assert choices.sources["cam1"].reason.startswith(("left of the pair, 7°", "right of the pair, 7°"))
    assert "13° from the target as seen from the subject" in choices.sources["cam2"].reason
    assert "two views enclose the target more closely" in choices.sources["cam0"].reason
    assert "2 of 4 used for this target" in drawn()
    bpy.context.scene.sightline.target = rig.objects["cam1"]
    after = shown(scene_module).sources
    assert {name for name, one in after.items() if one.used} == {"cam0", "cam2"}
    assert after["cam1"].reason == "is the target"


def test_a_used_source_without_mask_is_named(rig, drawn: Callable[[], str], tmp_path: Path) -> None:  # noqa: F811
    write_png(tmp_path / "cam0_0001.png", people_rig.photograph(0.0, alpha=False))
    assert "no mask" not in drawn()  # it is not used
    bpy.context.scene.sightline.target = rig.objects["cam1"]
    assert "'cam0' has no mask to tell the person from the background" in drawn().replace("\n", " ")
    write_png(tmp_path / "white.png", np.full((210, 200, 3), 255, np.uint8))
    rig.objects["cam0"].data.sightline.mask = bpy.data.images.load(str(tmp_path / "white.png"))
    assert "no mask" not in drawn()


def test_a_target_that_looks_away_is_told(rig, drawn: Callable[[], str], scene_module: Scene) -> None:  # noqa: F811
    target = bpy.data.objects["Target"]
    target.rotation_mode = "XYZ"
    target.rotation_euler.x += 3.1
    bpy.context.view_layer.update()
    assert "The target sees nothing of the subject" in drawn().replace("\n", " ")
    assert not scene_module("checks").ready(bpy.context)


def test_parallel_cameras_are_left_to_the_worker(rig, scene_module: Scene, drawn) -> None:  # noqa: F811
    for index, obj in enumerate([*rig.objects, bpy.data.objects["Target"]]):
        obj.rotation_mode, obj.rotation_euler, obj.location = "XYZ", (0, 0, 0), (index, 0, 20)
    bpy.context.view_layer.update()
    choices = shown(scene_module)
    assert choices.undecided and not choices.target_problem
    assert "? of 4 used for this target" in drawn()
    assert scene_module("checks").target_problem(bpy.context) is None


def test_the_gaussians_panel(rig) -> None:
    def draw() -> str:
        seen: list[str] = []
        panel = bpy.types.SIGHTLINE_PT_gaussians
        panel.draw(type("Own", (), {"layout": Recorder(seen)})(), bpy.context)
        return "\n".join(seen)

    text = draw()
    order = ["gaussians_coverage", "gaussians_span", "create_gaussians", "render_gaussians", "import_gaussians"]
    assert sorted(order, key=text.index) == order and "gaussians_missing" not in text
    bpy.context.scene.sightline.gaussians_span = "RANGE"
    assert "gaussians_missing" in draw()


def test_drawing_a_hundred_cameras_is_cheap(rig, cameras, drawn, tmp_path: Path) -> None:  # noqa: F811
    for index in range(96):
        people_rig.add_camera(cameras, rig, f"more{index}", 61 + 3.1 * index, tmp_path / "cam0_0001.png")
    bpy.context.view_layer.update()
    took = []
    for moved in (True, True, False, False, False, False):
        if moved:
            bpy.data.objects["Target"].location.z += 0.01
            bpy.context.view_layer.update()
        start = time.perf_counter()
        drawn()
        took.append(time.perf_counter() - start)
    print("first, moved target, unchanged:", [f"{1000 * value:.1f} ms" for value in took])
    assert min(took[2:]) < 0.05
