"""Results: colours, files, backgrounds; nothing of the user's is touched."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import bpy
import numpy as np
import pytest

from tests.made_up import HEIGHT, WIDTH, picture, write_png

Scene = Callable[[str], ModuleType]


def standard(scene: bpy.types.Scene) -> None:
    scene.view_settings.view_transform = "Standard"
    scene.render.image_settings.file_format, scene.render.image_settings.color_mode = "PNG", "RGB"


def seen(image: bpy.types.Image, path: Path) -> np.ndarray:
    """What the view transform makes of an image: H x W x 3 bytes."""
    image.save_render(str(path), scene=bpy.context.scene)
    shown = bpy.data.images.load(str(path), check_existing=False)
    shown.colorspace_settings.name = "Non-Color"
    pixels = np.empty(shown.size[0] * shown.size[1] * 4, np.float32)
    shown.pixels.foreach_get(pixels)
    return np.round(pixels.reshape(shown.size[1], shown.size[0], 4)[::-1, :, :3] * 255).astype(int)


def test_a_result_looks_like_its_source(capture, scene_module: Scene, tmp_path: Path) -> None:
    """The same colours in a photograph and in a result: the same pixels under Standard, also after save and reload."""
    standard(bpy.context.scene)
    colours = (picture(0.1) * 255 + 0.5).astype(np.uint8)
    write_png(tmp_path / "result.png", colours)
    result = scene_module("results").adopt(tmp_path / "result.png", {"method": "plane-sweep"})
    scene_module("results").show_as_background(result, bpy.data.objects["Target"])
    assert np.abs(seen(result, tmp_path / "a.png") - colours).max() <= 1
    write_png(tmp_path / "source.png", colours)
    source = bpy.data.images.load(str(tmp_path / "source.png"))
    assert np.abs(seen(result, tmp_path / "b.png") - seen(source, tmp_path / "c.png")).max() <= 1
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "scene.blend"))
    again = bpy.data.objects["Target"].data.background_images[0].image
    assert np.abs(seen(again, tmp_path / "d.png") - colours).max() <= 1
    assert scene_module("results").metadata_of(again)["method"] == "plane-sweep"


def test_sixteen_bits_keep_their_colours(capture, scene_module: Scene, tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    standard(bpy.context.scene)
    colours = picture(0.1)
    cv2.imwrite(str(tmp_path / "result.png"), np.round(colours[..., ::-1] * 65535).astype(np.uint16))
    result = scene_module("results").adopt(tmp_path / "result.png", {})
    assert np.abs(seen(result, tmp_path / "a.png") - np.round(colours * 255)).max() <= 1
    assert result.is_float and result.colorspace_settings.name == "sRGB"


def test_a_new_result_takes_the_place_of_the_last(capture, scene_module: Scene, tmp_path: Path) -> None:
    results, target = scene_module("results"), bpy.data.objects["Target"]
    mine = bpy.data.images.new("mine", 8, 8)
    target.data.background_images.new().image = mine
    for shade in (10, 200):
        path = results.reserve(bpy.context.scene, "Target")
        write_png(path, np.full((HEIGHT, WIDTH, 3), shade, np.uint8))
        image = results.adopt(path, {"target": "Target"})
        results.show_as_background(image, target)
    assert path == tmp_path / "out" / "Target.png"
    assert [background.image for background in target.data.background_images] == [mine, image]
    assert image.pixels[0] == pytest.approx(200 / 255, abs=1e-3)
    assert len([one for one in bpy.data.images if results.is_result(one)]) == 1


def test_files_of_others_are_never_replaced(capture, scene_module: Scene, tmp_path: Path) -> None:
    results, scene = scene_module("results"), bpy.context.scene
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "Target.png").write_bytes(b"a painting")
    path = results.reserve(scene, "Target")
    assert path.name == "Target_001.png"
    other = results.reserve(scene, "Target")  # as another Blender would at the same time
    assert other.name == "Target_002.png"
    results.give_up(other)
    assert not other.exists()
    write_png(path, np.zeros((4, 4, 3), np.uint8))
    results.give_up(path)  # is filled, stays
    results.adopt(path, {"target": "Target"})
    assert results.reserve(scene, "Target") == path
    path.write_bytes(b"retouched by hand")
    assert results.reserve(scene, "Target").name == "Target_002.png"
    assert (tmp_path / "out" / "Target.png").read_bytes() == b"a painting"


@pytest.mark.parametrize("name", ["a/b", "..", "con:1?", "Kamera ä", ". "])
def test_any_camera_name_makes_a_file(capture, scene_module: Scene, tmp_path: Path, name: str) -> None:
    path = scene_module("results").reserve(bpy.context.scene, name)
    assert path.parent == tmp_path / "out" and path.exists()


def test_a_folder_that_cannot_be_made_is_named(capture, scene_module: Scene, tmp_path: Path) -> None:
    results = scene_module("results")
    (tmp_path / "file").write_bytes(b"")
    bpy.context.scene.sightline.output_folder = str(tmp_path / "file")
    with pytest.raises(results.OutputError, match="choose another folder"):
        results.reserve(bpy.context.scene, "Target")


def test_output_folder_of_unsaved_and_saved_files(
    blank, scene_module: Scene, tmp_path: Path, user_folder: Path
) -> None:
    results = scene_module("results")
    assert results.output_folder(bpy.context.scene).is_relative_to(user_folder)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    assert results.output_folder(bpy.context.scene) == tmp_path / "sightline"


def test_metadata_is_json_and_forgiving(capture, scene_module: Scene, tmp_path: Path) -> None:
    results = scene_module("results")
    write_png(tmp_path / "r.png", np.zeros((4, 4, 3), np.uint8))
    image = results.adopt(tmp_path / "r.png", {"method": "convglr", "seconds": {"a": 1.5}})
    assert json.loads(image[scene_module("names").RESULT_KEY])["seconds"] == {"a": 1.5}
    for spoiled in ("{", "[]", 3):
        image[scene_module("names").RESULT_KEY] = spoiled
        assert results.metadata_of(image) == {}
