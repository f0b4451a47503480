"""Gaussians as objects: from a file and back to one, moved, duplicated, undone, saved."""

import time
from pathlib import Path
from types import SimpleNamespace

import bpy
import numpy as np
import pytest
from mathutils import Matrix

from tests.blender.gaussian_clouds import assert_same, covariances, module, random_cloud
from tests.blender.test_panels import Recorder


@pytest.fixture
def gaussians(blank: None, extension: str):
    return module(extension, "scene.gaussians")


@pytest.fixture
def ply(blank: None, extension: str):
    return module(extension, "inference.gaussian_ply")


def world(gaussians, obj: bpy.types.Object):
    return gaussians.gaussians_of(obj, bpy.context.evaluated_depsgraph_get())


@pytest.mark.parametrize("coefficients", [1, 4, 9, 16])
def test_file_to_object_to_file(gaussians, ply, extension: str, tmp_path: Path, coefficients: int) -> None:
    made = random_cloud(extension, coefficients=coefficients)
    ply.write_gaussians(tmp_path / "statue.ply", made)
    assert bpy.ops.sightline.import_gaussians(filepath=str(tmp_path / "statue.ply")) == {"FINISHED"}
    obj = bpy.context.active_object
    assert obj.name == "statue" and obj.select_get() and obj.matrix_world == Matrix.Identity(4)
    assert_same(world(gaussians, obj), made)
    assert bpy.ops.sightline.export_gaussians(filepath=str(tmp_path / "back.ply")) == {"FINISHED"}
    assert_same(ply.read_gaussians(tmp_path / "back.ply"), made)
    # Away from the origin every other file has the same, within what float32 holds.
    assert (tmp_path / "back.ply").stat().st_size == (tmp_path / "statue.ply").stat().st_size


def test_attributes_are_those_of_blender_5_3(gaussians, extension: str) -> None:
    made = random_cloud(extension, 3, 4)
    data = gaussians.create_object(bpy.context, made, "a").data
    expected = {
        "position": made.means,
        "scale": made.scales,
        "rotation": made.quaternions,
        "radiance:base": np.concatenate([made.harmonics[:, 0], made.opacities[:, None]], axis=1),
        **{f"radiance:sh_{k}": made.harmonics[:, k + 1] for k in range(3)},
    }
    keys = {"QUATERNION": "value", "FLOAT_COLOR": "color"}
    for name, values in expected.items():
        attribute = data.attributes[name]
        found = [getattr(point, keys.get(attribute.data_type, "vector")) for point in attribute.data]
        assert np.allclose(found, values, atol=1e-6), name
    assert "radiance:sh_3" not in data.attributes


def test_the_shown_colour_is_scene_linear(gaussians, extension: str) -> None:
    made = module(extension, "inference.gaussians").Gaussians.coloured(
        np.zeros((2, 3)), [[1, 0, 0, 0]] * 2, np.ones((2, 3)), [0.25, 1], [[1.0, 0.5, 0.02], [0.0, 1.0, 0.75]]
    )
    shown = [
        tuple(point.color) for point in gaussians.create_object(bpy.context, made, "a").data.attributes["colour"].data
    ]
    # Of the sRGB standard's table: 0.5 is 0.214041, 0.75 is 0.522522, 0.02 lies on the straight part.
    assert np.allclose(shown, [[1, 0.214041, 0.02 / 12.92, 0.25], [0, 1, 0.522522, 1]], atol=1e-5)


def test_moves_with_its_parent(gaussians, extension: str) -> None:
    made = random_cloud(extension)
    obj = gaussians.create_object(bpy.context, made, "a")
    parent = bpy.data.objects.new("parent", None)
    bpy.context.scene.collection.objects.link(parent)
    obj.parent = parent
    parent.rotation_euler, parent.location, parent.scale = (0.3, -1.2, 2.0), (1, 2, 3), (2, 2, 2)
    obj.location, obj.rotation_euler = (0.5, 0, 0), (0, 1, 0)
    bpy.context.view_layer.update()
    matrix = np.array(obj.matrix_world)
    moved = world(gaussians, obj)
    assert np.allclose(moved.means, made.means @ matrix[:3, :3].T + matrix[:3, 3], atol=1e-5)
    assert np.allclose(covariances(moved), matrix[:3, :3] @ covariances(made) @ matrix[:3, :3].T, atol=1e-5)
    assert np.allclose(moved.harmonics[:, 0], made.harmonics[:, 0], atol=1e-6)
    assert not np.allclose(moved.harmonics[:, 1:], made.harmonics[:, 1:], atol=0.1)  # tests/unit says how they turn


