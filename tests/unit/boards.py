"""Made-up photographs with exact cameras: patterned boards at several depths, seen from an arc."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.camera import Camera
from inference.view import Capture, View

WIDTH, HEIGHT, FOCAL = 400, 300, 380.0
TEXELS = 160.0  # a unit of length


def camera(
    place: tuple[float, float, float], roll: float = 0.0, target: tuple[float, float, float] = (0, 0, 5)
) -> Camera:
    """Return a camera that looks at a point, with its y axis down."""
    forward = np.subtract(target, place) / np.linalg.norm(np.subtract(target, place))
    right = np.cross([0.0, 1.0, 0.0], forward)
    right /= np.linalg.norm(right)
    rotation = cv2.Rodrigues(np.array([0.0, 0.0, roll]))[0] @ np.stack([right, np.cross(forward, right), forward])
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation, -rotation @ np.array(place)
    # Off the middle, so that a mirrored principal point can be told.
    return Camera(WIDTH, HEIGHT, FOCAL, FOCAL, WIDTH / 2 + 14, HEIGHT / 2 - 11, pose)


def photograph(of: Camera) -> NDArray[np.float32]:
    """Return what a camera sees, H x W x 3."""
    picture = np.full((of.height, of.width, 3), 0.4, np.float32)
    random = np.random.default_rng(7)
    for depth, left, top, width, height in (
        (7.0, -7, -5, 14, 10),
        (5.2, -1.9, -1.3, 1.6, 2.4),
        (4.2, 0.2, -0.9, 1.5, 1.3),
    ):
        size = (int(width * TEXELS / depth * 2.4), int(height * TEXELS / depth * 2.4))
        texture = sum(
            cv2.resize(
                random.random((size[1] // step + 2, size[0] // step + 2, 3)).astype(np.float32),
                size,
                interpolation=cv2.INTER_CUBIC,
            )
            for step in (5, 11, 23)
        )
        texture = np.clip(texture / 3 * 1.8 - 0.4, 0, 1)
        # Texel edges to the board's plane, that to pixel edges, and both to OpenCV's pixel centres.
        to_plane = np.array([[width / size[0], 0, left], [0, height / size[1], top], [0, 0, 1.0]])
        columns = of.rotation[:, :2]
        to_pixels = of.intrinsics @ np.column_stack([columns, of.rotation[:, 2] * depth + of.translation])
        half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])
        warp = np.linalg.inv(half) @ to_pixels @ to_plane @ half
        shown = cv2.warpPerspective(texture, warp, (of.width, of.height), flags=cv2.INTER_AREA)
        inside = cv2.warpPerspective(np.ones(texture.shape[:2], np.float32), warp, (of.width, of.height))[..., None]
        picture = picture * (1 - inside) + shown * inside
    return np.clip(picture, 0, 1).astype(np.float32)


def boards(count: int = 6, centred: bool = False) -> Capture:
    """Return photographs from an arc, of different heights and rolls; the principal point is off the middle."""
    views = []
    for index in range(count):
        along = index / (count - 1) * 2 - 1
        of = camera(
            (1.6 * along, 0.25 * np.sin(3.0 * index), 0.5 * along**2 + 0.1 * (index % 2)), roll=0.05 * (index % 3)
        )
        if centred:
            of = replace(of, cx=WIDTH / 2, cy=HEIGHT / 2)
        views.append(View(f"v{index}", of, photograph(of)))
    return Capture(tuple(views))
