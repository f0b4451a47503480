from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from inference.camera import Camera, Distortion
from inference.capture.rectification import distort, rectified_camera, rectify
from inference.errors import CameraError

Array = np.ndarray[Any, np.dtype[np.float64]]

LENSES = {
    "pincushion": Distortion("opencv", (0.12,)),
    "barrel": Distortion("opencv", (-0.2, 0.05, 0.002, -0.003, 0.01)),
    "rational": Distortion("opencv", (0.3, 0.1, 0.001, 0.002, 0.05, 0.2, 0.05, 0.01)),
    "thin prism": Distortion("opencv", (0.05, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.004, 0.001, -0.003, 0.002)),
    "fisheye": Distortion("fisheye", (0.05, -0.01, 0.002, -0.001)),
    "equidistant": Distortion("fisheye", (0.0, 0.0, 0.0, 0.0)),
}


def camera(lens: Distortion | None, **changes: Any) -> Camera:
    values: dict[str, Any] = {
        "width": 120, "height": 90, "fx": 100.0, "fy": 104.0, "cx": 63.0, "cy": 43.5, "world_to_camera": np.eye(4),
    }  # fmt: skip
    return Camera(**{**values, **changes}, distortion=lens)


def formula(lens: Distortion, x: Array, y: Array) -> tuple[Array, Array]:
    """OpenCV's documented formulas in normalised coordinates (calib3d and its fisheye module)."""
    r2 = x * x + y * y
    if lens.model == "fisheye":
        r = np.sqrt(r2)
        theta = np.arctan(r)
        k = lens.coefficients
        bent = theta * (1 + k[0] * theta**2 + k[1] * theta**4 + k[2] * theta**6 + k[3] * theta**8)
        scale = np.where(r > 0, bent / np.where(r > 0, r, 1), 1)
        return x * scale, y * scale
    k1, k2, p1, p2, k3, k4, k5, k6, s1, s2, s3, s4 = (*lens.coefficients, *(0.0,) * (12 - len(lens.coefficients)))
    radial = (1 + k1 * r2 + k2 * r2**2 + k3 * r2**3) / (1 + k4 * r2 + k5 * r2**2 + k6 * r2**3)
    return (
        x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x) + s1 * r2 + s2 * r2**2,
        y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y + s3 * r2 + s4 * r2**2,
    )


def seen_at(stored: Camera, ideal: Camera, px: Array, py: Array) -> tuple[Array, Array]:
    """Where in the stored picture (edges at 0) the ideal camera's pixel positions are."""
    assert stored.distortion is not None
    x, y = formula(stored.distortion, (px - ideal.cx) / ideal.fx, (py - ideal.cy) / ideal.fy)
    return x * stored.fx + stored.cx, y * stored.fy + stored.cy


def pixel_centres(width: int, height: int) -> tuple[Array, Array]:
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    return x, y


def smooth(x: Array, y: Array) -> Array:
    """A picture with a known value at every position; its gradient stays below 0.035 a pixel."""
    values: Array = 0.5 + 0.2 * np.sin(0.12 * x + 0.3) * np.cos(0.09 * y) + 0.15 * np.sin(0.07 * (x + 2 * y))
    return values


@pytest.mark.parametrize("name", LENSES)
def test_distortion_is_opencvs(name: str) -> None:
    stored = camera(LENSES[name])
    px, py = pixel_centres(120, 90)
    expected = np.stack(seen_at(stored, stored, px, py), axis=-1).reshape(-1, 2)
    assert np.abs(distort(stored, np.stack([px, py], axis=-1).reshape(-1, 2)) - expected).max() < 1e-9


@pytest.mark.parametrize("square", [False, True])
@pytest.mark.parametrize("name", LENSES)
def test_resampling_against_float64_formulas(name: str, square: bool) -> None:
    stored = camera(LENSES[name])
    ideal = rectified_camera(stored, square)
    picture = smooth(*pixel_centres(120, 90)).astype(np.float32)
    px, py = pixel_centres(120, 90)
    error = np.abs(rectify(picture, stored, ideal) - smooth(*seen_at(stored, ideal, px, py)))
    # OpenCV samples at steps of 1/32 px; a picture misplaced by half a pixel would be off by 0.015.
    assert error[4:-4, 4:-4].max() < 2e-3
    assert error.max() < 8e-3  # half a pixel at the border is extrapolated


@pytest.mark.parametrize("square", [False, True])
@pytest.mark.parametrize("name", LENSES)
def test_no_blank_border_and_no_more_zoom_than_that_takes(name: str, square: bool) -> None:
    stored = camera(LENSES[name])
    ideal = rectified_camera(stored, square)
    assert ideal.distortion is None
    assert (ideal.width, ideal.height, ideal.cx, ideal.cy) == (120, 90, 63.0, 43.5)
    unzoomed = (104.0, 104.0) if square else (100.0, 104.0)
    zoom = ideal.fx / unzoomed[0]
    assert zoom >= 1 and ideal.fy / unzoomed[1] == pytest.approx(zoom)
    x, y = np.meshgrid(np.linspace(0, 120, 481), np.linspace(0, 90, 361))

    def outside(zoom: float) -> float:
        wider = Camera(120, 90, unzoomed[0] * zoom, unzoomed[1] * zoom, 63.0, 43.5, np.eye(4))
        sx, sy = seen_at(stored, wider, x, y)
        return float(max((-sx).max(), (sx - 120).max(), (-sy).max(), (sy - 90).max()))

    assert outside(zoom) < 0.01
    if zoom > 1:
        assert outside(zoom / 1.002) > 0.01


def test_a_polynomial_that_turns_back_is_not_followed() -> None:
    # r (1 - 0.5 r^2) turns back at r = 0.816; the corners of this picture lie beyond.
    stored = camera(Distortion("opencv", (-0.5,)), fx=60.0, fy=60.0, cx=60.0, cy=45.0)
    ideal = rectified_camera(stored)
    corner = np.hypot(60 / ideal.fx, 45 / ideal.fy)
    assert corner < 0.8165
    assert corner > 0.80


@pytest.mark.parametrize(
    "lens_and_change",
    [
        (Distortion("opencv", (-1e6,)), {}),
        (Distortion("opencv", (0.1,)), {"cx": -5.0}),
    ],
)
def test_lenses_that_leave_no_picture_are_refused(lens_and_change: tuple[Distortion, dict[str, float]]) -> None:
    lens, change = lens_and_change
    with pytest.raises(CameraError):
        rectified_camera(camera(lens, **change))


@pytest.mark.parametrize(("fy", "same"), [(100.0, True), (100.00001, True), (101.0, False)])
def test_ideal_cameras_stay(fy: float, same: bool) -> None:
    ideal = camera(None, fy=fy)
    assert rectified_camera(ideal) is ideal
    square = rectified_camera(ideal, square_pixels=True)
    assert (square is ideal) == same
    assert same or (square.fx == square.fy == 101.0)


def test_masks_move_with_their_pictures() -> None:
    stored = camera(LENSES["barrel"])
    ideal = rectified_camera(stored)
    plane = smooth(*pixel_centres(120, 90)).astype(np.float32)
    picture = rectify(np.repeat(plane[..., None], 3, axis=2), stored, ideal)
    mask = rectify(plane, stored, ideal)
    assert picture.dtype == mask.dtype == np.float32
    assert np.abs(picture - mask[..., None]).max() < 2e-3
    # No ringing: a mask stays between its values.
    steps = rectify((plane > 0.5).astype(np.float32), stored, ideal)
    assert steps.min() == 0 and steps.max() == 1
