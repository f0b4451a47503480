"""Other clothes on the same persons: their textures recoloured and patterned region by region, skin left alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from inference.colour import oklab, to_linear

from ..scenes.textures import SIDE, palette, procedural
from .avatar import Avatar, Bytes, Part, Skeleton, Vector
from .rasterize import Floats, linear_picture

Random = np.random.Generator

_SKIN, _TOP, _TROUSERS, _SHOES, _HAIR, _REGIONS = 0, 1, 2, 3, 4, 5
_WORN = {
    "Shoulder": _TOP, "Arm": _TOP, "Spine": _TOP, "Hips": _TROUSERS, "Leg": _TROUSERS, "Foot": _SHOES, "Toe": _SHOES,
}  # fmt: skip
_CHANCES = {_TOP: 0.8, _TROUSERS: 0.8, _SHOES: 0.6, _HAIR: 0.4}
_PATTERNED = 0.3  # of the tops and trousers that change
# Distance from the colour of the hands (Oklab, chroma doubled) at which cloth begins, and at which it is sure.
_CLOTH = (0.07, 0.14)


@dataclass(frozen=True, eq=False)
class Wardrobe:
    """What of a part's texture is worn where.

    Args:
        regions: (H, W) region of each texel.
        cloth: (H, W) how sure it is no skin, 0 to 255.
        means: (regions, 3) mean linear colour of the cloth of each region.
    """

    regions: Bytes
    cloth: Bytes
    means: Vector


def random_clothes(random: Random, avatar: Avatar, wardrobes: Sequence[Wardrobe]) -> list[Floats]:
    """Return linear pictures (H, W, 3) for the parts of an avatar of the library, in other colours."""
    looks = np.zeros((_REGIONS, 5))
    patterns = np.zeros((_REGIONS, SIDE, SIDE, 3), np.float32)
    for region, chance in _CHANCES.items():
        if random.random() >= chance:
            continue
        patterned = region in (_TOP, _TROUSERS) and random.random() < _PATTERNED
        if patterned:
            patterns[region] = to_linear(procedural(int(random.integers(1 << 30))))
        else:
            patterns[region] = to_linear(palette(random, 1)[0]) * (0.25 if region == _HAIR else 1.0)
        # How much of the old picture's contrast, and of its colours, comes through; repeats of the pattern.
        looks[region] = 1.0, random.uniform(0.5, 0.9), random.choice([0.0, random.uniform(0, 1)]), 0.0, 0.0
        looks[region, 3:] = random.choice([1.0, 2.0, 4.0]), random.integers(SIDE)
    pictures = []
    for part, wardrobe in zip(avatar.parts, wardrobes, strict=True):
        picture = linear_picture(part.colour)
        _dye(picture, wardrobe.regions, wardrobe.cloth, wardrobe.means, looks, patterns)
        pictures.append(picture)
    return pictures


def find_wardrobes(avatar: Avatar) -> tuple[Wardrobe, ...]:
    """Find out what an avatar wears where: by the joints that move it, and by what differs from the hands."""
    body, *hair = avatar.parts
    regions = _regions(body, avatar.skeleton)
    lab = oklab(body.colour.astype(np.float32) / 255)
    hands = _painted(body, _moved_by(body, avatar.skeleton, ("Hand",)).astype(np.int64)) > 0
    distance = np.linalg.norm((lab - np.median(lab[hands], axis=0)) * [0.5, 2.0, 2.0], axis=2)
    cloth = np.clip((distance - _CLOTH[0]) / (_CLOTH[1] - _CLOTH[0]), 0.0, 1.0)
    cloth[regions == _SKIN] = 0.0
    found = [_wardrobe(body, regions, cloth)]
    for part in hair:
        whole = np.full(part.colour.shape[:2], _HAIR, np.uint8)
        found.append(_wardrobe(part, whole, np.ones(whole.shape)))
    return tuple(found)


def _wardrobe(part: Part, regions: Bytes, cloth: Vector) -> Wardrobe:
    linear, sure = linear_picture(part.colour), cloth > 0.5
    means = np.ones((_REGIONS, 3))
    for region in range(_REGIONS):
        chosen = linear[sure & (regions == region)]
        if len(chosen):
            means[region] = chosen.mean(axis=0)
    return Wardrobe(regions, (255 * cloth).astype(np.uint8), means)


def _moved_by(part: Part, skeleton: Skeleton, names: tuple[str, ...]) -> NDArray[np.bool_]:
    """Whether the joint that moves each triangle most has one of ``names`` in its own (T,)."""
    named = np.array([any(name in joint for name in names) for joint in skeleton.names])
    vertex = part.triangles[:, 0]
    main = part.joints[vertex, part.weights[vertex].argmax(axis=1)]
    chosen: NDArray[np.bool_] = named[main]
    return chosen


def _regions(part: Part, skeleton: Skeleton) -> Bytes:
    labels = np.full(len(part.triangles), _SKIN, np.int64)
    for name, region in _WORN.items():
        labels[_moved_by(part, skeleton, (name,))] = region
    return _painted(part, labels)


def _painted(part: Part, labels: NDArray[np.int64]) -> Bytes:
    """Return (H, W) the label of the triangle that each texel belongs to, 0 outside of all."""
    height, width = part.colour.shape[:2]
    painted = np.zeros((height, width), np.uint8)
    corners = np.round((part.texcoords * [width, height] - 0.5)[part.triangles] * 16).astype(np.int32)
    for triangle in np.flatnonzero(labels):
        cv2.fillConvexPoly(painted, corners[triangle], (int(labels[triangle]),), shift=4)
    return painted


@numba.njit(cache=True, nogil=True, parallel=True)
def _dye(picture, regions, cloth, means, looks, patterns):  # type: ignore[no-untyped-def]
    """Change a linear picture (H, W, 3) in place; ``looks``: dyed, contrast, old colours, repeats, shift."""
    height, width = regions.shape
    for y in numba.prange(height):
        for x in range(width):
            region, share = regions[y, x], cloth[y, x] / 255.0
            if looks[region, 0] == 0.0 or share == 0.0:
                continue
            _, contrast, old, repeats, shift = looks[region]
            mean = means[region]
            grey = (picture[y, x, 0] + picture[y, x, 1] + picture[y, x, 2]) / max(mean[0] + mean[1] + mean[2], 0.01)
            j, i = int(y * repeats + shift) % SIDE, int(x * repeats + shift) % SIDE
            for k in range(3):
                own = (1.0 - old) * grey + old * picture[y, x, k] / max(mean[k], 0.003)
                dyed = patterns[region, j, i, k] * min(max(own, 0.05), 3.0) ** contrast
                picture[y, x, k] += share * (min(dyed, 0.9) - picture[y, x, k])
