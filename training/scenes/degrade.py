"""What a camera does to a picture: blur, exposure, noise, compression, and a calibration that is a little off."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from inference.camera import Camera

from .rigs import turn

# ITU-T T.81, tables K.1 and K.2: quantisation of luminance and chrominance at quality 50.
LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61), (12, 12, 14, 19, 26, 58, 60, 55), (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62), (18, 22, 37, 56, 68, 109, 103, 77), (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101), (72, 92, 95, 98, 112, 100, 103, 99),
)  # fmt: skip
CHROMINANCE = (
    (17, 18, 24, 47, 99, 99, 99, 99), (18, 21, 26, 66, 99, 99, 99, 99), (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99), *((99, 99, 99, 99, 99, 99, 99, 99),) * 4,
)  # fmt: skip
# JFIF: full-range BT.601.
TO_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
FROM_YCC = ((1.0, 0.0, 1.402), (1.0, -0.344136, -0.714136), (1.0, 1.772, 0.0))


@dataclass(frozen=True)
class Faults:
    """What one photograph suffers.

    Args:
        blur: Standard deviation of the lens blur in pixels, the same in all pictures of a sample.
        gain: Factors on red, green, blue, display-referred.
        noise: Standard deviation in mid grey.
        quality: Of the JPEG compression, 1..100, or ``None``.
        turn: (3,) error of the reported rotation in radians.
        shift: (3,) error of the reported centre in scene units.
    """

    blur: float
    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    noise: float = 0.0
    quality: float | None = None
    turn: tuple[float, float, float] = (0.0, 0.0, 0.0)
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)


def random_faults(random: np.random.Generator, views: int, focal: float, distance: float) -> list[Faults]:
    """Return the faults of ``views`` photographs of one capture.

    Args:
        random: Source of chance.
        views: How many.
        focal: Focal length in pixels, to express calibration errors in pixels.
        distance: Typical distance of the scene in scene units.
    """
    blur = float(random.uniform(0.3, 0.8) + random.uniform() * random.choice([0.0, 1.0, 2.0]))
    noise = float(random.choice([0.0, 0.004, 0.01, 0.02]))
    exposure = float(random.choice([0.0, 0.03, 0.08, 0.15], p=[0.2, 0.3, 0.3, 0.2]))
    quality = float(random.uniform(50, 97)) if random.random() < 0.8 else None
    # Pixels altogether, half from the rotation, half from the centre. Real matches are as bad as the larger ones: what
    # gloss, depth of field and rolling shutters do is in them too.
    error = float(random.choice([random.uniform(0.05, 0.7), random.uniform(0.5, 4.0)]))
    faults = []
    for _ in range(views):
        level = random.normal(0.0, exposure)
        gain = np.maximum(1.0 + level + random.normal(0.0, 0.4 * exposure, 3), 0.3)
        angles = np.clip(random.normal(0.0, 0.35 * error, 3), -3.0, 3.0) / focal
        shift = np.clip(random.normal(0.0, 0.25 * error, 3), -3.0, 3.0) * distance / focal
        faults.append(Faults(blur, tuple(gain.tolist()), noise, quality, tuple(angles.tolist()), tuple(shift.tolist())))
    return faults


def misjudge(camera: Camera, faults: Faults) -> Camera:
    """Return the camera as a calibration with these faults reports it."""
    pose = np.eye(4)
    pose[:3, :3] = turn(np.asarray(faults.turn)) @ camera.rotation
    pose[:3, 3] = -pose[:3, :3] @ (camera.centre + np.asarray(faults.shift))
    return replace(camera, world_to_camera=pose)


def expose(linear: Tensor, blur: float, factor: float, soft: bool = False) -> Tensor:
    """Return display-referred sRGB (3, H, W) in [0, 1] of linear light: lens blur, exposure, IEC 61966-2-1.

    Highlights are rolled off where ``soft``, as cameras' picture styles do, or else clipped.
    """
    light = blurred(linear, blur) * factor
    light = (1.0 - torch.exp(-1.2 * light)) if soft else light.clamp(0.0, 1.0)
    return torch.where(light <= 0.0031308, 12.92 * light, 1.055 * light.clamp(min=1e-6) ** (1 / 2.4) - 0.055)


def blurred(picture: Tensor, deviation: float) -> Tensor:
    """Return (C, H, W) convolved with a Gaussian of ``deviation`` pixels, edges repeated."""
    if deviation <= 0.05:
        return picture
    reach = max(1, math.ceil(2.5 * deviation))
    weights = [math.exp(-0.5 * (i / deviation) ** 2) for i in range(-reach, reach + 1)]
    total = sum(weights)
    _, height, width = picture.shape
    padded = functional.pad(picture[None], (reach, reach, reach, reach), mode="replicate")[0]
    rows = sum(w / total * padded[:, :, i : i + width] for i, w in enumerate(weights))
    assert isinstance(rows, Tensor)
    columns = sum(w / total * rows[:, i : i + height] for i, w in enumerate(weights))
    assert isinstance(columns, Tensor)
    return columns


def spoil(picture: Tensor, faults: Faults, generator: torch.Generator) -> Tensor:
    """Return what the camera stores of a display-referred picture (3, H, W): gain, noise, compression, 8 bits."""
    gain = torch.tensor(faults.gain, device=picture.device)[:, None, None]
    picture = picture * gain
    if faults.noise > 0:
        grain = torch.randn(picture.shape, generator=generator, device=picture.device)
        picture = picture + faults.noise * (0.4 + 1.2 * picture) * grain
    picture = picture.clamp(0.0, 1.0)
    if faults.quality is not None:
        picture = compressed(picture, faults.quality)
    return (picture * 255.0).round().clamp(0.0, 255.0) / 255.0


def compressed(picture: Tensor, quality: float) -> Tensor:
    """Return a picture (3, H, W) in [0, 1] after JPEG's colour change and quantised 8 x 8 cosine transform.

    Tables scaled by ``quality`` as the IJG library does; no chroma subsampling.
    """
    _, height, width = picture.shape
    matrix = torch.tensor(TO_YCC, device=picture.device)
    padded = functional.pad(picture[None], (0, -width % 8, 0, -height % 8), mode="replicate")[0]
    _, high, wide = padded.shape
    ycc = (matrix @ padded.reshape(3, -1)).reshape(3, high // 8, 8, wide // 8, 8).permute(0, 1, 3, 2, 4)
    basis = _cosines(picture.device)
    scale = 50.0 / quality if quality < 50 else 2.0 - quality / 50.0
    tables = torch.tensor((LUMINANCE, CHROMINANCE, CHROMINANCE), device=picture.device)
    tables = (tables * scale).round().clamp(min=1.0)[:, None, None]
    coefficients = basis @ ((ycc - 0.5 * (_is_luminance(picture.device))) * 255.0) @ basis.T
    coefficients = (coefficients / tables).round() * tables
    ycc = (basis.T @ coefficients @ basis) / 255.0 + 0.5 * _is_luminance(picture.device)
    flat = ycc.permute(0, 1, 3, 2, 4).reshape(3, -1)
    rgb = torch.tensor(FROM_YCC, device=picture.device) @ flat
    return rgb.reshape(3, high, wide)[:, :height, :width].clamp(0.0, 1.0)


def _is_luminance(device: torch.device) -> Tensor:
    return torch.tensor((1.0, 0.0, 0.0), device=device).view(3, 1, 1, 1, 1)


def _cosines(device: torch.device) -> Tensor:
    """Return the orthonormal 8-point DCT-II matrix."""
    k = torch.arange(8, device=device, dtype=torch.float32)
    basis = torch.cos(math.pi / 8 * (k[None] + 0.5) * k[:, None]) * 0.5
    basis[0] *= math.sqrt(0.5)
    return basis
