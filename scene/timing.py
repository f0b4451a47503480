"""Which frame of a camera's recording belongs to a frame of the scene: cameras may start and run as they like."""

from __future__ import annotations

import math

import bpy

from .pictures import background_of
from .properties import of_camera


def recorded_frame(camera: bpy.types.Camera, frame: int) -> int:
    """Return the frame of the scene at which Blender would show what a camera saw at a frame.

    Blender shows one frame of a recording for each frame of the scene, from the clip's or the image's start. One that
    runs at another rate is read faster or slower from there, and one that began earlier is read that much later. The
    recorded frame that is nearest in time counts, the later one of two.
    """
    settings = of_camera(camera)
    speed, shift = settings.frame_speed, settings.frame_shift
    if speed == 1.0 and shift == 0.0:
        return frame
    start = _start(camera)
    return start + math.floor((frame - start) * speed + shift + 0.5)


def is_recording(camera: bpy.types.Camera) -> bool:
    """Whether a camera's picture is another one at another frame."""
    background = background_of(camera)
    if background is None:
        return False
    return background.source == "MOVIE_CLIP" or background.image.source in {"MOVIE", "SEQUENCE"}


def match_rate(camera: bpy.types.Camera, scene: bpy.types.Scene) -> bool:
    """Read a camera's movie clip at the clip's own rate; return whether it has one that states it."""
    background = background_of(camera)
    if background is None or background.source != "MOVIE_CLIP" or background.clip.source != "MOVIE":
        return False
    rate = background.clip.fps
    if rate <= 0:
        return False
    of_camera(camera).frame_speed = rate * scene.render.fps_base / scene.render.fps
    return True


def _start(camera: bpy.types.Camera) -> int:
    """Return the frame of the scene at which a recording begins."""
    background = background_of(camera)
    if background is None:
        return 1
    return background.clip.frame_start if background.source == "MOVIE_CLIP" else background.image_user.frame_start
