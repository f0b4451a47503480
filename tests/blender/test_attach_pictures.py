"""Cameras of other importers get their pictures by name."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import addon_utils
import bpy
import numpy as np
import pytest

from tests.made_up import picture, write_png

Scene = Callable[[str], ModuleType]

PLACES = {"IMG_0001": -0.3, "IMG_0002": -0.1, "IMG_0003": 0.1, "left cam": 0.3}


def write_pictures(folder: Path, names: dict[str, float]) -> None:
    folder.mkdir()
    for name, x in names.items():
        write_png(folder / name, (picture(x) * 255 + 0.5).astype(np.uint8))


def export(kind: str, path: Path, add_source: Callable[..., bpy.types.Object]) -> None:
    """Write cameras as another program would, by Blender's own exporter, and take them out of the scene."""
    collection = bpy.data.collections.new("out")
    bpy.context.scene.collection.children.link(collection)
    bpy.ops.object.select_all(action="DESELECT")
    for name, x in PLACES.items():
        add_source(collection, name, None, x).select_set(True)
    bpy.context.view_layer.update()
    if kind == "fbx":
        addon_utils.enable("io_scene_fbx")
        bpy.ops.export_scene.fbx(filepath=str(path), use_selection=True, object_types={"CAMERA"})
    elif kind == "usd":
        bpy.ops.wm.usd_export(filepath=str(path), selected_objects_only=True)
    else:
        bpy.ops.wm.alembic_export(filepath=str(path), selected=True, as_background_job=False)
    for obj in list(collection.objects):
        bpy.data.objects.remove(obj)
    bpy.data.collections.remove(collection)
    bpy.data.orphans_purge()


@pytest.mark.parametrize("kind", ["fbx", "usd", "abc"])
def test_cameras_of_importers(blank, add_source, scene_module: Scene, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"cameras.{kind}"
    export(kind, path, add_source)
    collection = bpy.data.collections.new("imported")
    bpy.context.scene.collection.children.link(collection)
    layer = bpy.context.view_layer
    layer.active_layer_collection = layer.layer_collection.children["imported"]
    if kind == "fbx":
        bpy.ops.import_scene.fbx(filepath=str(path))
    elif kind == "usd":
        bpy.ops.wm.usd_import(filepath=str(path))
    else:
        bpy.ops.wm.alembic_import(filepath=str(path), as_background_job=False)
    pictures = {"img_0001.png": -0.3, "IMG_0002.PNG": -0.1, "img-0003.png": 0.1, "Left_Cam.png": 0.3}
    write_pictures(tmp_path / "photographs", pictures)
    assert bpy.ops.sightline.attach_pictures(directory=str(tmp_path / "photographs")) == {"FINISHED"}
    capture = bpy.context.scene.sightline.capture
    sources = scene_module("sources")
    layer.update()
    depsgraph = bpy.context.evaluated_depsgraph_get()
    objects = sources.cameras_in(capture)
    assert len(objects) == 4
    for obj in objects:
        source = sources.examine(obj, depsgraph, 1)
        assert source.reason == ""
        # Which picture belongs to which camera is told by where it stands.
        assert source.camera.centre[0] == pytest.approx(pictures[source.photograph.path.name], abs=1e-4)
        assert (source.camera.fx, source.camera.width) == pytest.approx((90.0, 96), rel=1e-3)


def test_names_that_are_the_same(scene_module: Scene) -> None:
    matches = scene_module("attaching").matches

    def matched(cameras: list[str], pictures: list[str]) -> dict[str, str]:
        found = matches({name: (name,) for name in cameras}, [Path(name) for name in pictures])
        return {name: str(path) for name, path in found.items()}

    assert matched(["IMG_1.JPG", "img-2_jpg", "DSC 3.001"], ["img_1.jpg", "IMG_2.tif", "dsc3.png"]) == {
        "IMG_1.JPG": "img_1.jpg",
        "img-2_jpg": "IMG_2.tif",
        "DSC 3.001": "dsc3.png",
    }
    # A number of Blender's own counts where pictures have it.
    assert matched(["Camera", "Camera.001"], ["camera.png", "camera.001.png"]) == {
        "Camera": "camera.png",
        "Camera.001": "camera.001.png",
    }
    # Whom two want, or what two are called like, is nobody's.
    assert matched(["a.001", "a.002", "b"], ["a.png", "b.png", "B.jpg"]) == {}
    assert matched(["x"], ["..."]) == {} and matched([], ["a.png"]) == {}


def test_what_has_no_partner_is_named(blank, add_source, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """In the scene's own collection, which can be no capture, a new one is made; one that is selected is enough."""
    scene = bpy.context.scene
    add_source(scene.collection, "one", None)
    add_source(scene.collection, "two", None)
    bpy.ops.object.select_all(action="DESELECT")
    layer = bpy.context.view_layer
    layer.active_layer_collection = layer.layer_collection
    for name in ("one", "two"):
        scene.collection.objects[name].select_set(True)
    write_pictures(tmp_path / "shots", {"ONE.png": 0.0, "three.png": 0.1})
    assert bpy.ops.sightline.attach_pictures(directory=str(tmp_path / "shots")) == {"FINISHED"}
    assert "1 camera has its picture now; no picture for 'two'; no camera for 'three.png'." in capfd.readouterr().out
    capture = scene.sightline.capture
    assert capture.name == "shots" and {obj.name for obj in capture.objects} == {"one", "two"}
    assert not {"one", "two"} & set(scene.collection.objects.keys())
    # Attaching again replaces a picture.
    layer.active_layer_collection = layer.layer_collection.children["shots"]
    (tmp_path / "more").mkdir()
    (tmp_path / "shots" / "ONE.png").rename(tmp_path / "more" / "one.png")
    assert bpy.ops.sightline.attach_pictures(directory=str(tmp_path / "more")) == {"FINISHED"}
    [background] = capture.objects["one"].data.background_images
    assert Path(background.image.filepath).name == "one.png"


def test_nothing_to_attach_is_one_sentence(blank, capture, tmp_path: Path) -> None:
    layer = bpy.context.view_layer
    layer.active_layer_collection = layer.layer_collection.children["made-up"]
    (tmp_path / "empty").mkdir()
    write_pictures(tmp_path / "others", {"a.png": 0.0})
    for folder, words in (
        ("empty", "has no pictures"),
        ("others", "is called like a camera"),
        ("no", "cannot be read"),
    ):
        with pytest.raises(RuntimeError, match=words):
            bpy.ops.sightline.attach_pictures(directory=str(tmp_path / folder))
    with pytest.raises(RuntimeError, match="No folder is named"):
        bpy.ops.sightline.attach_pictures()