def test_uneven_scale_counts_and_none_is_refused(gaussians, extension: str) -> None:
    made = random_cloud(extension, coefficients=1)
    obj = gaussians.create_object(bpy.context, made, "a")
    obj.scale = (1, 2, 3)
    assert np.allclose(
        covariances(world(gaussians, obj)), np.diag([1, 2, 3]) @ covariances(made) @ np.diag([1, 2, 3]), atol=1e-5
    )
    obj.scale = (1, 0, 1)
    with pytest.raises(gaussians.GaussiansError, match="scale"):
        world(gaussians, obj)


def test_keyed_hidden_and_duplicated(gaussians, extension: str) -> None:
    made = random_cloud(extension, 5, 1)
    obj = gaussians.create_object(bpy.context, made, "a")
    obj.keyframe_insert("location", frame=1)
    obj.location.x = 4
    obj.keyframe_insert("location", frame=3)
    bpy.context.scene.frame_set(3)
    assert np.allclose(world(gaussians, obj).means, made.means + np.array([4, 0, 0]), atol=1e-5)
    bpy.ops.object.duplicate()
    twin = bpy.context.active_object
    assert twin != obj and twin.data != obj.data
    gaussians.update_object(twin, random_cloud(extension, 8, 4, seed=1))
    assert gaussians.count_of(twin) == 8 and gaussians.count_of(obj) == 5
    assert twin.modifiers[0].node_group == obj.modifiers[0].node_group
    obj.hide_viewport = True
    assert {one.parent.name for one in bpy.context.evaluated_depsgraph_get().object_instances if one.is_instance} == {
        twin.name
    }


def test_replacing_leaves_nothing_of_the_last_ones(gaussians, extension: str) -> None:
    obj = gaussians.create_object(bpy.context, random_cloud(extension, 30, 16), "a")
    material = obj.modifiers[0].node_group
    for count, coefficients in ((10, 4), (0, 1), (60, 9)):
        other = random_cloud(extension, count, coefficients, seed=count)
        gaussians.update_object(obj, other)
        assert_same(world(gaussians, obj), other)
    assert obj.modifiers[0].node_group == material and len(obj.modifiers) == 1


def test_saved_and_opened_again(gaussians, extension: str, tmp_path: Path) -> None:
    made = random_cloud(extension, coefficients=9)
    gaussians.create_object(bpy.context, made, "kept").location = (1, 0, 0)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    assert "kept" not in bpy.data.objects
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "scene.blend"))
    obj = bpy.data.objects["kept"]
    assert gaussians.is_gaussians(obj)
    assert np.allclose(world(gaussians, obj).means, made.means + np.array([1, 0, 0]), atol=1e-6)
    gaussians.create_object(bpy.context, made, "second")  # by the same group, not by a copy
    assert len([one for one in bpy.data.node_groups if one.name.startswith("Sightline")]) == 1
    assert len([one for one in bpy.data.materials if one.name.startswith("Sightline")]) == 1


def test_undo_and_redo(gaussians, ply, extension: str, tmp_path: Path) -> None:
    made = random_cloud(extension)
    ply.write_gaussians(tmp_path / "a.ply", made)
    bpy.ops.ed.undo_push(message="start")
    bpy.ops.sightline.import_gaussians("EXEC_DEFAULT", True, filepath=str(tmp_path / "a.ply"))
    assert "a" in bpy.data.objects
    bpy.ops.ed.undo()
    assert "a" not in bpy.data.objects
    bpy.ops.ed.redo()
    assert_same(world(gaussians, bpy.data.objects["a"]), made)


def test_faults_leave_the_scene_as_it_was(gaussians, tmp_path: Path) -> None:
    (tmp_path / "a.ply").write_bytes(b"ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nend_header\n1\n")
    before = set(bpy.data.objects)
    with pytest.raises(RuntimeError, match="has no property y"):
        bpy.ops.sightline.import_gaussians(filepath=str(tmp_path / "a.ply"))
    with pytest.raises(RuntimeError, match="cannot be read"):
        bpy.ops.sightline.import_gaussians(filepath="")
    assert set(bpy.data.objects) == before and not bpy.data.meshes.get("a")
    bpy.context.view_layer.objects.active = bpy.data.objects["Cube"]
    assert not bpy.ops.sightline.export_gaussians.poll()
    with pytest.raises(gaussians.GaussiansError, match="'Cube' has no Gaussians"):
        world(gaussians, bpy.data.objects["Cube"])


def test_a_file_that_cannot_be_written(gaussians, extension: str, tmp_path: Path) -> None:
    gaussians.create_object(bpy.context, random_cloud(extension), "a")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(RuntimeError, match="cannot be written"):
        bpy.ops.sightline.export_gaussians(filepath=str(tmp_path / "file" / "a.ply"))


