"""How a camera and its picture belong together, and how far matches are from what cameras say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..camera import Array, Camera
from ..capture.rectification import undistort
from ..capture.stored_pictures import same_aspect
from ..capture.triangulation import epipolar_distance
from .observations import PairMatches, PictureFeatures

# What a match counts for whose rays meet behind a camera or not at all, in pixels.
BEHIND_PIXELS = 50.0
# Rays that differ by less (radians) meet so far away that noise decides on which side.
PARALLEL = 0.004
# So many matches of a pair are measured; more say the same.
MEASURED = 80


@dataclass(frozen=True)
class Turn:
    """How a stored picture is turned to become the one that its camera speaks of: mirrored first, then rotated.

    Args:
        quarters: Number of quarter turns clockwise.
        mirrored: Left and right change places.
    """

    quarters: int = 0
    mirrored: bool = False

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Return the size of the turned picture."""
        return (height, width) if self.quarters % 2 else (width, height)

    def apply(self, pixels: Array, width: int, height: int) -> Array:
        """Return where pixels (N, 2) of a picture of that size go."""
        x, y = pixels[:, 0], pixels[:, 1]
        if self.mirrored:
            x = width - x
        for _ in range(self.quarters):
            x, y, width, height = height - y, x, height, width
        return np.stack([x, y], axis=1)


@dataclass(frozen=True, eq=False)
class Sight:
    """A camera, and how its picture is turned."""

    camera: Camera
    turn: Turn = Turn()

    def fits(self, picture: PictureFeatures) -> bool:
        """Whether the picture has the camera's aspect ratio."""
        return same_aspect((self.camera.width, self.camera.height), self.turn.size(*picture.stored))

    def ideal(self, picture: PictureFeatures, features: NDArray[np.intp]) -> tuple[Camera, Array]:
        """Return the camera without its lens at the size of the scaled picture, and where it sees features (N, 2)."""
        size = self.turn.size(picture.width, picture.height)
        camera = _resized(self.camera, *size)
        pixels = self.turn.apply(picture.pixels[features], picture.width, picture.height)
        return camera.ideal, undistort(camera, pixels)


@lru_cache(maxsize=256)
def _resized(camera: Camera, width: int, height: int) -> Camera:
    """Return :meth:`Camera.resized`, which checks its numbers, once for all pairs that a camera is part of."""
    return camera.resized(width, height)


@dataclass(frozen=True, eq=False)
class Measured:
    """Matches of a pair under two sights.

    Args:
        epipolar: (N,) distance to each other's epipolar lines in pixels of the scaled pictures.
        in_front: (N,) whether the rays meet in front of both cameras, as far as can be told.
    """

    epipolar: Array
    in_front: NDArray[np.bool_]

    @property
    def errors(self) -> Array:
        """(N,) distances, with those behind a camera counted as 50 pixels or more."""
        return np.where(self.in_front, self.epipolar, np.maximum(self.epipolar, BEHIND_PIXELS))


def measure(pair: PairMatches, sights: Sequence[Sight], pictures: Sequence[PictureFeatures]) -> Measured:
    """Return how far matches (all of them) are from what the two cameras say."""
    first, x1 = sights[pair.first].ideal(pictures[pair.first], pair.a)
    second, x2 = sights[pair.second].ideal(pictures[pair.second], pair.b)
    with np.errstate(all="ignore"):
        epipolar = epipolar_distance(first, second, x1, x2)
    # Cameras at one place have no epipolar lines, and the pictures say that they are not at one place.
    epipolar = np.where(np.isfinite(epipolar), epipolar, BEHIND_PIXELS)
    return Measured(epipolar, _meet_in_front(first, second, x1, x2))


def error_of(pair: PairMatches, sights: Sequence[Sight], pictures: Sequence[PictureFeatures]) -> float:
    """Return the median error of a pair, of some of its matches."""
    if len(pair) > MEASURED:
        some = np.linspace(0, len(pair) - 1, MEASURED).astype(np.intp)
        pair = replace(pair, a=pair.a[some], b=pair.b[some])
    return float(np.median(measure(pair, sights, pictures).errors))


def _meet_in_front(first: Camera, second: Camera, x1: Array, x2: Array) -> NDArray[np.bool_]:
    """Whether the points where two rays are nearest to each other lie ahead on both, or are too far away to tell."""
    ray1, ray2 = _rays(first, x1), _rays(second, x2)
    between = second.centre - first.centre
    cosine = (ray1 * ray2).sum(axis=1)
    sine2 = np.maximum(1.0 - cosine**2, 1e-18)
    along1, along2 = ray1 @ between, ray2 @ between
    ahead1, ahead2 = (along1 - cosine * along2) / sine2, (cosine * along1 - along2) / sine2
    result: NDArray[np.bool_] = np.where(sine2 < PARALLEL**2, cosine > 0, (ahead1 > 0) & (ahead2 > 0))
    return result


def _rays(camera: Camera, pixels: Array) -> Array:
    rays = np.column_stack([(pixels - [camera.cx, camera.cy]) / [camera.fx, camera.fy], np.ones(len(pixels))])
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    turned: Array = rays @ camera.rotation
    return turned
