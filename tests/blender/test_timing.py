"""Recordings of different rates and starts: which file of a sequence is read, against the times of its frames."""

import math
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import bpy
import cv2
import numpy as np
import pytest

Scene = Callable[[str], ModuleType]


def write_movie(path: Path, rate: float, frames: int) -> bpy.types.MovieClip:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), rate, (32, 24))
    for number in range(frames):
        writer.write(np.full((24, 32, 3), number, np.uint8))
    writer.release()
    return bpy.data.movieclips.load(str(path))


def clip_behind(name: str, clip: bpy.types.MovieClip) -> bpy.types.Camera:
    camera = bpy.data.cameras[name]
    background = camera.background_images[0]
    background.source, background.clip = "MOVIE_CLIP", clip
    return camera


def read_frame(scene_module: Scene, name: str, frame: int) -> int | None:
    sources = scene_module("sources")
    source = sources.examine(bpy.data.objects[name], bpy.context.evaluated_depsgraph_get(), frame)
    return None if source.photograph is None else source.photograph.movie_frame


@pytest.mark.parametrize(("rate", "scene_rate"), [(25, 50), (60, 24), (30, 30), (24, 25)])
def test_a_clip_is_read_at_its_own_rate(
    capture, scene_module: Scene, tmp_path: Path, rate: int, scene_rate: int
) -> None:
    bpy.context.scene.render.fps, bpy.context.scene.render.fps_base = scene_rate, 1.0
    camera = clip_behind("view_0", write_movie(tmp_path / "a.avi", rate, 100))
    camera.background_images[0].clip.frame_start = 11
    assert bpy.ops.sightline.match_frame_rates() == {"FINISHED"}
    for frame in (11, 12, 15, 30):
        seconds = (frame - 11) / scene_rate
        nearest = math.floor(seconds * rate + 0.5)
        assert read_frame(scene_module, "view_0", frame) == nearest


def test_a_shift_brings_a_camera_into_step(capture, scene_module: Scene, tmp_path: Path) -> None:
    camera = clip_behind("view_1", write_movie(tmp_path / "a.avi", 25, 50))
    camera.sightline.frame_shift = 3.4  # it began 3.4 frames early
    assert [read_frame(scene_module, "view_1", frame) for frame in (1, 2, 10)] == [3, 4, 12]
    camera.sightline.frame_shift = -2.6
    assert read_frame(scene_module, "view_1", 10) == 6
    assert read_frame(scene_module, "view_1", 1) is None, "it had not begun"
    sources = scene_module("sources")
    source = sources.examine(bpy.data.objects["view_1"], bpy.context.evaluated_depsgraph_get(), 1)
    assert "shows nothing at frame -2" in source.reason


def test_sequences_and_their_gaps(capture, scene_module: Scene, tmp_path: Path) -> None:
    for number in (1, 2, 3, 5, 6, 7, 8):
        cv2.imwrite(str(tmp_path / f"shot_{number:04d}.png"), np.zeros((12, 20, 3), np.uint8))
    camera = bpy.data.cameras["view_2"]
    background = camera.background_images[0]
    background.image = bpy.data.images.load(str(tmp_path / "shot_0001.png"))
    background.image.source = "SEQUENCE"
    background.image_user.frame_duration, background.image_user.frame_start = 8, 1
    camera.sightline.frame_speed = 2.0
    sources = scene_module("sources")
    graph = bpy.context.evaluated_depsgraph_get()
    found = [sources.examine(bpy.data.objects["view_2"], graph, frame) for frame in (1, 2, 3, 4)]
    assert [source.photograph.path.name for source in found[:2]] == ["shot_0001.png", "shot_0003.png"]
    assert [source.photograph.path.name for source in found[2:]] == ["shot_0005.png", "shot_0007.png"]
    camera.sightline.frame_shift = -1.0
    missing = sources.examine(bpy.data.objects["view_2"], graph, 3)
    assert "shot_0004.png" in missing.reason and "missing" in missing.reason


def test_stills_have_no_rate(capture) -> None:
    assert bpy.ops.sightline.match_frame_rates() == {"CANCELLED"}
