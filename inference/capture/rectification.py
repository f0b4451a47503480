"""Lens distortion: the ideal camera of a distorted picture, and the resampling to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..camera import Array, Camera
from ..errors import CameraError

# Pixel edges lie at 0..W here, pixel centres at whole numbers in OpenCV.
_EDGE_TO_CENTRE = np.array([[0.0, 0.0, 0.5], [0.0, 0.0, 0.5], [0.0, 0.0, 0.0]])
# A rectified picture that shows less than this share of the stored one's width is no photograph of a usable lens.
_SMALLEST_SHARE = 0.1
# Focal lengths that differ by less than this (relative) are the same: 0.002 px at the border of a 4000 px picture.
_SQUARE = 1e-6
_BORDER_POINTS = 64
_RAY_STEPS = 256


def distort(camera: Camera, pixels: Array) -> Array:
    """Return where the lens puts the points that an ideal camera of the same intrinsics would see at ``pixels``.

    Args:
        camera: With or without distortion.
        pixels: (N, 2), pixel edges at 0..width.

    Returns:
        (N, 2) positions in the stored picture, pixel edges at 0..width.
    """
    if camera.distortion is None:
        return np.asarray(pixels, dtype=np.float64)
    rays = np.ones((len(pixels), 1, 3))
    rays[:, 0, :2] = (pixels - [camera.cx, camera.cy]) / [camera.fx, camera.fy]
    coefficients = _coefficients(camera)
    zero = np.zeros(3)
    if camera.distortion.model == "fisheye":
        projected, _ = cv2.fisheye.projectPoints(rays, zero, zero, camera.intrinsics, coefficients)
    else:
        projected, _ = cv2.projectPoints(rays, zero, zero, camera.intrinsics, coefficients)
    return np.asarray(projected, dtype=np.float64).reshape(-1, 2)


def undistort(camera: Camera, pixels: Array) -> Array:
    """Return where an ideal camera of the same intrinsics sees what the lens shows at ``pixels`` (N, 2).

    The inverse of :func:`distort`, by iteration; exact within the field that the distortion was calibrated on.
    """
    if camera.distortion is None or not len(pixels):
        return np.asarray(pixels, dtype=np.float64)
    undo = cv2.fisheye.undistortPoints if camera.distortion.model == "fisheye" else cv2.undistortPoints
    points = np.asarray(pixels, dtype=np.float64)[:, None]
    found = undo(points, camera.intrinsics, _coefficients(camera), P=camera.intrinsics)
    return np.asarray(found, dtype=np.float64).reshape(-1, 2)


def rectified_camera(camera: Camera, square_pixels: bool = False) -> Camera:
    """Return the ideal camera that a picture is resampled to.

    It has the same size and principal point. The focal lengths are multiplied by the smallest common factor >= 1 at
    which every pixel of the new picture lies inside the stored one, so that there is no blank border.

    Args:
        camera: The camera of the stored picture.
        square_pixels: Make both focal lengths the same (the larger of the two, then multiplied as above).

    Returns:
        The same camera where it is ideal already (and its pixels are square, if that is asked for).

    Raises:
        CameraError: If the distortion leaves next to nothing of the picture, or its principal point lies outside.
    """
    focal = max(camera.fx, camera.fy)
    if camera.distortion is None and (not square_pixels or focal - min(camera.fx, camera.fy) <= _SQUARE * focal):
        return camera
    if not (0 < camera.cx < camera.width and 0 < camera.cy < camera.height):
        raise CameraError(
            f"The principal point ({camera.cx:.0f}, {camera.cy:.0f}) lies outside the picture of "
            f"{camera.width} x {camera.height} pixels, so it cannot be resampled to an ideal camera; undistort it with "
            "the program that calibrated it."
        )
    wanted = (focal, focal) if square_pixels else (camera.fx, camera.fy)
    zoom = 1.0 if camera.distortion is None else 1.0 / _usable_share(camera, wanted)
    return replace(camera, fx=wanted[0] * zoom, fy=wanted[1] * zoom, distortion=None)


def rectify(pixels: NDArray[Any], camera: Camera, rectified: Camera, fine: bool = True) -> NDArray[Any]:
    """Resample a stored picture to its rectified camera.

    Args:
        pixels: The picture of ``camera``, H x W x C float32, or a mask of it, H x W float32.
        camera: The camera of the stored picture.
        rectified: What :func:`rectified_camera` returned for it.
        fine: Keep the finest detail; five times slower than without.

    Returns:
        An array of the same shape and type; ``pixels`` itself where both cameras see the same.
    """
    if camera is rectified:
        return pixels
    size = (camera.width, camera.height)
    stored = camera.intrinsics - _EDGE_TO_CENTRE
    ideal = rectified.intrinsics - _EDGE_TO_CENTRE
    coefficients = _coefficients(camera)
    if camera.distortion is not None and camera.distortion.model == "fisheye":
        maps = cv2.fisheye.initUndistortRectifyMap(stored, coefficients, np.eye(3), ideal, size, cv2.CV_32FC1)
    else:
        maps = cv2.initUndistortRectifyMap(stored, coefficients, np.eye(3), ideal, size, cv2.CV_32FC1)
    # Measured on downscaled photographs of known distortion, Lanczos is 0.2 to 3 dB nearer to the truth than linear.
    # OpenCV's bicubic kernel (a = -0.75) is as sharp but moves smooth content by up to 0.1 px. Binary masks would ring.
    kernel = cv2.INTER_LANCZOS4 if fine and pixels.ndim == 3 else cv2.INTER_LINEAR
    # Samples never leave the picture, but their neighbourhoods reach over its border.
    return cv2.remap(pixels, maps[0], maps[1], kernel, borderMode=cv2.BORDER_REPLICATE)


def _coefficients(camera: Camera) -> Array:
    """Return OpenCV's coefficient vector of one of the lengths that OpenCV takes."""
    lens = camera.distortion
    if lens is None:
        return np.zeros(4)
    if lens.model == "fisheye":
        lengths: tuple[int, ...] = (4,)
    else:
        lengths = (4, 5, 8, 12)
    length = next(length for length in lengths if length >= len(lens.coefficients))
    return np.array(lens.coefficients + (0.0,) * (length - len(lens.coefficients)))


