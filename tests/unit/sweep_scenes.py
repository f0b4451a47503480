"""A scene in closed form for the tests of the methods: a slanted wall with a box in front, cast ray by ray in float64.

The texture is a smooth function of the point, so that every camera sees the same surface wherever it stands.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from inference.camera import Camera
from inference.planesweep.sweep import SourceImages
from inference.planesweep.volume import Interval
from inference.view import Capture, View

# Two threads of a busy machine are slower than one.
torch.set_num_threads(1)

Floats = NDArray[np.float64]
CPU = torch.device("cpu")
NEAR, FAR = 2.0, 7.0
WALL_POINT, WALL_NORMAL = np.array([0.0, 0.0, 5.0]), np.array([0.35, 0.1, -1.0])
BOX_LOW, BOX_HIGH = np.array([-0.55, -0.45, 2.9]), np.array([0.35, 0.5, 3.3])

_random = np.random.default_rng(5)
_WAVES = _random.normal(size=(14, 3)) * np.geomspace(1.5, 11.0, 14)[:, None]
_PHASES = _random.uniform(0, 2 * np.pi, (14, 3))


def look_at(
    centre: Sequence[float],
    towards: Sequence[float],
    width: int = 72,
    height: int = 64,
    focal: float = 75.0,
    roll: float = 0.0,
) -> Camera:
    """A camera at ``centre`` that looks ``towards`` a point, rolled by these degrees; y points down."""
    forward = np.subtract(towards, centre) / np.linalg.norm(np.subtract(towards, centre))
    angle = np.radians(roll)
    down = np.array([np.sin(angle), np.cos(angle), 0.0])
    right = np.cross(down, forward)
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = [right, np.cross(forward, right), forward]
    pose[:3, 3] = -pose[:3, :3] @ centre
    return Camera(width, height, focal, focal, width / 2, height / 2, pose)


def texture(points: Floats) -> Floats:
    """(..., 3) colours in [0, 1] of scene points (..., 3): waves of several lengths, no two places alike."""
    waves = points @ _WAVES.T
    strengths = 1.0 / np.sqrt(np.arange(1, 15))
    colours = np.stack([(np.sin(waves + _PHASES[:, c]) * strengths).sum(axis=-1) for c in range(3)], axis=-1)
    return np.asarray(np.clip(0.5 + 0.16 * colours, 0.0, 1.0))


def cast(camera: Camera, box: bool = True, wall: tuple[Floats, Floats] = (WALL_POINT, WALL_NORMAL)) -> Floats:
    """(H, W) depth along the optical axis at the pixel centres."""
    x, y = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
    ends = camera.unproject(np.stack([x, y], axis=-1), np.ones(x.shape))
    rays = ends - camera.centre  # of depth 1, so that their parameter is the depth
    point, normal = wall
    with np.errstate(divide="ignore"):
        depth = (point - camera.centre) @ normal / (rays @ normal)
        depth = np.where(depth > 0, depth, np.inf)
        if box:
            low, high = (BOX_LOW - camera.centre) / rays, (BOX_HIGH - camera.centre) / rays
            enter, leave = np.minimum(low, high).max(axis=-1), np.maximum(low, high).min(axis=-1)
            depth = np.where((enter < leave) & (enter > 0), np.minimum(enter, depth), depth)
    return depth


def colours_at(camera: Camera, depth: Floats) -> Floats:
    """(H, W, 3) texture of the points at ``depth`` (H, W); grey at infinity."""
    x, y = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
    finite = np.where(np.isfinite(depth), depth, 1.0)
    shown = texture(camera.unproject(np.stack([x, y], axis=-1), finite))
    return np.where(np.isfinite(depth)[..., None], shown, 0.5)


def photograph(camera: Camera, samples: int = 2, box: bool = True) -> NDArray[np.float32]:
    """(H, W, 3) float32 picture, each pixel the mean of ``samples`` x ``samples`` rays."""
    fine = camera.resized(camera.width * samples, camera.height * samples)
    colours = colours_at(fine, cast(fine, box))
    means = colours.reshape(camera.height, samples, camera.width, samples, 3).mean(axis=(1, 3))
    return np.ascontiguousarray(means, dtype=np.float32)


PLACES = ((-0.35, -0.05, 0.0), (0.4, 0.02, 0.05), (-0.08, 0.3, -0.05), (0.1, -0.33, 0.0), (0.85, 0.2, 0.1))
# A walk-around: wide captures are those that need narrowing.
WIDE_PLACES = ((-0.9, -0.1, 0.0), (0.9, 0.1, 0.1), (-0.2, 0.7, 0.0), (0.3, -0.7, 0.0))
TARGET_PLACE = (0.03, 0.02, 0.0)
MIDDLE = (0.0, 0.0, 4.0)


def target_camera(width: int = 72, height: int = 64, focal: float = 75.0) -> Camera:
    return look_at(TARGET_PLACE, MIDDLE, width, height, focal)


def source_cameras(count: int = 5, width: int = 72, height: int = 64, focal: float = 75.0) -> list[Camera]:
    return [
        look_at(place, MIDDLE, width, height, focal, roll=3.0 * index) for index, place in enumerate(PLACES[:count])
    ]


def source_images(cameras: Sequence[Camera], box: bool = True, device: torch.device = CPU) -> SourceImages:
    """The cameras with their photographs as the methods take them."""
    pictures = [torch.from_numpy(photograph(camera, box=box)).to(device) for camera in cameras]
    return SourceImages(list(cameras), pictures, [None] * len(pictures))


def made_up_capture(cameras: Sequence[Camera]) -> Capture:
    """Cameras as a capture with arrays for pictures and its depth range."""
    views = tuple(View(f"view_{index}", camera, photograph(camera)) for index, camera in enumerate(cameras))
    return Capture(views, depth_near=NEAR, depth_far=FAR)


def curved_interval(height: int, width: int, seed: int = 0, device: torch.device = CPU) -> Interval:
    """Another interval at every pixel, between the depths of the scene."""
    random = np.random.default_rng(seed)
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    a, b, c = random.uniform(0.5, 3.0, 3)
    low = 1 / FAR + 0.08 * (0.5 + 0.5 * np.sin(a * 3 * x + b * y))
    high = low + 0.05 + 0.1 * (0.5 + 0.5 * np.cos(c * 2 * x - 3 * y))
    return Interval(*(torch.from_numpy(end.astype(np.float32)).to(device) for end in (low, high)))


def psnr(a: Floats | NDArray[np.float32], b: Floats | NDArray[np.float32]) -> float:
    return float(-10 * np.log10(max(np.square(np.asarray(a, np.float64) - b).mean(), 1e-12)))
