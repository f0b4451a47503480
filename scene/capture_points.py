"""The sparse points of a capture, as they lie in the scene."""

from __future__ import annotations

import bpy
import numpy as np
from numpy.typing import NDArray

from .properties import of_collection


def points_of(capture: bpy.types.Collection) -> NDArray[np.float64] | None:
    """Return the calibration's (N, 3) points where they are in the scene, ``None`` where there are none."""
    obj = of_collection(capture).points
    if obj is None or not isinstance(obj.data, bpy.types.Mesh) or not obj.data.vertices:
        return None
    places = np.empty(3 * len(obj.data.vertices), dtype=np.float32)
    obj.data.vertices.foreach_get("co", places)
    matrix = np.array(obj.matrix_world, dtype=np.float64)
    points: NDArray[np.float64] = places.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]
    return points
