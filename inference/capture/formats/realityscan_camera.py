"""Cameras in the numbers of RealityScan, which was called RealityCapture.

Lengths in a picture are in units of its longer side: the focal length (36 times that in its files) and the principal
point, which is counted from the middle. Pixels have their edges at 0..width. The coefficients are always k1 k2 k3 k4 t1
t2. Brown's lens has up to four radial terms, and t1, t2 are OpenCV's p2, p1; the division lens takes a ray x to
x / (1 + k1 r^2), which is OpenCV's rational lens with k4 alone.

Sure: Epic's reference of RealityScan's camera geometry (Hornacek, 2026) has all of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...camera import Camera, Distortion
from ...errors import CameraError
from ..brown_lens import brown_lens

# Millimetres of 35 mm film.
FILM = 36.0

# Of k1 k2 k3 k4 t1 t2, those that a lens has.
_BROWN = {
    "brown3": (1, 1, 1, 0, 0, 0),
    "brown4": (1, 1, 1, 1, 0, 0),
    "brown3t2": (1, 1, 1, 0, 1, 1),
    "brown4t2": (1, 1, 1, 1, 1, 1),
}
_IDEAL = ("none", "perspective")


def realityscan_camera(
    size: tuple[int, int],
    focal: float,
    principal: tuple[float, float],
    lens: tuple[str, Sequence[float]],
    world_to_camera: NDArray[np.float64],
) -> Camera:
    """Return a camera.

    Args:
        size: Width and height of its picture in pixels.
        focal: Focal length in units of the longer side.
        principal: Principal point from the middle of the picture in units of the longer side.
        lens: The distortion model as RealityScan names it, and k1 k2 k3 k4 t1 t2.
        world_to_camera: (3, 4) in OpenCV axes.

    Raises:
        CameraError: If it makes none.
    """
    width, height = size
    longer = max(size)
    cx, cy = (share * longer + side / 2 for share, side in zip(principal, size, strict=True))
    corner = float(np.hypot(max(cx, width - cx), max(cy, height - cy)))
    return Camera(
        width=width,
        height=height,
        fx=focal * longer,
        fy=focal * longer,
        cx=cx,
        cy=cy,
        world_to_camera=world_to_camera,
        distortion=_lens(*lens, focal * longer, corner),
    )


def unnamed_lens(coefficients: Sequence[float]) -> tuple[str, Sequence[float]]:
    """Return the lens of coefficients where its name is not written: one with k1 alone is the division lens.

    RealityScan has no other lens of one coefficient, and Brown's with three or more comes out with all of them.
    """
    alone = coefficients[0] != 0 and not any(coefficients[1:])
    return ("division" if alone else "brown4t2"), coefficients


def _lens(model: str, coefficients: Sequence[float], focal: float, corner: float) -> Distortion | None:
    if model in _IDEAL:
        return None
    if model == "division":
        return Distortion("opencv", (0.0, 0.0, 0.0, 0.0, 0.0, coefficients[0]))
    if model not in _BROWN:
        raise CameraError(f"Its lens '{model}' cannot be expressed; align the pictures with another distortion model.")
    k1, k2, k3, k4, t1, t2 = (value if has else 0.0 for value, has in zip(coefficients, _BROWN[model], strict=True))
    return brown_lens((k1, k2, k3, k4), (t2, t1), focal, corner)