def _usable_share(camera: Camera, focal: tuple[float, float]) -> float:
    """Return the largest t in (0, 1] at which the lens sees all of an ideal camera's picture.

    The picture has the stored one's size and these focal lengths, and is shrunk by t about the principal point. Along
    every ray from the principal point to the border, the distorted point must move outwards (a lens polynomial turns
    back beyond the field it was fitted on) and stay inside the stored picture.
    """
    width, height = camera.width, camera.height
    along = np.linspace(0.0, 1.0, _BORDER_POINTS)
    zero, one = np.zeros_like(along), np.ones_like(along)
    border = np.concatenate(
        [np.stack([along, zero], 1), np.stack([along, one], 1), np.stack([zero, along], 1), np.stack([one, along], 1)]
    ) * [width, height]
    centre = np.array([camera.cx, camera.cy])
    # The border of the new picture in ideal pixels of the stored camera's focal lengths.
    offsets = (border - centre) * [camera.fx / focal[0], camera.fy / focal[1]]
    directions = offsets / np.linalg.norm(offsets, axis=1, keepdims=True)

    def inside(points: Array) -> NDArray[np.bool_]:
        slack = 1e-6
        fits = (points >= -slack) & (points <= np.array([width, height]) + slack)
        return np.asarray(fits.all(axis=-1))

    steps = np.linspace(0.0, 1.0, _RAY_STEPS + 1)
    points = (centre + steps[:, None, None] * offsets).reshape(-1, 2)
    seen = distort(camera, points).reshape(_RAY_STEPS + 1, -1, 2)
    outwards = (np.diff(seen, axis=0) * directions).sum(axis=-1) > 0
    good = inside(seen[1:]) & outwards & np.isfinite(seen[1:]).all(axis=-1)
    # Number of good steps before the first bad one, for every ray.
    count = np.where(good.all(axis=0), _RAY_STEPS, np.argmin(good, axis=0))
    low = steps[count]
    high = steps[np.minimum(count + 1, _RAY_STEPS)]
    turned = ~outwards[np.minimum(count, _RAY_STEPS - 1), np.arange(len(border))]
    high = np.where(turned, low, high)
    for _ in range(40):
        middle = 0.5 * (low + high)
        fits = inside(distort(camera, centre + middle[:, None] * offsets))
        low, high = np.where(fits, middle, low), np.where(fits, high, middle)
    share = float(low.min())
    if share < _SMALLEST_SHARE:
        raise CameraError(
            "The lens distortion turns the picture inside out near its principal point; calibrate this camera again."
        )
    return min(share, 1.0)