def test_edit_mode_is_refused(gaussians, extension: str) -> None:
    obj = gaussians.create_object(bpy.context, random_cloud(extension), "a")
    bpy.ops.object.mode_set(mode="EDIT")
    for act in (lambda: world(gaussians, obj), lambda: gaussians.update_object(obj, random_cloud(extension))):
        with pytest.raises(gaussians.GaussiansError, match="'a' is in Edit Mode"):
            act()
    bpy.ops.object.mode_set(mode="OBJECT")
    assert len(world(gaussians, obj)) == 50


def test_a_collection_outside_the_view_layer(gaussians, extension: str) -> None:
    collection = bpy.data.collections.new("elsewhere")
    context = SimpleNamespace(
        collection=collection, view_layer=bpy.context.view_layer, selected_objects=bpy.context.selected_objects
    )
    obj = gaussians.create_object(context, random_cloud(extension), "a")
    assert obj.name in collection.objects


def test_half_a_million_a_quarter_second(gaussians, extension: str) -> None:
    made = random_cloud(extension, 500_000, 1)
    begin = time.perf_counter()
    gaussians.create_object(bpy.context, made, "a")
    assert time.perf_counter() - begin < 0.25


def drawn(space: bpy.types.Space | None = None) -> str:
    seen: list[str] = []
    context = SimpleNamespace(
        scene=bpy.context.scene,
        active_object=bpy.context.active_object,
        space_data=space,
        preferences=SimpleNamespace(system=SimpleNamespace(ui_scale=1.0)),
        region=SimpleNamespace(width=300),
    )
    layout = Recorder(seen)
    bpy.types.SIGHTLINE_PT_gaussians.draw(SimpleNamespace(layout=layout), context)
    return "\n".join(seen)


def test_panel(gaussians, extension: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module(extension, "panels.gaussians"), "control", lambda display, name: (display, "name"))
    scene = bpy.context.scene
    assert "sightline.import_gaussians" in drawn() and "Display Share" not in drawn()
    obj = gaussians.create_object(bpy.context, random_cloud(extension, 1234), "statue")
    scene.render.engine, scene.view_settings.view_transform = "CYCLES", "AgX"
    text = drawn()
    for word in ("statue: 1,234", "Display Share", "Size", "allow_transparency", "set_standard_view", "AgX"):
        assert word in text
    bpy.ops.sightline.allow_transparency()
    bpy.ops.sightline.set_standard_view()
    assert "allow_transparency" not in drawn() and "set_standard_view" not in drawn()
    obj.sightline.sequence, obj.sightline.sequence_note = "//a.####.ply", "Frame 7 is missing."
    assert "Frame 7 is missing." in drawn()


def test_a_solid_view_offers_colours(gaussians, extension: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module(extension, "panels.gaussians"), "control", lambda display, name: (display, "name"))
    screen = bpy.context.window_manager.windows[0].screen
    area = next(area for area in screen.areas if area.type == "VIEW_3D")
    space = area.spaces.active
    assert space.shading.type == "SOLID" and "show_colours" not in drawn(space)  # the active object is the cube
    gaussians.create_object(bpy.context, random_cloud(extension), "statue")
    assert "sightline.show_colours" in drawn(space)
    with bpy.context.temp_override(area=area):
        assert bpy.ops.sightline.show_colours() == {"FINISHED"}
    assert space.shading.type == "MATERIAL" and "show_colours" not in drawn(space)
    with bpy.context.temp_override(area=next(area for area in screen.areas if area.type != "VIEW_3D")):
        assert not bpy.ops.sightline.show_colours.poll()


@pytest.mark.skipif(
    "resize" not in bpy.types.PointCloud.bl_rna.functions, reason="point clouds of this Blender cannot be filled"
)
def test_point_clouds_as_blender_5_3_has_them(gaussians, extension: str) -> None:
    """All of that but its type, which 5.2 does not have."""
    data = bpy.data.pointclouds.new("a")
    for name, kind in (("scale", "FLOAT_VECTOR"), ("rotation", "QUATERNION"), ("radiance:base", "FLOAT4")):
        data.attributes.new(name, kind, "POINT")
    obj = bpy.data.objects.new("a", data)
    bpy.context.scene.collection.objects.link(obj)
    for count, coefficients in ((40, 16), (10, 4), (0, 1), (60, 9)):
        made = random_cloud(extension, count, coefficients, seed=count)
        gaussians.update_object(obj, made)
        assert_same(world(gaussians, obj), made)
        assert gaussians.count_of(obj) == count
        assert sum(one.name.startswith("radiance:sh_") for one in data.attributes) == coefficients - 1
    assert "colour" not in data.attributes and data.attributes["radiance:base"].data_type == "FLOAT4"
