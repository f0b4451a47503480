"""Textures with their mip pyramids in one flat tensor, sampled by footprint."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .textures import SIDE, Picture, faint, panorama, procedural

PROCEDURAL = 84
FAINT = 6
PANORAMAS = 8


@dataclass(frozen=True, eq=False)
class Atlas:
    """Pictures of one size, all mip levels.

    Args:
        texels: (total,) int32, four bytes R G B 0 each: every picture's level 0, then every picture's level 1, ...
        height, width: Of level 0.
        count: Number of pictures.
        levels: Number of levels.
        starts: (levels,) int64, where each level begins in ``texels``.
        means: (3, count) mean colours in [0, 1].
    """

    texels: Tensor
    height: int
    width: int
    count: int
    levels: int
    starts: Tensor
    means: Tensor

    def sample(self, picture: Tensor, u: Tensor, v: Tensor, level: Tensor) -> Tensor:
        """Return (3, N) colours in [0, 1], trilinear, wrapping around.

        ``picture`` (N,) int64 are picture numbers; ``u``, ``v`` (N,) are in pictures: 0..1 spans the picture, v
        downwards, anything beyond wraps; ``level`` (N,) is the footprint as log2 of texels of level 0.
        """
        level = level.clamp(0.0, self.levels - 1.001)
        lower = level.floor()
        share = level - lower
        u, v = u - u.floor(), v - v.floor()
        places, weights = self._corners(picture, u, v, lower)
        more, others = self._corners(picture, u, v, lower + 1.0)
        weight = torch.cat([weights * (1.0 - share), others * share]) * (1.0 / 255.0)
        texels = self.texels.index_select(0, torch.cat([places, more]).view(-1)).view(8, -1)
        channels = (texels & 255, (texels >> 8) & 255, (texels >> 16) & 255)
        return torch.stack([(channel * weight).sum(dim=0) for channel in channels])

    def _corners(self, picture: Tensor, u: Tensor, v: Tensor, level: Tensor) -> tuple[Tensor, Tensor]:
        """Return places (4, N) int64 and bilinear weights (4, N) of the texels around (u, v) of whole levels."""
        scale = torch.exp2(-level)
        width, height = self.width * scale, self.height * scale
        x, y = u * width - 0.5, v * height - 0.5
        x0, y0 = x.floor(), y.floor()
        wx, wy = x - x0, y - y0
        w, h = width.int(), height.int()
        base = self.starts.index_select(0, level.int()) + picture * (w * h)
        # Powers of two: wrapping is a bit mask.
        left, top = x0.int() & (w - 1), y0.int() & (h - 1)
        right, bottom = (x0.int() + 1) & (w - 1), ((y0.int() + 1) & (h - 1)) * w
        top = top * w
        places = torch.stack([top + left, top + right, bottom + left, bottom + right]) + base
        vx, vy = 1.0 - wx, 1.0 - wy
        return places, torch.stack([vx * vy, wx * vy, vx * wy, wx * wy])


def build_atlas(pictures: list[Picture], device: torch.device) -> Atlas:
    """Pack pictures (height x width x 3 in [0, 1], sides powers of two) and their pyramids."""
    height, width = pictures[0].shape[:2]
    levels = int(np.log2(min(height, width))) + 1
    count = len(pictures)
    parts: list[NDArray[np.uint8]] = []
    current = [np.ascontiguousarray(picture, dtype=np.float32) for picture in pictures]
    for level in range(levels):
        size = (width >> level, height >> level)
        if level:
            current = [_resized(picture, size) for picture in current]
        packed = np.zeros((count, size[1], size[0], 4), np.uint8)
        for index, picture in enumerate(current):
            packed[index, ..., :3] = np.clip(picture * 255.0 + 0.5, 0, 255).astype(np.uint8)
        parts.append(packed.reshape(-1))
    texels = torch.from_numpy(np.concatenate(parts).view(np.int32)).to(device)
    means = torch.from_numpy(np.stack([p.mean(axis=(0, 1)) for p in pictures], axis=1).astype(np.float32)).to(device)
    sizes = [0, *(part.size // 4 for part in parts[:-1])]
    starts = torch.from_numpy(np.cumsum(sizes, dtype=np.int64)).to(device)
    return Atlas(texels, height, width, count, levels, starts, means)


@dataclass(frozen=True, eq=False)
class Library:
    """What a world is made of.

    Args:
        surfaces: Surface textures: ``procedural``, then ``faint``, then ``pictures`` of them.
        environments: Equirectangular surroundings.
        pictures: How many of the surfaces are photographs; they come last.
    """

    surfaces: Atlas
    environments: Atlas
    pictures: int

    @property
    def faint_start(self) -> int:
        """Number of the first almost flat texture."""
        return PROCEDURAL

    @property
    def picture_start(self) -> int:
        """Number of the first photograph."""
        return PROCEDURAL + FAINT


def tone_map(radiance: Picture) -> Picture:
    """Map linear radiance (any scale) to display-referred [0, 1]: median to mid grey, highlights rolled off."""
    luminance = radiance.mean(axis=2)
    exposed = radiance * (0.25 / max(float(np.median(luminance)), 1e-4))
    rolled = exposed / (1.0 + 0.6 * exposed)
    return np.clip(rolled, 0.0, 1.0) ** (1.0 / 2.2)


@lru_cache(maxsize=4)
def library(folder: Path, device: torch.device) -> Library:
    """Return the textures of a folder with the procedural ones; made once per process (about a second or two)."""
    surfaces = [procedural(index) for index in range(PROCEDURAL)]
    surfaces += [faint(np.random.default_rng([index, 0xFA])) for index in range(FAINT)]
    photographs = sorted(folder.glob("ambientcg/*.jpg"))
    for path in photographs:
        picture = _read(path, cv2.IMREAD_COLOR) / np.float32(255.0)
        surfaces.append(_resized(picture, (SIDE, SIDE)))
    environments = [panorama(index) for index in range(PANORAMAS)]
    for path in sorted(folder.glob("hdri/*.hdr")):
        radiance = _resized(_read(path, cv2.IMREAD_UNCHANGED), (2 * SIDE, SIDE))
        environments.append(tone_map(radiance))
    return Library(build_atlas(surfaces, device), build_atlas(environments, device), len(photographs))


def _resized(picture: Picture, size: tuple[int, int]) -> Picture:
    resized: Picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    return resized


def _read(path: Path, mode: int) -> Picture:
    picture = cv2.imread(str(path), mode)
    if picture is None:
        raise OSError(f"The texture '{path}' cannot be decoded; take it out of its folder.")
    return np.ascontiguousarray(picture[..., ::-1], dtype=np.float32)
