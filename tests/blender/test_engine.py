"""The engine in Blender's own render pipeline: size, border, film, passes, colours, files, errors, Esc."""

import importlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import bpy
import mathutils
import numpy as np
import OpenEXR
import pytest
from numpy.typing import NDArray

from inference.camera import Camera
from tests.blender.ray_worker import ray_picture

Scene = Callable[[str], ModuleType]
Passes = dict[str, NDArray[np.float32]]


@pytest.fixture
def scene(capture, scene_module: Scene, tmp_path: Path) -> Iterator[bpy.types.Scene]:
    """The made-up capture, rendered by the engine through its target camera."""
    scene = bpy.context.scene
    scene.render.engine = "SIGHTLINE"
    scene.camera = bpy.data.objects["Target"]
    scene.view_settings.view_transform = "Standard"
    scene.render.film_transparent = True
    scene_module("requests").cache().clear()
    yield scene


@pytest.fixture
def rays(scene, scene_module: Scene, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every picture is that of its rays."""
    backend = scene_module("backend")
    backend.close()
    monkeypatch.setattr(backend.WorkerClient, "module", "tests.blender.ray_worker")
    yield
    backend.close()


@pytest.fixture
def passes(scene, tmp_path: Path) -> Callable[[], Passes]:
    """Render and return Combined and Depth of every layer, top row first, read from a multi-layer EXR."""

    def render() -> Passes:
        path = tmp_path / "passes.exr"
        path.unlink(missing_ok=True)
        settings = scene.render.image_settings
        settings.file_format, settings.color_depth, settings.exr_codec = "OPEN_EXR_MULTILAYER", "32", "ZIP"
        scene.render.filepath = str(path)
        bpy.ops.render.render(write_still=True)
        with OpenEXR.File(str(path), separate_channels=True) as file:
            channels = {name: channel.pixels for part in file.parts for name, channel in part.channels.items()}
            windows = [part.header["displayWindow"] for part in file.parts]
        assert all(np.array_equal(windows[0], window) for window in windows)
        found: Passes = {}
        for name in channels:
            if name.endswith("Combined.R"):
                stem = name.removesuffix("R")
                found[name.removesuffix(".R")] = np.stack([channels[stem + letter] for letter in "RGBA"], axis=-1)
            elif name.endswith("Depth.Z"):
                found[name.removesuffix(".Z")] = channels[name]
        return found

    return render


def layer(found: Passes, name: str = "ViewLayer") -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return found[f"{name}.Combined"], found[f"{name}.Depth"]


def expected(camera: Camera) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What Blender should have of the rays' picture: scene-linear, premultiplied, 1e10 far where empty."""
    rgba, depth = ray_picture(camera)
    linear = np.where(rgba <= 0.04045, rgba / 12.92, ((rgba + 0.055) / 1.055) ** 2.4)
    linear[..., 3] = 1
    return linear * rgba[..., 3:], np.where(np.isinf(depth), 1e10, depth)


def camera_of(scene: bpy.types.Scene, scene_module: Scene) -> Camera:
    """The whole picture's."""
    cameras = scene_module("cameras")
    return cameras.target_camera(scene, scene.camera, bpy.context.evaluated_depsgraph_get())


def compare(found: Passes, camera: Camera, name: str = "ViewLayer") -> None:
    combined, depth = layer(found, name)
    colours, depths = expected(camera)
    assert combined.shape == colours.shape
    assert np.abs(combined - colours).max() < 4e-5  # the cache has 16 bits
    np.testing.assert_allclose(depth, depths, rtol=1e-6)


@pytest.mark.parametrize(
    ("size", "percentage", "aspect"),
    [((96, 72), 100, (1, 1)), ((97, 55), 63, (1, 1)), ((60, 90), 100, (1.5, 1)), ((90, 60), 50, (1, 1.3))],
)
def test_size_percentage_and_pixel_aspect(rays, scene, passes, scene_module: Scene, size, percentage, aspect) -> None:
    render = scene.render
    (render.resolution_x, render.resolution_y), render.resolution_percentage = size, percentage
    render.pixel_aspect_x, render.pixel_aspect_y = aspect
    found = passes()
    camera = camera_of(scene, scene_module)
    assert (camera.width, camera.height) == (size[0] * percentage // 100, size[1] * percentage // 100)
    compare(found, camera)


def test_borders_cut_the_very_pixels_of_the_whole_picture(rays, scene, passes, scene_module: Scene) -> None:
    render = scene.render
    render.use_border, render.film_transparent, scene.world = True, False, None  # what is rendered is opaque
    colours, _ = expected(camera_of(scene, scene_module))
    generator = np.random.default_rng(7)
    edges = [(0.0, 1.0, 0.0, 1.0), (1 / 3, 2 / 3, 1 / 3, 2 / 3), (0.1, 0.7, 0.3, 0.9), (0.5, 0.75, 0.29, 0.58)]
    edges += [tuple(np.sort(generator.random((2, 2)), axis=1).ravel()) for _ in range(12)]
    for left, right, low, high in edges:
        if min(right - left, high - low) < 0.05:
            continue
        render.border_min_x, render.border_max_x, render.border_min_y, render.border_max_y = left, right, low, high
        render.use_crop_to_border = True
        cropped, near = layer(passes())
        render.use_crop_to_border = False
        inserted, far = layer(passes())
        assert inserted.shape == colours.shape
        rows, columns = np.nonzero(inserted[..., 3])
        box = (slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1))
        assert cropped.shape[0] * cropped.shape[1] == len(rows)
        np.testing.assert_array_equal(inserted[box], cropped)
        np.testing.assert_array_equal(far[box], near)
        assert np.abs(cropped[..., :3] - colours[box][..., :3]).max() < 4e-5, (left, right, low, high)


def test_a_border_without_pixels_is_an_error(rays, scene, tmp_path: Path) -> None:
    scene.render.use_border, scene.render.filepath = True, str(tmp_path / "none.png")
    scene.render.border_min_x, scene.render.border_max_x = 0.5, 0.5001
    with pytest.raises(RuntimeError):
        bpy.ops.render.render(write_still=True)
    assert not list(tmp_path.glob("none*"))


@pytest.mark.parametrize("nodes", [True, False])
def test_opaque_film_shows_the_world(rays, scene, passes, scene_module: Scene, nodes: bool) -> None:
    scene.render.film_transparent = False
    world = bpy.data.worlds.new("Plain") if not nodes else scene.world
    scene.world = world
    world.use_nodes = nodes
    world.color = (0.2, 0.3, 0.4)
    if nodes:
        background = next(node for node in world.node_tree.nodes if node.type == "BACKGROUND")
        background.inputs["Color"].default_value = (0.1, 0.15, 0.2, 1)
        background.inputs["Strength"].default_value = 2
    combined, _ = layer(passes())
    colours, _ = expected(camera_of(scene, scene_module))
    wanted = colours[..., :3] + (1 - colours[..., 3:]) * np.array([0.2, 0.3, 0.4])
    assert np.abs(combined[..., :3] - wanted).max() < 4e-5
    assert (combined[..., 3] == 1).all()


def test_every_view_layer_is_written(rays, scene, passes, scene_module: Scene) -> None:
    scene.view_layers.new("Second")
    found = passes()
    assert set(found) == {f"{name}.{kind}" for name in ("ViewLayer", "Second") for kind in ("Combined", "Depth")}
    for name in ("ViewLayer", "Second"):
        compare(found, camera_of(scene, scene_module), name)


def test_the_frames_of_an_animation_follow_the_camera(rays, scene, tmp_path: Path) -> None:
    camera = scene.camera
    for frame, x in ((1, 0.0), (3, 0.2)):
        camera.location.x = x
        camera.keyframe_insert("location", frame=frame)
        camera.rotation_euler.z = math.radians(frame * 5)
        camera.keyframe_insert("rotation_euler", frame=frame)
    scene.frame_start, scene.frame_end = 1, 3
    scene.render.filepath = str(tmp_path / "frames" / "f_")
    assert bpy.ops.render.render(animation=True) == {"FINISHED"}
    assert [path.name for path in sorted((tmp_path / "frames").iterdir())] == [f"f_{n:04}.png" for n in (1, 2, 3)]


def test_placeholders_and_no_overwriting(rays, scene, tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    (folder / "f_0002.png").write_bytes(b"somebody's")
    scene.frame_start, scene.frame_end = 1, 3
    scene.render.filepath = str(folder / "f_")
    scene.render.use_overwrite, scene.render.use_placeholder = False, True
    bpy.ops.render.render(animation=True)
    assert (folder / "f_0002.png").read_bytes() == b"somebody's"
    assert all((folder / f"f_{number:04}.png").stat().st_size > 500 for number in (1, 3))


def test_movies(rays, scene, tmp_path: Path) -> None:
    if "FFMPEG" not in scene.render.image_settings.bl_rna.properties["file_format"].enum_items:
        pytest.skip("this Blender writes no movies")
    scene.render.image_settings.file_format = "FFMPEG"
    scene.frame_start, scene.frame_end = 1, 3
    scene.render.filepath = str(tmp_path / "movie")
    bpy.ops.render.render(animation=True)
    (movie,) = tmp_path.glob("movie*")
    assert bpy.data.movieclips.load(str(movie)).frame_duration == 3


def stopped(scene: bpy.types.Scene, path: Path, sentence: str, *, animation: bool = False) -> None:
    """Render, which must end by this error, said once."""
    scene.render.filepath = str(path)
    with pytest.raises(RuntimeError) as caught:
        bpy.ops.render.render(write_still=not animation, animation=animation)
    assert str(caught.value).count(sentence) == 1, str(caught.value)


def test_a_frame_that_fails_is_not_written(rays, scene, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("RAY_END", "0.15")
    for frame, x in ((1, 0.0), (3, 0.2)):
        scene.camera.location.x = x
        scene.camera.keyframe_insert("location", frame=frame)
    scene.frame_start, scene.frame_end = 1, 4
    stopped(scene, tmp_path / "f_", "No source sees what the target sees; move it.", animation=True)
    assert [path.name for path in sorted(tmp_path.glob("f_*"))] == ["f_0001.png", "f_0002.png"]


def test_no_stereo_panorama_or_parallel_projection(rays, scene, tmp_path: Path) -> None:
    lens = scene.camera.data
    for kind, word in (("ORTHO", "orthographic"), ("PANO", "panoramic")):
        lens.type = kind
        stopped(scene, tmp_path / "no.png", f"The camera 'Target' is {word}; set its lens type to Perspective.")
    lens.type = "PERSP"
    scene.render.use_multiview = True
    stopped(scene, tmp_path / "no.png", "Sightline renders no stereo pictures; switch off Stereoscopy")
    assert not list(tmp_path.glob("no*"))


def test_what_is_missing_is_said(rays, scene, tmp_path: Path) -> None:
    scene.sightline.capture = None
    stopped(scene, tmp_path / "no.png", "There is no capture in this scene")
    assert not list(tmp_path.glob("no*"))


def test_a_fault_of_ours_writes_nothing(rays, scene, tmp_path: Path, extension: str, monkeypatch) -> None:
    final = importlib.import_module(f"{extension}.engine.final")
    monkeypatch.setattr(final, "picture_request", lambda *_: 1 / 0)
    stopped(scene, tmp_path / "no.png", "division by zero")
    assert not list(tmp_path.glob("no*"))


class Watched:
    """An engine with a user: ``seen`` is called with every fraction and says whether that was enough."""

    def __init__(self, engine: bpy.types.RenderEngine, seen: Callable[[float], bool]) -> None:
        self._engine, self._seen, self._stop = engine, seen, False

    def __getattr__(self, name: str) -> object:
        return getattr(self._engine, name)

    def update_progress(self, fraction: float) -> None:
        self._stop = self._stop or self._seen(fraction)

    def test_break(self) -> bool:
        return self._stop


@pytest.fixture
def watched(rays, extension: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[float], bool]], None]:
    """Have a picture take half a minute, and the next renders watched."""
    monkeypatch.setenv("RAY_SECONDS", "30")
    final = importlib.import_module(f"{extension}.engine.final")
    render = final.render

    def watch(seen: Callable[[float], bool]) -> None:
        monkeypatch.setattr(final, "render", lambda engine, graph: render(Watched(engine, seen), graph))

    return watch


def test_esc_stops_the_worker(watched, scene, scene_module: Scene) -> None:
    fractions: list[float] = []

    def enough(fraction: float) -> bool:
        fractions.append(fraction)
        return fraction > 0.01

    watched(enough)
    assert bpy.ops.render.render() == {"FINISHED"}  # without an error
    assert 0.01 < max(fractions) < 0.5
    assert not scene_module("backend").client()._unfinished


def test_a_worker_that_is_ended_is_no_esc(watched, scene, scene_module: Scene, tmp_path: Path) -> None:
    def close(fraction: float) -> bool:
        if fraction > 0.01:
            scene_module("backend").client().close()
        return False

    watched(close)
    stopped(scene, tmp_path / "no.png", "The worker was closed.")
    assert not list(tmp_path.glob("no*"))


def png(scene: bpy.types.Scene, path: Path) -> NDArray[np.uint8]:
    """Render to an 8-bit PNG and return its RGB, top row first."""
    settings = scene.render.image_settings
    settings.file_format, settings.color_mode, settings.color_depth = "PNG", "RGB", "8"
    scene.render.dither_intensity, scene.render.filepath = 0, str(path)
    bpy.ops.render.render(write_still=True)
    return stored_png(path)


def stored_png(path: Path) -> NDArray[np.uint8]:
    image = bpy.data.images.load(str(path))
    width, height = image.size
    values = np.empty(width * height * image.channels, np.float32)
    image.pixels.foreach_get(values)
    return np.round(values.reshape(height, width, image.channels)[::-1, :, :3] * 255).astype(np.uint8)


def test_srgb_becomes_what_blender_makes_of_it(extension: str) -> None:
    pixels = importlib.import_module(f"{extension}.engine.pixels")
    values = np.arange(256) * 257
    rgba = np.stack([values, values[::-1], np.roll(values, 9), np.full(256, 65535)], axis=-1).astype(np.uint16)
    linear = pixels.combined(rgba[None], None)[0, :, :3]
    blenders = [mathutils.Color(row[:3] / 65535).from_srgb_to_scene_linear() for row in rgba]
    np.testing.assert_allclose(linear, np.array(blenders), atol=1e-5)


def test_under_the_standard_view_a_picture_comes_out_as_it_went_in(rays, scene, scene_module: Scene, tmp_path) -> None:
    scene.render.film_transparent, scene.camera.data.lens = False, 1000.0  # opaque all over
    rgba, _ = ray_picture(camera_of(scene, scene_module))
    assert rgba[..., 3].min() == 1
    assert np.abs(png(scene, tmp_path / "out.png") / 255 - rgba[..., :3]).max() < 1 / 255


def test_a_camera_on_a_source_shows_its_photograph(scene, scene_module: Scene, tmp_path: Path, monkeypatch) -> None:
    """With the real worker; then from the cache alone, in a Blender without a backend."""
    scene.camera.location.x = 0.15
    scene.sightline.source_count = 2
    photograph = stored_png(tmp_path / "made-up" / "images" / "view_3.png")
    made = png(scene, tmp_path / "made.png")
    assert np.abs(made.astype(float) - photograph).mean() < 1
    backend = scene_module("backend")
    backend.close()
    monkeypatch.setenv(backend.PYTHON_VARIABLE, "/nowhere/python")
    np.testing.assert_array_equal(png(scene, tmp_path / "cached.png"), made)
    scene.camera.location.x = 0.14
    stopped(scene, tmp_path / "no.png", "There is no Python at")


def test_a_preview_fills_the_picture(scene, passes) -> None:
    scene.sightline.quality = "preview"
    scene.render.resolution_x, scene.render.resolution_y = 384, 288
    combined, depth = layer(passes())
    assert combined.shape[:2] == depth.shape == (288, 384)
    assert all((half[..., 3] > 0.9).mean() > 0.9 for half in np.array_split(combined, 2))
    assert len(np.unique(combined[144, :, 0])) > 256  # more values in a row than the preview has pixels: blended


@pytest.mark.parametrize("blend", [True, False])
def test_enlarging_keeps_pixel_edges(extension: str, blend: bool) -> None:
    """A ramp over the picture's width stays that ramp: the first pixel's edge stays at 0."""
    pixels = importlib.import_module(f"{extension}.engine.pixels")
    small, large = ((np.arange(n) + 0.5) / n for n in (8, 40))
    plane = np.broadcast_to(small.astype(np.float32), (6, 8))
    found = pixels.enlarged(plane, 40, 12, blend=blend)
    assert found.shape == (12, 40)
    inner = found[:, 3:-3] - large[3:-3]
    assert np.abs(inner).max() < (1e-6 if blend else 0.5 / 8 + 1e-6)
    assert pixels.enlarged(plane, 8, 6) is plane
