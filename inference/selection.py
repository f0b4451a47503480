"""Which sources serve a target camera, how much each, and why. numpy only: Blender's panels show the reasons.

A picture depends on its camera and the capture alone, never on the frame before it. So that nothing jumps where sources
change along a path, the choice is continuous in the target: near a change, sources share the last places.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .camera import Array, Camera

# A source that sees less of the target's frustum than this has nothing to give to it.
MINIMUM_OVERLAP = 0.05
# From here on a source counts fully.
FULL_OVERLAP = 0.15
# Sources share the last places from this much nearer to this much farther than where the choice ends.
FADING = 0.15
# Where very many are equally far, at most so many times the sources asked for take part.
MOST_SHARING = 2

# From this presence on, which rounds to 100 %, a used source counts fully.
FULL = 0.995

# Points of the frustum along each side of the picture.
GRID = 8

# How the reason of such a source begins.
SEES_NOTHING = "sees nothing of the target"


@dataclass(frozen=True)
class Choice:
    """Whether the source of this index is used, and the reason in words.

    ``presence`` in (0, 1] is how much a used one takes part; below 1 it is about to come or to go.
    """

    index: int
    used: bool
    reason: str
    presence: float = 1.0


def frustum_samples(target: Camera, near: float, far: float, grid: int = GRID, depths: int = 6) -> Array:
    """Return (grid * grid * depths, 3) scene points that fill the target's frustum, uniform in disparity."""
    x = (np.arange(grid) + 0.5) / grid * target.width
    y = (np.arange(grid) + 0.5) / grid * target.height
    z = 1.0 / np.linspace(1.0 / far, 1.0 / near, depths)
    px, py, depth = np.meshgrid(x, y, z, indexing="ij")
    return target.unproject(np.stack([px, py], axis=-1).reshape(-1, 2), depth.reshape(-1))


def overlap(source: Camera, points: Array) -> float:
    """Return the share (0..1) of ``points`` (N, 3) that lie inside the picture of ``source``."""
    return float((_margins(source, points) >= 0).mean())


def select_sources(
    target: Camera, sources: Sequence[Camera], count: int, near: float, far: float, fading: float = FADING
) -> list[Choice]:
    """Choose the ``count`` sources nearest to the target among those that see its frustum.

    Nearness is the distance of camera centres, the rule of the field for few calibrated views (convention of
    IBRNet and its successors). Where further ones are nearly as near as the last, all of these take part with a
    presence below 1, which is 0 before one leaves; before they are scaled so that the most present one has 1, the
    presences add up to ``count``.

    Args:
        target: The camera to synthesize.
        sources: Candidate cameras.
        count: How many to use, where so many see anything.
        near: Where the target's frustum begins, in scene units.
        far: Where it ends.
        fading: Half the range of distances over which sources share the last places, as a share of the distance at
            which the choice ends; 0: the nearest ``count``, each fully.

    Returns:
        A choice for every source: the used ones first, nearest first, then the others by distance.
    """
    points = frustum_samples(target, near, far)
    distances = [float(np.linalg.norm(source.centre - target.centre)) for source in sources]
    ranked = sorted(range(len(sources)), key=lambda index: distances[index])
    margins = [_margins(source, points) for source in sources]
    visible = [_visibility(margin) for margin in margins]
    sharing = [index for index in ranked if visible[index] > 0][: (MOST_SHARING if fading else 1) * count]
    presences = dict.fromkeys(sharing, 1.0)
    if fading:
        places = [distances[index] for index in sharing], [visible[index] for index in sharing]
        presences = dict(zip(sharing, _presences(*places, count, fading), strict=True))
    nearer = "1 source is" if count == 1 else f"{count} sources are"
    used: list[Choice] = []
    skipped: list[Choice] = []
    for index in ranked:
        source = sources[index]
        angle = float(np.degrees(np.arccos(np.clip(source.forward @ target.forward, -1.0, 1.0))))
        seen = (margins[index] >= 0).mean()
        facts = f"{distances[index]:.3g} away, turned {angle:.0f}°, sees {seen:.0%} of the target"
        presence = presences.get(index, 0.0)
        if presence > 0:
            part = f", counts {presence:.0%}" if presence < FULL else ""
            used.append(Choice(index, True, facts + part, presence))
        elif visible[index] > 0:
            skipped.append(Choice(index, False, f"{nearer} nearer ({facts})"))
        else:
            skipped.append(Choice(index, False, f"{SEES_NOTHING} ({facts})"))
    return used + skipped


def relevant_sources(target: Camera, cameras: Sequence[Camera], count: int, near: float, far: float) -> list[int]:
    """Return the indexes, ascending, of all sources that the picture of a target can depend on.

    A picture made from these alone is the one made from all. Arguments as of :func:`select_sources`.
    """
    return sorted(choice.index for choice in select_sources(target, cameras, count, near, far) if choice.used)


def _margins(source: Camera, points: Array) -> Array:
    """Return (N,) how far inside the picture points (N, 3) lie, as a share of its side; negative outside or behind."""
    pixels, depth = source.project(points)
    places = pixels / [source.width, source.height]
    margins: Array = np.where(depth > 0, np.minimum(places, 1.0 - places).min(axis=-1), -1.0)
    return margins


def _visibility(margins: Array) -> float:
    """Return how far (0..1) a source sees enough of the target's frustum to serve it, by its points' margins.

    The share that it sees, with pictures whose borders are ramps as wide as the points are apart (continuous in the
    cameras, unlike :func:`overlap`), from ``MINIMUM_OVERLAP`` to ``FULL_OVERLAP``.
    """
    seen = float(np.clip(0.5 + GRID * margins, 0.0, 1.0).mean())
    return _smooth((seen - MINIMUM_OVERLAP) / (FULL_OVERLAP - MINIMUM_OVERLAP))


def _presences(distances: Sequence[float], visible: Sequence[float], count: int, width: float) -> list[float]:
    """Return the presences of sources that are sorted by distance, of which ``visible`` says how well they see."""
    if not distances:
        return []
    # Never zero: the range over which sources fade is a share of the distance.
    away = np.maximum(distances, 1e-12)

    def at(end: float) -> list[float]:
        return [v * _smooth((end * (1 + width) - d) / (2 * width * end)) for d, v in zip(away, visible, strict=True)]

    shares = list(visible)
    if math.fsum(visible) > count:
        enough = next(index for index in range(len(away)) if math.fsum(visible[: index + 1]) >= count)
        low, high = 0.0, float(away[enough]) / (1 - width)
        for _ in range(60):
            middle = 0.5 * (low + high)
            low, high = (low, middle) if math.fsum(at(middle)) >= count else (middle, high)
        shares = at(high)
    most = max(shares)
    return [share / most for share in shares]


def _smooth(value: float) -> float:
    """Return the cubic that rises from 0 at 0 to 1 at 1, constant beyond."""
    x = min(max(float(value), 0.0), 1.0)
    return x * x * (3.0 - 2.0 * x)
