"""One object whose Gaussians follow the frame."""

from pathlib import Path

import bpy
import pytest

from tests.blender.gaussian_clouds import assert_same, module, random_cloud


@pytest.fixture
def gaussians(blank: None, extension: str):
    return module(extension, "scene.gaussians")


@pytest.fixture
def sequences(blank: None, extension: str):
    return module(extension, "scene.gaussian_sequences")


@pytest.fixture
def walk(blank: None, extension: str, tmp_path: Path) -> dict[int, object]:
    """Frames 2, 3 and 5 of a walk, of different numbers and degrees."""
    clouds = {frame: random_cloud(extension, 10 * frame, 4 if frame == 3 else 1, frame) for frame in (2, 3, 5)}
    for frame, cloud in clouds.items():
        module(extension, "inference.gaussian_ply").write_gaussians(tmp_path / f"walk.{frame:04d}.ply", cloud)
    return clouds


def imported(tmp_path: Path, frame: int = 5) -> bpy.types.Object:
    bpy.ops.sightline.import_gaussians(filepath=str(tmp_path / f"walk.{frame:04d}.ply"), sequence=True)
    return bpy.context.active_object


def shown(gaussians, obj: bpy.types.Object):
    return gaussians.gaussians_of(obj, bpy.context.evaluated_depsgraph_get())


def test_follows_the_frame_and_says_what_is_missing(gaussians, walk: dict, tmp_path: Path) -> None:
    bpy.context.scene.frame_set(3)
    obj = imported(tmp_path)
    assert obj.name == "walk" and obj.sightline.sequence.endswith("walk.####.ply")
    for frame, used in ((3, 3), (4, 3), (5, 5), (900, 5), (2, 2), (1, 2), (-7, 2), (3, 3)):
        bpy.context.scene.frame_set(frame)
        assert_same(shown(gaussians, obj), walk[used])
        note = "" if frame == used else f"Frame {frame} is missing; frame {used} is shown."
        assert obj.sightline.sequence_note == note
    assert len([one for one in bpy.context.scene.objects if gaussians.is_gaussians(one)]) == 1


def test_the_evaluated_display_follows_too(gaussians, walk: dict, tmp_path: Path) -> None:
    imported(tmp_path)
    for frame in (5, 2, 3):
        bpy.context.scene.frame_set(frame)
        depsgraph = bpy.context.evaluated_depsgraph_get()
        assert sum(one.is_instance for one in depsgraph.object_instances) == 10 * frame


def test_a_rendered_animation_follows(extension: str, blank: None, tmp_path: Path) -> None:
    cloud = module(extension, "inference.gaussians").Gaussians.coloured
    for frame in (1, 2, 3):
        made = cloud([[0, 0, 0]], [[1, 0, 0, 0]], [[2, 2, 2]], [1], [[float(frame == number) for number in (1, 2, 3)]])
        module(extension, "inference.gaussian_ply").write_gaussians(tmp_path / f"walk.{frame:04d}.ply", made)
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    imported(tmp_path, 1)
    scene = bpy.context.scene
    scene.camera.location, scene.camera.rotation_euler = (0, 0, 30), (0, 0, 0)
    scene.render.engine, scene.cycles.samples, scene.cycles.device = "CYCLES", 1, "CPU"
    scene.cycles.use_denoising = False
    scene.render.resolution_x = scene.render.resolution_y = 9
    scene.render.film_transparent, scene.render.image_settings.file_format = True, "OPEN_EXR"
    scene.frame_start, scene.frame_end, scene.render.filepath = 1, 3, f"{tmp_path}/out"
    bpy.ops.render.render(animation=True)
    for frame in (1, 2, 3):
        pixel = list(bpy.data.images.load(f"{tmp_path}/out{frame:04d}.exr").pixels[4 * 40 : 4 * 40 + 3])
        assert pixel.index(max(pixel)) == frame - 1 and max(pixel) > 0.9 and sorted(pixel)[1] < 0.01


def test_a_damaged_frame_is_told_and_the_last_stays(gaussians, walk: dict, tmp_path: Path) -> None:
    obj = imported(tmp_path)
    bpy.context.scene.frame_set(3)
    (tmp_path / "walk.0004.ply").write_bytes((tmp_path / "walk.0003.ply").read_bytes()[:900])
    bpy.context.scene.frame_set(4)
    assert "walk.0004.ply is cut short" in obj.sightline.sequence_note
    assert_same(shown(gaussians, obj), walk[3])
    bpy.context.scene.frame_set(5)
    assert obj.sightline.sequence_note == ""


def test_files_that_are_gone(gaussians, walk: dict, tmp_path: Path) -> None:
    obj = imported(tmp_path)
    for path in tmp_path.glob("*.ply"):
        path.unlink()
    bpy.context.scene.frame_set(2)
    assert "has no files" in obj.sightline.sequence_note
    obj.sightline.sequence = str(tmp_path / "gone" / "walk.####.ply")
    bpy.context.scene.frame_set(3)
    assert "cannot be read" in obj.sightline.sequence_note
    obj.sightline.sequence = str(tmp_path / "walk.ply")
    bpy.context.scene.frame_set(2)
    assert "has no #" in obj.sightline.sequence_note


def test_a_frame_is_read_once(
    gaussians, sequences, walk: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    obj = imported(tmp_path)
    twin = obj.copy()  # of the same data
    bpy.context.scene.collection.objects.link(twin)
    read = []
    real = sequences.read_gaussians
    monkeypatch.setattr(sequences, "read_gaussians", lambda path: read.append(path.name) or real(path))
    for frame in (5, 5, 3, 4, 3):
        bpy.context.scene.frame_set(frame)
    assert read == ["walk.0005.ply", "walk.0003.ply"]


def test_saved_beside_the_files_and_opened_again(gaussians, walk: dict, tmp_path: Path) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    obj = imported(tmp_path)
    assert obj.sightline.sequence == "//walk.####.ply"
    bpy.ops.wm.save_mainfile()
    (tmp_path / "moved").mkdir()
    for path in [*tmp_path.glob("*.ply"), tmp_path / "scene.blend"]:
        path.rename(tmp_path / "moved" / path.name)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "moved" / "scene.blend"))
    bpy.context.scene.frame_set(5)
    assert_same(shown(gaussians, bpy.data.objects["walk"]), walk[5])


def test_names(sequences, tmp_path: Path) -> None:
    pattern = sequences.pattern_of
    assert pattern(Path("a/walk.0012.ply")) == Path("a/walk.####.ply")
    assert pattern(Path("a/7.ply")) == Path("a/#.ply")
    assert pattern(Path("take2_0007_raw.ply")) == Path("take2_####_raw.ply")
    assert pattern(Path("statue.ply")) is None
    for name in ("f8.ply", "f9.ply", "f10.ply"):  # without leading zeros
        (tmp_path / name).touch()
    found = {frame: sequences.file_for(tmp_path / "f#.ply", frame)[0].name for frame in (8, 9, 10, 11)}
    assert found == {8: "f8.ply", 9: "f9.ply", 10: "f10.ply", 11: "f10.ply"}


def test_a_file_without_a_number_is_no_sequence(walk: dict, tmp_path: Path) -> None:
    (tmp_path / "walk.0002.ply").rename(tmp_path / "statue.ply")
    with pytest.raises(RuntimeError, match="has no number"):
        bpy.ops.sightline.import_gaussians(filepath=str(tmp_path / "statue.ply"), sequence=True)
    assert "statue" not in bpy.data.objects
