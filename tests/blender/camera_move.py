"""A move of the made-up capture's target, and what its frames must show."""

from pathlib import Path

import bpy
import numpy as np

from tests.made_up import HEIGHT, WIDTH, picture

# Where the target is at frames 1 to 4.
PLACES = {1: -0.2, 2: -0.05, 3: 0.1, 4: 0.22}


def animate() -> None:
    """Move the target, a place for each frame; the scene stands at frame 2."""
    scene = bpy.context.scene
    target = scene.sightline.target
    for frame, x in PLACES.items():
        place(target, frame, x)
    scene.frame_start, scene.frame_end = min(PLACES), max(PLACES)
    scene.frame_set(2)


def place(obj: bpy.types.Object, frame: int, x: float) -> None:
    """Put an object somewhere at a frame, whatever the others have."""
    obj.location.x = x
    obj.keyframe_insert("location", frame=frame)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def colours(path: Path) -> np.ndarray:
    """H x W x 3 as the file has them, the top row first."""
    return _pixels(path)[..., :3]


def alpha(path: Path) -> np.ndarray:
    """H x W, the top row first."""
    return _pixels(path)[..., 3]


def _pixels(path: Path) -> np.ndarray:
    image = bpy.data.images.load(str(path), check_existing=False)
    image.colorspace_settings.name = "Non-Color"
    pixels = np.empty(image.size[0] * image.size[1] * 4, np.float32)
    image.pixels.foreach_get(pixels)
    shape = image.size[1], image.size[0], 4
    bpy.data.images.remove(image)
    return pixels.reshape(shape)[::-1]


def psnr(made: np.ndarray, x: float) -> float:
    """How near a picture comes to what a camera at x sees, without the margin that only that camera sees."""
    error = (made - picture(x))[8 : HEIGHT - 8, 8 : WIDTH - 8]
    return float(-10 * np.log10(np.mean(np.square(error))))
