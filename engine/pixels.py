"""From the worker's pictures to Blender's render passes."""

from __future__ import annotations

from functools import cache

import numpy as np
from mathutils import Color
from numpy.typing import NDArray

from ..inference.colour import to_linear
from ..inference.frame_cache import COLOUR_LIMIT

COMBINED, DEPTH = "Combined", "Depth"

# What Blender's engines write into a depth pass where there is nothing.
NOTHING = 1e10


def combined(rgba: NDArray[np.uint16], background: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """Return Blender's Combined pass of a picture.

    Args:
        rgba: H x W x 4 display-referred sRGB and straight alpha, 0..65535.
        background: (3,) scene-linear colour behind the picture, which becomes opaque; ``None`` for a transparent film.

    Returns:
        H x W x 4 scene-linear, multiplied by alpha.
    """
    result = np.empty(rgba.shape, np.float32)
    colour, alpha = result[..., :3], result[..., 3:]
    np.take(_linear(), rgba[..., :3], out=colour)
    np.multiply(rgba[..., 3:], np.float32(1 / COLOUR_LIMIT), out=alpha)
    matrix = _to_scene()
    if matrix is not None:
        colour[...] = colour @ matrix
    colour *= alpha
    if background is not None:
        colour += (1 - alpha) * background
        alpha[...] = 1
    return result


def depth(stored: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return Blender's Depth pass of depths along the optical axis, infinite where nothing is."""
    return np.where(np.isfinite(stored), stored, np.float32(NOTHING))


def enlarged(plane: NDArray[np.float32], width: int, height: int, *, blend: bool = True) -> NDArray[np.float32]:
    """Return an H x W or H x W x C plane at another size, as it is where that is its own.

    Args:
        plane: The values.
        width, height: Of the result.
        blend: Bilinearly; else every pixel takes the nearest value, as depths must: between two there may be nothing.
    """
    if plane.shape[:2] == (height, width):
        return plane
    for axis, size in enumerate((height, width)):
        place = np.clip((np.arange(size) + 0.5) * plane.shape[axis] / size - 0.5, 0, plane.shape[axis] - 1)
        if not blend:
            plane = np.take(plane, np.round(place).astype(np.intp), axis)
            continue
        low = np.floor(place).astype(np.intp)
        high = np.minimum(low + 1, plane.shape[axis] - 1)
        shape = [-1 if one == axis else 1 for one in range(plane.ndim)]
        share: NDArray[np.float32] = (place - low).astype(np.float32).reshape(shape)
        plane = np.take(plane, low, axis) * (1 - share) + np.take(plane, high, axis) * share
    return plane


@cache
def _linear() -> NDArray[np.float32]:
    """Return linear light for each of the 65536 values of sRGB."""
    return to_linear(np.linspace(0, 1, COLOUR_LIMIT + 1, dtype=np.float32))


def _to_scene() -> NDArray[np.float32] | None:
    """Return the matrix from linear sRGB to the scene's linear colours; ``None`` where those are the same.

    A blend file of Blender 5 may have wider primaries than sRGB's.
    """
    matrix = np.array([Color(row).from_srgb_to_scene_linear() for row in np.eye(3)], dtype=np.float32)
    return None if np.allclose(matrix, np.eye(3), atol=1e-5) else matrix
