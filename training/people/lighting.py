"""Light in the scene: a sky, a few tinted lamps, and what the limbs keep off each other."""

from __future__ import annotations

import numba
import numpy as np

from .avatar import Skeleton, Vector
from .rasterize import Lights

Random = np.random.Generator

# Balls along the limbs that stand for the body when it keeps light off itself: from, to, radii in metres.
_BALLS = (
    ("Hips", "Spine2", 0.13, 0.14), ("Spine2", "Neck", 0.14, 0.07), ("Neck", "HeadEnd", 0.07, 0.1),
    ("LeftUpLeg", "LeftLeg", 0.08, 0.055), ("LeftLeg", "LeftFoot", 0.055, 0.045),
    ("RightUpLeg", "RightLeg", 0.08, 0.055), ("RightLeg", "RightFoot", 0.055, 0.045),
    ("LeftArm", "LeftForeArm", 0.05, 0.045), ("LeftForeArm", "LeftHand", 0.045, 0.03),
    ("RightArm", "RightForeArm", 0.05, 0.045), ("RightForeArm", "RightHand", 0.045, 0.03),
)  # fmt: skip
_ALONG = 5


def random_lights(random: Random) -> Lights:
    """Return a sky and one to five lamps; white cloth of a well-lit side comes out near white."""
    count = int(random.integers(1, 6))
    azimuth = random.uniform(0, 2 * np.pi, count)
    elevation = np.arcsin(random.uniform(-0.25, 0.95, count))
    directions = np.stack(
        [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)], axis=1
    )
    strengths = random.exponential(1.0, count) + 0.2
    ambient = random.uniform(0.25, 0.75)
    lamps = random.uniform(0.7, 1.15) * (1.0 - 0.6 * ambient) * strengths / np.sqrt(np.sum(strengths**2))
    sky = ambient * np.stack([_tint(random) * random.uniform(0.9, 1.2), _tint(random) * random.uniform(0.3, 0.9)])
    return Lights(directions, lamps[:, None] * np.stack([_tint(random) for _ in range(count)]), sky)


def _tint(random: Random) -> Vector:
    """From candle light to blue sky, with a touch of any colour."""
    warmth = random.normal(0, 0.12)
    tint: Vector = np.exp(np.array([warmth, 0.0, -warmth]) + random.normal(0, 0.03, 3))
    tint /= tint.mean()
    return tint


def openness(skeleton: Skeleton, joints: Vector, positions: Vector, normals: Vector) -> Vector:
    """Return the share (V,) of the surroundings that limbs and ground do not cover, as seen from points of the surface.

    Args:
        skeleton: Whose body it is.
        joints: (J, 3) of its joints in the pose.
        positions, normals: (V, 3) of the surface.
    """
    place = dict(zip(skeleton.names, joints, strict=True))
    share = np.linspace(0.0, 1.0, _ALONG)[:, None]
    balls = [
        np.concatenate([place[start] * (1 - share) + place[end] * share, thick * (1 - share) + thin * share], axis=1)
        for start, end, thick, thin in _BALLS
    ]
    open_share: Vector = _open_share(positions, normals, np.concatenate(balls))
    return open_share


@numba.njit(cache=True, nogil=True, parallel=True)
def _open_share(positions, normals, balls):  # type: ignore[no-untyped-def]
    """Multiply what each ball leaves: it covers cos * r^2 / d^2 of the cosine-weighted half space."""
    result = np.empty(len(positions))
    for n in numba.prange(len(positions)):
        share = 1.0
        for b in range(len(balls)):
            x, y, z = balls[b, 0] - positions[n, 0], balls[b, 1] - positions[n, 1], balls[b, 2] - positions[n, 2]
            square, radius = x * x + y * y + z * z, balls[b, 3]
            facing = (x * normals[n, 0] + y * normals[n, 1] + z * normals[n, 2]) / np.sqrt(square + 1e-12)
            # The balls of a limb overlap: each counts for a part.
            if facing > 0.0:
                share *= 1.0 - 0.5 * facing * min(radius * radius / (square + 1e-12), 1.0)
        result[n] = max(share, 0.25)
    return result
