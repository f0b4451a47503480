"""Where the cameras stand around a person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inference.camera import Camera

from ..scenes.rigs import look
from .avatar import Vector

Random = np.random.Generator

# Cameras of a rig beside a pair, at most: more of them hardly change the hull of the silhouettes.
_OTHERS = 8


@dataclass(frozen=True, eq=False)
class Ring:
    """A circle of cameras that look at a point.

    Args:
        centre: (3,) that point.
        radius: Scene units.
        elevation: Degrees above the point.
        focal: Pixels.
        size: Side of the square pictures in pixels.
    """

    centre: Vector
    radius: float
    elevation: float
    focal: float
    size: int

    def camera(
        self, azimuth: float, wobble: Vector | None = None, raised: float = 0.0, nearer: float = 1.0, zoom: float = 1.0
    ) -> Camera:
        """Return the camera at an angle.

        Args:
            azimuth: Degrees, counted from the front of the person towards the left hand.
            wobble: (3,) small turn of the camera in radians, a rotation vector about right, down, forward.
            raised: Degrees above the ring.
            nearer, zoom: Factors on radius and focal length.
        """
        a, e = np.radians(azimuth), np.radians(self.elevation + raised)
        outwards = np.array([np.sin(a) * np.cos(e), -np.cos(a) * np.cos(e), np.sin(e)])
        pose = look(self.centre + self.radius * nearer * outwards, -outwards, np.zeros(3) if wobble is None else wobble)
        return Camera(
            width=self.size,
            height=self.size,
            fx=self.focal * zoom,
            fy=self.focal * zoom,
            cx=self.size / 2,
            cy=self.size / 2,
            world_to_camera=pose,
        )


def ring_around(points: Vector, radius: float, elevation: float, fill: float, size: int) -> Ring:
    """Return the ring around points (N, 3) whose pictures they fill.

    Args:
        points: Of the person.
        radius: Scene units.
        elevation: Degrees.
        fill: Share of a picture's side that the person's height takes, seen at the distance of its middle.
        size: Side of the pictures in pixels.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    focal = fill * size * radius / float((high[2] - low[2]) * np.cos(np.radians(elevation)))
    return Ring(0.5 * (low + high), radius, elevation, focal, size)


def random_ring(random: Random, points: Vector, size: int) -> Ring:
    """Return a ring of any usual radius, pitch and lens; one in eight cuts the person at the border."""
    # 1.2 to 4 metres for somebody of ordinary height.
    radius = float(np.exp(random.uniform(np.log(1.2), np.log(4.0)))) * float(np.ptp(points[:, 2])) / 1.75
    fill = random.uniform(1.0, 1.5) if random.random() < 0.125 else random.uniform(0.6, 0.95)
    ring = ring_around(points, radius, random.uniform(-15.0, 20.0), fill, size)
    # Rigs are aimed by hand, not at the middle of a bounding box.
    aim = random.normal(0.0, [0.03, 0.03, 0.04])
    return Ring(ring.centre + aim, ring.radius, ring.elevation, ring.focal, size)


def random_rig(
    random: Random, ring: Ring, targets: int
) -> tuple[tuple[Camera, Camera], tuple[Camera, ...], tuple[Camera, ...]]:
    """Return two neighbouring cameras, left and right in random order, targets between them, and the rig's others.

    Targets are not all on the arc. The others go all around in most rigs, else there are a few on the sides, or none.
    """
    start, angle = random.uniform(0, 360), random.uniform(15, 60)
    stray = 0.1 if random.random() < 0.5 else 1.0  # a rig bolted together, or one put up by hand

    def camera(azimuth: float, stray: float) -> Camera:
        return ring.camera(
            azimuth,
            random.normal(0, np.radians([0.6, 0.6, 1.2])) * stray,
            raised=random.normal(0, 1.5) * stray,
            nearer=float(np.exp(random.normal(0, 0.02) * stray)),
            zoom=float(np.exp(random.normal(0, 0.01) * stray)),
        )

    sources = [camera(start + side * angle, stray) for side in (0.0, 1.0)]
    if random.random() < 0.5:
        sources.reverse()
    ratios = np.clip(random.normal(0.5, 0.25, targets), 0.02, 0.98)
    strays = random.choice([0.0, 1.0, 2.0], targets)
    between = tuple(
        camera(start + ratio * angle, stray) for ratio, stray in zip(ratios.tolist(), strays.tolist(), strict=True)
    )
    if random.random() < 0.7:
        count = min(round(360 / angle) - 2, _OTHERS)
        others = [start + angle + (360 - angle) * (n + 1) / (count + 1) for n in range(count)]
    else:
        before, after = random.integers(0, 3, 2).tolist()
        others = [start - angle * (n + 1) for n in range(before)] + [start + angle * (n + 2) for n in range(after)]
    return (sources[0], sources[1]), between, tuple(camera(azimuth, stray) for azimuth in others)
