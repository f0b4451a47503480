"""Textures and normal maps of procedural people: cloth, skin with a face, folds."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.colour import from_linear

from ..scenes.textures import palette, procedural, spectral_noise
from .avatar import Bytes, Vector

Random = np.random.Generator


def to_bytes(picture: NDArray[Any]) -> Bytes:
    """Return values in [0, 1] as bytes."""
    stored: Bytes = np.clip(np.round(255 * picture), 0, 255).astype(np.uint8)
    return stored


def cloth_picture(random: Random, plain: float = 0.35) -> Bytes:
    """Return cloth of one colour (with the chance ``plain``) or of a pattern, sRGB."""
    if random.random() < plain:
        grain = 0.8 + 0.4 * spectral_noise(random, random.uniform(0.3, 1.2))
        return to_bytes(palette(random, 1)[0] * grain[..., None])
    return to_bytes(0.02 + 0.94 * procedural(int(random.integers(1 << 30))))


def skin_picture(random: Random, tone: Vector) -> Bytes:
    """Return skin of a linear colour ``tone`` (3,); its upper left quarter has a face at a quarter of its width."""
    blotches = 0.85 + 0.3 * spectral_noise(random, 1.0)
    picture = np.asarray(from_linear(np.clip(tone, 0.02, 0.9).astype(np.float32)) * blotches[..., None], np.float32)
    front, eyes, mouth = 64, 128, 172
    for x in (front - 10, front + 10):
        cv2.ellipse(picture, (x, eyes), (5, 4), 0, 0, 360, (0.9, 0.9, 0.9), -1, cv2.LINE_AA)
        cv2.circle(picture, (x, eyes), 3, tuple(random.uniform(0.05, 0.4, 3).tolist()), -1, cv2.LINE_AA)
        cv2.line(picture, (x - 6, eyes - 12), (x + 6, eyes - 13), (0.15, 0.1, 0.08), 3, cv2.LINE_AA)
    cv2.ellipse(picture, (front, mouth), (9, 3), 0, 0, 360, (0.6, 0.25, 0.25), -1, cv2.LINE_AA)
    return to_bytes(picture)


def fold_map(random: Random, strength: float) -> Bytes:
    """Return a normal map of random folds; ``strength``: typical slope in tenths."""
    height = spectral_noise(random, random.uniform(1.4, 2.0), side=256)
    slope_x, slope_y = (np.roll(height, -1, axis) - np.roll(height, 1, axis) for axis in (1, 0))
    scale = 0.1 * strength / max(float(np.hypot(slope_x, slope_y).mean()), 1e-6)
    # Green is up, rows run down.
    normal = np.stack([-scale * slope_x, scale * slope_y, np.ones_like(height)], axis=2)
    normal /= np.linalg.norm(normal, axis=2, keepdims=True)
    return to_bytes(0.5 + 0.5 * normal)
