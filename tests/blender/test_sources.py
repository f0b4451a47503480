"""Photographs of all the kinds that Blender has, and cameras that have none."""

import struct
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import bpy
import numpy as np
import pytest

from tests.made_up import HEIGHT, WIDTH, picture, write_png

Scene = Callable[[str], ModuleType]


def examined(scene_module: Scene, obj: bpy.types.Object) -> object:
    depsgraph = bpy.context.evaluated_depsgraph_get()
    return scene_module("sources").examine(obj, depsgraph, bpy.context.scene.frame_current)


def written(scene_module: Scene, image: bpy.types.Image, folder: Path) -> Path:
    return [path for path in scene_module("pictures").write_image(image, folder) if path is not None][-1]


def read_ppm(path: Path) -> np.ndarray:
    kind, size, limit, data = path.read_bytes().split(b"\n", 3)
    assert kind == b"P6"
    width, height = map(int, size.split())
    dtype = np.uint8 if int(limit) == 255 else np.dtype(">u2")
    return np.frombuffer(data, dtype).reshape(height, width, 3) / int(limit)


def test_pictures_on_disk_go_by_path_without_being_decoded(capture, scene_module: Scene) -> None:
    obj = bpy.data.objects["view_1"]
    source = examined(scene_module, obj)
    assert source.reason == "" and (source.photograph.width, source.photograph.height) == (WIDTH, HEIGHT)
    assert source.photograph.path == Path(obj.data.background_images[0].image.filepath)
    assert not obj.data.background_images[0].image.has_data
    assert source.camera.fx == pytest.approx(90.0) and source.camera.cx == WIDTH / 2


def test_every_camera_without_a_usable_picture_says_why(capture, scene_module: Scene, tmp_path: Path) -> None:
    objects = bpy.data.objects
    objects["view_0"].data.background_images.clear()
    objects["view_1"].data.background_images[0].image.filepath = str(tmp_path / "lost.png")
    objects["view_2"].data.sightline.enabled = False
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nrest is missing")
    objects["view_3"].data.background_images[0].image.filepath = str(tmp_path / "broken.png")
    objects["view_4"].data.type = "ORTHO"
    reasons = [examined(scene_module, objects[f"view_{index}"]).reason for index in range(5)]
    for reason, words in zip(
        reasons, ("no picture", "lost.png", "switched off", "broken.png", "orthographic"), strict=True
    ):
        assert words in reason


def test_packed_pictures_are_written_as_they_are(capture, scene_module: Scene, tmp_path: Path) -> None:
    image = bpy.data.objects["view_0"].data.background_images[0].image
    original = Path(image.filepath).read_bytes()
    image.pack()
    Path(bpy.path.abspath(image.filepath)).unlink()
    source = examined(scene_module, bpy.data.objects["view_0"])
    assert source.reason == "" and source.photograph.path is None
    path = written(scene_module, image, tmp_path)
    assert path.read_bytes() == original
    before = path.stat().st_mtime_ns
    assert written(scene_module, image, tmp_path) == path and path.stat().st_mtime_ns == before


@pytest.mark.parametrize("is_float", [False, True])
def test_painted_and_generated_pictures_keep_their_colours(
    capture, scene_module: Scene, tmp_path: Path, is_float: bool
) -> None:
    colours = picture(0.0)
    image = bpy.data.images.new("painted", WIDTH, HEIGHT, float_buffer=is_float)
    pixels = np.ones((HEIGHT, WIDTH, 4), dtype=np.float32)
    pixels[..., :3] = colours[::-1]
    if is_float:  # Blender keeps float pixels in linear light
        pixels[..., :3] = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)[::-1]
    image.pixels.foreach_set(pixels.ravel())
    bpy.data.objects["view_0"].data.background_images[0].image = image
    source = examined(scene_module, bpy.data.objects["view_0"])
    assert source.photograph.path is None and source.photograph.image.resolve() == image
    result = read_ppm(written(scene_module, image, tmp_path))
    assert np.abs(result - colours).max() <= (2 / 65535 if is_float else 0.51 / 255)


