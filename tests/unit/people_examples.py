"""A striped ball in place of a person, ray-cast: its depth is known exactly. For the tests of training on people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from inference.camera import Camera
from tests.unit.stereo_rigs import on_ring

CENTRE, RADIUS = np.array([5.0, -3.0, 10.0]), 4.0
Floats = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True)
class BallPicture:
    """What a camera sees of the ball, with the attributes of a person's picture."""

    camera: Camera
    rgb: Floats
    mask: Floats
    depth: Floats


@dataclass(frozen=True)
class BallSample:
    """Two sources and what lies between them."""

    sources: tuple[BallPicture, BallPicture]
    targets: tuple[BallPicture, ...]
    centre: Any = tuple(CENTRE)
    others: tuple[BallPicture, ...] = ()


def ball(camera: Camera) -> BallPicture:
    """A ray-cast photograph."""
    rows, columns = np.mgrid[: camera.height, : camera.width] + 0.5
    ends = camera.unproject(np.stack([columns, rows], axis=-1).reshape(-1, 2), np.ones(columns.size))
    rays = ends - camera.centre
    along = (rays @ (CENTRE - camera.centre)) / (rays**2).sum(axis=1)
    nearest = camera.centre + along[:, None] * rays - CENTRE
    inside = RADIUS**2 - (nearest**2).sum(axis=1)
    depth = along - np.sqrt(np.maximum(inside, 0) / (rays**2).sum(axis=1))
    hit = inside > 0
    normal = (camera.centre + rays * depth[:, None] - CENTRE) / RADIUS
    rgb = np.where(hit[:, None], colour_of(normal), 0.0)
    shape = (camera.height, camera.width)
    return BallPicture(
        camera,
        rgb.reshape(*shape, 3).astype(np.float32),
        hit.reshape(shape).astype(np.float32),
        np.where(hit, depth, 0.0).reshape(shape).astype(np.float32),
    )


def colour_of(normal: Any) -> Any:
    """Soft stripes all over, by the place (N, 3) on a ball of radius 1."""
    x, y, z = normal.T
    waves = [np.sin(17 * x + 9 * y) * np.sin(23 * z), np.sin(19 * y - 5 * z), np.cos(21 * z + 11 * x) * np.sin(8 * y)]
    return 0.5 + 0.35 * np.stack(waves, axis=-1)


def camera_at(azimuth: float, focal: float = 430.0) -> Camera:
    return on_ring(azimuth, 20.0, 3.0, CENTRE, width=200, height=210, fx=focal, fy=focal, cx=101.0, cy=104.0)


def ball_sample(apart: float = 20.0, targets: tuple[float, ...] = (8.0,)) -> BallSample:
    """Two pictures ``apart`` degrees, and targets at some degrees after the first; focal lengths differ."""
    sources = (ball(camera_at(0.0)), ball(camera_at(apart, 415.0)))
    return BallSample(sources, tuple(ball(camera_at(azimuth)) for azimuth in targets))
