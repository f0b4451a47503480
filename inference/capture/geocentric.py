"""Scenes in coordinates that count from the middle of the Earth: brought to the ground beneath the cameras."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Of the ellipsoid WGS 84; those of other systems differ from it by less than 1e-4.
_SEMI_MAJOR = 6378137.0
_ECCENTRICITY_SQUARED = 6.69437999014e-3
# What cameras may be below and above the ground, in metres.
_DEEPEST, _HIGHEST = 15_000.0, 100_000.0


def local_frame(centres: Array) -> tuple[Array, Array] | None:
    """Return the rotation to east, north and up and the origin of a local frame in the middle of cameras.

    Args:
        centres: (N, 3) metres, where the Earth has its centre at 0, its poles on z, and Greenwich on x.

    Returns:
        (3, 3) rotation and (3,) origin: a point becomes ``rotation @ (point - origin)``. ``None`` where the cameras are
        not near the Earth's surface, so that these are no such coordinates.
    """
    origin = centres.mean(axis=0)
    x, y, z = origin
    latitude = np.arctan2(z, np.hypot(x, y) * (1 - _ECCENTRICITY_SQUARED))
    longitude = np.arctan2(y, x)
    ground = _SEMI_MAJOR * np.sqrt(
        (1 - _ECCENTRICITY_SQUARED * (2 - _ECCENTRICITY_SQUARED) * np.sin(latitude) ** 2)
        / (1 - _ECCENTRICITY_SQUARED * np.sin(latitude) ** 2)
    )
    if not -_DEEPEST < np.linalg.norm(origin) - ground < _HIGHEST:
        return None
    sin_lat, cos_lat, sin_lon, cos_lon = np.sin(latitude), np.cos(latitude), np.sin(longitude), np.cos(longitude)
    rotation = np.array(
        [
            [-sin_lon, cos_lon, 0.0],
            [-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat],
            [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat],
        ]
    )
    return rotation, origin
