"""A tiny capture with exact geometry: a patterned floor with a patterned board above it, seen by a row of cameras."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT, FOCAL = 96, 72, 90.0
NEAR, FAR = 2.0, 5.0


def write_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write H x W x 3 bytes, or x 4 with alpha; the tests need no picture library for that."""
    height, width, channels = pixels.shape
    rows = b"".join(b"\0" + pixels[row].tobytes() for row in range(height))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, {3: 2, 4: 6}[channels], 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


def picture(x: float, width: int = WIDTH, height: int = HEIGHT, focal: float = FOCAL) -> NDArray[np.float64]:
    """H x W x 3 in [0, 1]: what a camera at (x, 0, 4), looking down, sees."""
    columns, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    dx, dy = (columns - width / 2) / focal, -(rows - height / 2) / focal
    result = np.zeros((height, width, 3))
    for depth, inside in ((4.0, None), (2.8, 0.45)):
        px, py = x + dx * depth, dy * depth
        pattern = np.stack(
            [0.5 + 0.22 * (np.sin(k * px + depth) * np.cos(1.3 * k * py) + np.sin(2.7 * k * py + 1.9 * k * px))
             for k in (5.0, 7.0, 9.0)], axis=-1,
        )  # fmt: skip
        shown = np.ones(px.shape, bool) if inside is None else (np.abs(px) < inside) & (np.abs(py) < inside)
        result[shown] = pattern[shown]
    return np.clip(result, 0, 1)


def write_capture(folder: Path, places: tuple[float, ...] = (-0.3, -0.15, 0.0, 0.15, 0.3)) -> Path:
    """Write pictures and a transforms.json with its depth range; return the latter."""
    (folder / "images").mkdir(parents=True)
    frames = []
    for index, x in enumerate(places):
        name = f"images/view_{index}.png"
        write_png(folder / name, (picture(x) * 255 + 0.5).astype(np.uint8))
        pose = np.eye(4)  # OpenGL axes, as the format has it: looks along its -z
        pose[:3, 3] = (x, 0.0, 4.0)
        frames.append({"file_path": name, "transform_matrix": pose.tolist()})
    record = {"w": WIDTH, "h": HEIGHT, "fl_x": FOCAL, "fl_y": FOCAL, "cx": WIDTH / 2, "cy": HEIGHT / 2}
    path = folder / "transforms.json"
    path.write_text(json.dumps({**record, "depth_near": NEAR, "depth_far": FAR, "frames": frames}))
    return path
