"""Rigs of cameras around a subject, for the tests of stereo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from inference.camera import Camera
from inference.view import View

Array = np.ndarray[Any, np.dtype[np.float64]]


def looking_at(position: Any, at: Any, roll: float = 0.0, **intrinsics: Any) -> Camera:
    """A camera at ``position`` that looks at ``at``; z is up in the scene; ``roll`` in degrees about its axis."""
    position, at = np.asarray(position, float), np.asarray(at, float)
    forward = (at - position) / np.linalg.norm(at - position)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    turn = np.radians(roll)
    right, down = np.cos(turn) * right + np.sin(turn) * down, np.cos(turn) * down - np.sin(turn) * right
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, down, forward])
    pose[:3, 3] = -pose[:3, :3] @ position
    values: dict[str, Any] = {"width": 100, "height": 120, "fx": 150.0, "fy": 150.0, "cx": 50.0, "cy": 60.0}
    return Camera(**{**values, **intrinsics}, world_to_camera=pose)


def on_ring(azimuth: float, radius: float = 3.0, lift: float = 0.4, centre: Any = (0, 0, 0), **values: Any) -> Camera:
    """A camera on a circle around ``centre``, at an azimuth in degrees (counter-clockwise seen from above)."""
    turn = np.radians(azimuth)
    centre = np.asarray(centre, float)
    offset = np.array([radius * np.cos(turn), radius * np.sin(turn), lift])
    return looking_at(centre + offset, centre, **values)


def named(cameras: list[Camera]) -> list[View]:
    return [View(f"cam{index}", camera, Path(f"{index}.png")) for index, camera in enumerate(cameras)]
