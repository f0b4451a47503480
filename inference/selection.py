"""Which sources serve a target camera, and why. numpy only: Blender's panels show the reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .camera import Array, Camera

# A source that sees less of the target's frustum than this has nothing to give to it.
MINIMUM_OVERLAP = 0.05

# How the reason of such a source begins.
SEES_NOTHING = "sees nothing of the target"


@dataclass(frozen=True)
class Choice:
    """Whether the source of this index is used, and the reason in words."""

    index: int
    used: bool
    reason: str


def frustum_samples(target: Camera, near: float, far: float, grid: int = 8, depths: int = 6) -> Array:
    """Return (grid * grid * depths, 3) scene points that fill the target's frustum, uniform in disparity."""
    x = (np.arange(grid) + 0.5) / grid * target.width
    y = (np.arange(grid) + 0.5) / grid * target.height
    z = 1.0 / np.linspace(1.0 / far, 1.0 / near, depths)
    px, py, depth = np.meshgrid(x, y, z, indexing="ij")
    return target.unproject(np.stack([px, py], axis=-1).reshape(-1, 2), depth.reshape(-1))


def overlap(source: Camera, points: Array) -> float:
    """Return the share (0..1) of ``points`` (N, 3) that lie inside the picture of ``source``."""
    pixels, depth = source.project(points)
    inside = (depth > 0) & (pixels >= 0).all(axis=-1) & (pixels[:, 0] < source.width) & (pixels[:, 1] < source.height)
    return float(inside.mean())


def select_sources(target: Camera, sources: Sequence[Camera], count: int, near: float, far: float) -> list[Choice]:
    """Choose the ``count`` sources nearest to the target among those that see its frustum.

    Nearness is the distance of camera centres, the rule of the field for few calibrated views (convention of
    IBRNet and its successors).

    Args:
        target: The camera to synthesize.
        sources: Candidate cameras.
        count: How many to use at most.
        near: Where the target's frustum begins, in scene units.
        far: Where it ends.

    Returns:
        A choice for every source: the used ones first, nearest first, then the others by distance.
    """
    points = frustum_samples(target, near, far)
    ranked = sorted(range(len(sources)), key=lambda index: float(np.linalg.norm(sources[index].centre - target.centre)))
    nearer = "1 source is" if count == 1 else f"{count} sources are"
    used: list[Choice] = []
    skipped: list[Choice] = []
    for index in ranked:
        source = sources[index]
        distance = float(np.linalg.norm(source.centre - target.centre))
        angle = float(np.degrees(np.arccos(np.clip(source.forward @ target.forward, -1.0, 1.0))))
        seen = overlap(source, points)
        facts = f"{distance:.3g} away, turned {angle:.0f}°, sees {seen:.0%} of the target"
        if seen < MINIMUM_OVERLAP:
            skipped.append(Choice(index, False, f"{SEES_NOTHING} ({facts})"))
        elif len(used) < count:
            used.append(Choice(index, True, facts))
        else:
            skipped.append(Choice(index, False, f"{nearer} nearer ({facts})"))
    return used + skipped


def relevant_sources(target: Camera, cameras: Sequence[Camera], count: int, near: float, far: float) -> list[int]:
    """Return the indexes, ascending, of all sources that the picture of a target can depend on.

    A picture made from these alone is the one made from all. Arguments as of :func:`select_sources`.
    """
    return sorted(choice.index for choice in select_sources(target, cameras, count, near, far) if choice.used)
