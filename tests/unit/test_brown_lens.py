from __future__ import annotations

import numpy as np
import pytest

from inference.camera import Camera
from inference.capture.brown_lens import brown_lens
from inference.capture.rectification import distort, rectified_camera
from inference.errors import CameraError

WIDTH, HEIGHT = 5280, 3956
CX, CY = 2651.7, 1950.3
CORNER = float(np.hypot(max(CX, WIDTH - CX), max(CY, HEIGHT - CY)))
TANGENTIAL = (0.0001164, -0.0003135)


def radial(k: tuple[float, ...], x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return where Brown's polynomial puts rays, by its textbook formula."""
    r2 = x * x + y * y
    p1, p2 = TANGENTIAL
    factor = 1 + k[0] * r2 + k[1] * r2**2 + k[2] * r2**3 + k[3] * r2**4
    return np.column_stack(
        [
            x * factor + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
            y * factor + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
        ]
    )


@pytest.mark.parametrize(
    ("k", "focal", "bound"),
    [
        ((0.05, -0.02, 0.003, 0.0), 3705.0, 1e-8),
        ((-0.12, 0.1, -0.05, 0.02), 4200.0, 0.01),
        ((0.01, -0.05, 0.2, -0.15), 6000.0, 0.01),
        ((0.05, -0.02, 0.003, 1e-14), 3705.0, 0.01),
        ((0.03, 0.4, -3.0, 8.0), 14000.0, 0.1),
        # A drone's wide camera, 93 degrees from corner to corner.
        ((-0.0919367147, -0.0762807468, 0.1162639394, -0.0761413904), 3705.47, 0.1),
    ],
)
def test_a_fourth_term_is_expressed(k: tuple[float, float, float, float], focal: float, bound: float) -> None:
    camera = Camera(WIDTH, HEIGHT, focal, focal, CX, CY, np.eye(4), brown_lens(k, TANGENTIAL, focal, CORNER))
    # Rays all over the picture, told by where the lens puts them.
    x, y = (axis.ravel() for axis in np.meshgrid(np.linspace(-1, 1, 121), np.linspace(-1, 1, 121)))
    pixels = radial(k, x, y) * focal + [CX, CY]
    # Not those that a fold of the polynomial brings back into the picture.
    inside = (pixels > 0).all(1) & (pixels < [WIDTH, HEIGHT]).all(1) & (np.hypot(x, y) < 1.15 * CORNER / focal)
    assert inside.sum() > 300
    ideal = np.column_stack([x, y]) * focal + [CX, CY]
    assert np.abs(distort(camera, ideal[inside]) - pixels[inside]).max() < bound
    assert rectified_camera(camera).fx >= focal


@pytest.mark.parametrize("k", [(0.0, 0.0, 0.0, -2.0), (1.0, -4.0, 5.0, -1.9), (-0.9, 0.0, 0.0, 0.01)])
def test_what_cannot_be_expressed_is_refused(k: tuple[float, float, float, float]) -> None:
    with pytest.raises(CameraError, match="k4 cannot be expressed"):
        brown_lens(k, TANGENTIAL, 2600.0, CORNER)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_what_is_no_number_is_said(wrong: float) -> None:
    with pytest.raises(CameraError, match="finite"):
        brown_lens((wrong, 0.0, 0.0, 0.1), TANGENTIAL, 3000.0, CORNER)
    with pytest.raises(CameraError, match="finite"):
        brown_lens((0.1, 0.0, 0.0, wrong), TANGENTIAL, 3000.0, CORNER)