def test_image_sequences_follow_the_frame(capture, scene_module: Scene, tmp_path: Path) -> None:
    for number in range(1, 6):
        write_png(tmp_path / f"shot_{number:04d}.png", np.zeros((10 + number, 20, 3), np.uint8))
    background = bpy.data.objects["view_0"].data.background_images[0]
    background.image = bpy.data.images.load(str(tmp_path / "shot_0001.png"))
    background.image.source = "SEQUENCE"
    background.image_user.frame_duration, background.image_user.frame_start = 4, 11
    background.image_user.frame_offset = 1
    for frame, number in ((11, 2), (12, 3), (14, 5), (40, 5)):
        bpy.context.scene.frame_set(frame)
        source = examined(scene_module, bpy.data.objects["view_0"])
        assert source.photograph.path.name == f"shot_{number:04d}.png"
        assert source.photograph.height == 10 + number
    background.image_user.use_cyclic = True
    bpy.context.scene.frame_set(16)
    assert examined(scene_module, bpy.data.objects["view_0"]).photograph.path.name == "shot_0003.png"


def test_clips_of_sequences_follow_the_frame(capture, scene_module: Scene, tmp_path: Path) -> None:
    for number in range(3, 8):
        write_png(tmp_path / f"clip{number:03d}.png", np.zeros((12, 20, 3), np.uint8))
    background = bpy.data.objects["view_0"].data.background_images[0]
    background.source = "MOVIE_CLIP"
    background.clip = bpy.data.movieclips.load(str(tmp_path / "clip003.png"))
    background.clip.frame_start = 1
    for frame, number in ((1, 3), (4, 6)):
        bpy.context.scene.frame_set(frame)
        source = examined(scene_module, bpy.data.objects["view_0"])
        assert source.photograph.path.name == f"clip{number:03d}.png"


def test_results_are_no_sources(capture, scene_module: Scene) -> None:
    image = bpy.data.objects["view_0"].data.background_images[0].image
    image[scene_module("names").RESULT_KEY] = "{}"
    assert "no picture" in examined(scene_module, bpy.data.objects["view_0"]).reason


def test_sizes_of_files(scene_module: Scene, tmp_path: Path) -> None:
    size = scene_module("picture_size").picture_size
    write_png(tmp_path / "a.png", np.zeros((7, 11, 3), np.uint8))
    assert size(tmp_path / "a.png") == (11, 7)
    scene = bpy.context.scene
    image = bpy.data.images.load(str(tmp_path / "a.png"))
    scene.render.image_settings.file_format = "JPEG"
    image.save_render(str(tmp_path / "a.jpg"), scene=scene)
    assert size(tmp_path / "a.jpg") == (11, 7)
    jpeg = (tmp_path / "a.jpg").read_bytes()
    thumbnail = b"\xff\xe1" + struct.pack(">H", 2 + len(jpeg[:40])) + jpeg[:40]  # a picture inside the metadata
    (tmp_path / "b.jpg").write_bytes(jpeg[:2] + thumbnail + jpeg[2:])
    assert size(tmp_path / "b.jpg") == (11, 7)
    for length in (0, 1, 3, 12, 30):
        (tmp_path / "cut.jpg").write_bytes(jpeg[:length])
        assert size(tmp_path / "cut.jpg") is None
    (tmp_path / "c.txt").write_text("no picture")
    assert size(tmp_path / "c.txt") is None


def test_a_repainted_picture_is_another_file(capture, scene_module: Scene, tmp_path: Path) -> None:
    image = bpy.data.images.new("painted", 8, 8)
    first = written(scene_module, image, tmp_path)
    assert written(scene_module, image, tmp_path) == first
    image.pixels[0] = 1.0
    second = written(scene_module, image, tmp_path)
    assert second != first and list(tmp_path.glob("*painted*")) == [second]
