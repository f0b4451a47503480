"""Stereo rectification: two cameras turned in place so that rows agree.

Lens distortion is removed before (``capture/rectification``). Both cameras keep their centres and get one rotation,
whose x axis is the baseline (Fusiello, Trucco and Verri 2000). They share focal length and row of the principal point;
its columns differ, so that the subject lies in the middle of both pictures and its disparity is near zero (what
OpenCV's ``stereoRectify`` calls no zero disparity at infinity).

*Flow* is the signed difference of columns, other minus own; with the offset of principal points (other minus own):
flow = offset + Tf / depth, Tf = -focal * baseline for the left view and +focal * baseline for the right.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from ..camera import Array, Camera
from ..errors import CameraError
from ..view import Picture
from .pairs import MINIMUM_SLANT, is_left
from .resampling import warp_homography

# Distance of the subject for which the network is trained, in metres (its rig's radius).
WORKING_DISTANCE = 2.0
# Of the rectified picture's sides, the subject fills this much.
FILLED = 0.9

_OUTLINE_STEPS = 64
# A rectified picture may look this far (tangent of the angle) from its optical axis.
_WIDEST = 4.0


@dataclass(frozen=True, eq=False)
class RectifiedView:
    """One of the two rectified views.

    Args:
        source: The camera of the picture before.
        camera: The rectified camera: same centre, other rotation and intrinsics.
        homography: 3x3, from pixels of the source to rectified pixels, pixel edges at 0..width in both.
    """

    source: Camera
    camera: Camera
    homography: Array = field(repr=False)

    def warp(self, picture: Picture) -> Picture:
        """Return a picture (h, w, 3) of the source's size as the rectified camera sees it; zero where it saw nothing.

        Raises:
            CameraError: If the picture is not of the source's size.
        """
        self._check(picture)
        return np.clip(self._resample(picture, smooth=True), 0.0, 1.0)

    def warp_mask(self, mask: Picture | None) -> Picture:
        """Return a mask (h, w) in [0, 1] of the source's size as the rectified camera sees it.

        ``None`` stands for the whole picture: the result is one where the source's picture reaches.

        Raises:
            CameraError: If the mask is not of the source's size.
        """
        if mask is None:
            mask = np.ones((self.source.height, self.source.width), np.float32)
        self._check(mask)
        return self._resample(mask, smooth=False)

    def _check(self, pixels: Picture) -> None:
        height, width = pixels.shape[:2]
        if (width, height) != (self.source.width, self.source.height):
            raise CameraError(
                f"A picture of {width} x {height} pixels cannot be rectified by a camera of {self.source.width} x "
                f"{self.source.height}; resize the camera with its picture."
            )

    def _resample(self, pixels: Picture, smooth: bool) -> Picture:
        size = (self.camera.width, self.camera.height)
        return warp_homography(pixels, np.linalg.inv(self.homography), size, smooth)


@dataclass(frozen=True, eq=False)
class RectifiedPair:
    """Two views whose rows agree.

    Args:
        left, right: The right camera stands towards positive x of both.
        swapped: Whether the cameras were given as right and left: the second one is ``left`` here.
    """

    left: RectifiedView
    right: RectifiedView
    swapped: bool = False

    @property
    def baseline(self) -> float:
        """Distance of the camera centres, in scene units."""
        return float(np.linalg.norm(self.right.camera.centre - self.left.camera.centre))

    @property
    def transform(self) -> float:
        """Tf of the left view, - focal * baseline (pixels * scene units); that of the right view is its negative."""
        return -self.left.camera.fx * self.baseline

    @property
    def offset(self) -> float:
        """Column of the right principal point minus that of the left; for the right view it is its negative."""
        return self.right.camera.cx - self.left.camera.cx

    def flow(self, inverse_depth: Array, of_right: bool = False) -> Array:
        """Return other minus own column (pixels) of points at an inverse depth (1 / scene units) in one view."""
        sign = -1.0 if of_right else 1.0
        return sign * (self.offset + inverse_depth * self.transform)

    def inverse_depth(self, flow: Array, of_right: bool = False) -> Array:
        """Return the inverse depth (1 / scene units) of points with that flow (pixels) in one view."""
        sign = -1.0 if of_right else 1.0
        return (sign * flow - self.offset) / self.transform

    def scaled(self, scale: float) -> RectifiedPair:
        """Return the pair in a scene that is ``scale`` times as large; pictures and homographies are the same."""
        return replace(self, left=_scaled_view(self.left, scale), right=_scaled_view(self.right, scale))


def rectify(
    camera_a: Camera,
    camera_b: Camera,
    size: tuple[int, int],
    outlines: tuple[ArrayLike, ArrayLike] | None = None,
) -> RectifiedPair:
    """Rectify two cameras of any size and focal length, in either order.

    Args:
        camera_a, camera_b: Without lens distortion.
        size: Width and height of the rectified pictures.
        outlines: What must be seen: pixels (N, 2) in ``camera_a`` and (M, 2) in ``camera_b``, from
            :func:`mask_outline` or :func:`ball_outline`. They fill ``FILLED`` of one side of the pictures and lie in
            the middle of each. ``None``: both whole pictures.

    Raises:
        CameraError: If a camera has lens distortion, or the two cannot be rectified: no baseline, a baseline along
            the view axis, or pictures that look too far away from one another. ``pairs.pair_fault`` asks before.
    """
    swapped = not is_left(camera_a, camera_b)
    cameras = (camera_b, camera_a) if swapped else (camera_a, camera_b)
    rotation, low, high = _extents(cameras, outlines[::-1] if swapped and outlines is not None else outlines)
    width, height = size
    widest, highest = _spans(low, high)
    # Whole pictures need no rim around them; a subject does, for the windows of matching and of the network.
    filled = 1.0 if outlines is None else FILLED
    focal = filled * min(width / widest, height / highest)
    middle = 0.5 * (low + high)
    row = 0.5 * (high[:, 1].max() + low[:, 1].min())
    views = []
    for camera, column in zip(cameras, middle[:, 0], strict=True):
        pose = np.eye(4)
        pose[:3, :3] = rotation
        pose[:3, 3] = -rotation @ camera.centre
        principal = (0.5 * width - focal * column, 0.5 * height - focal * row)
        rectified = Camera(width, height, focal, focal, *principal, world_to_camera=pose)
        homography = rectified.intrinsics @ rotation @ camera.rotation.T @ np.linalg.inv(camera.intrinsics)
        homography.setflags(write=False)
        views.append(RectifiedView(camera, rectified, homography))
    return RectifiedPair(views[0], views[1], swapped)


def fitting_size(
    camera_a: Camera, camera_b: Camera, outlines: tuple[ArrayLike, ArrayLike], longest: int, multiple: int
) -> tuple[int, int]:
    """Return the width and height for :func:`rectify` at which the subject is as large as in the finer picture.

    Args:
        camera_a, camera_b, outlines: As for :func:`rectify`.
        longest: Pixels that neither side may exceed, a multiple of ``multiple``.
        multiple: Both sides are whole multiples of it.

    Raises:
        CameraError: As :func:`rectify`.
    """
    _, low, high = _extents((camera_a, camera_b), outlines)
    spans = np.array(_spans(low, high)) / FILLED
    finest = max(camera.fx for camera in (camera_a, camera_b))
    sides = spans * min(finest, longest / float(spans.max()))
    # The last fraction of a pixel is no reason for one more multiple.
    width, height = (min(longest, max(1, int(np.ceil(side / multiple - 1e-3))) * multiple) for side in sides)
    return width, height


def mask_outline(mask: Picture, threshold: float = 0.5) -> Array:
    """Return pixels (N, 2) around what a mask (H, W) shows: both ends of every row of it, pixel edges at 0..W.

    Raises:
        CameraError: If the mask shows nothing.
    """
    shown = mask >= threshold
    rows = np.flatnonzero(shown.any(axis=1))
    if not len(rows):
        raise CameraError("The mask is empty, so there is no subject to rectify for; check the mask.")
    left = shown[rows].argmax(axis=1)
    right = mask.shape[1] - shown[rows, ::-1].argmax(axis=1)
    ends = [(x, rows + y) for x in (left, right) for y in (0, 1)]
    outline: Array = np.concatenate([np.stack([x, y], axis=-1) for x, y in ends]).astype(np.float64)
    return outline


def ball_outline(camera: Camera, centre: ArrayLike, radius: float) -> Array:
    """Return pixels (N, 2) around a ball in the scene, as a camera outside it sees it.

    Raises:
        CameraError: If the camera stands in the ball or looks away from it.
    """
    towards = np.asarray(centre, dtype=np.float64) - camera.centre
    distance = float(np.linalg.norm(towards))
    if distance <= radius:
        raise CameraError("A camera stands inside the subject's ball; give a smaller radius or another centre.")
    towards /= distance
    side = np.cross(towards, camera.rotation[np.abs(camera.rotation @ towards).argmin()])
    side /= np.linalg.norm(side)
    turn = 2.0 * np.pi * np.arange(_OUTLINE_STEPS) / _OUTLINE_STEPS
    around = np.cos(turn)[:, None] * side + np.sin(turn)[:, None] * np.cross(towards, side)
    # The rays that touch the ball.
    sine = radius / distance
    touching: Array = np.sqrt(1.0 - sine * sine) * towards + sine * around
    pixels, depth = camera.project(camera.centre + touching)
    if (depth <= 1e-6).any():
        raise CameraError("A camera does not see the subject's ball; turn it or give another centre.")
    return pixels


def working_scale(pair: RectifiedPair, centre: ArrayLike) -> float:
    """Return the factor for :meth:`RectifiedPair.scaled` that brings the subject to the network's working distance.

    Lengths of the network's scene divided by it are those of the real scene again.

    Args:
        pair: The rectified pair.
        centre: (3,) the subject's centre.
    """
    distances = [np.linalg.norm(view.camera.centre - np.asarray(centre)) for view in (pair.left, pair.right)]
    return WORKING_DISTANCE / float(np.mean(distances))


def _extents(
    cameras: tuple[Camera, Camera], outlines: tuple[ArrayLike, ArrayLike] | None
) -> tuple[Array, Array, Array]:
    """Return the common rotation, and the least and largest tangents (2 cameras, x and y) of what must be seen."""
    if any(camera.distortion is not None for camera in cameras):
        raise CameraError("A camera with lens distortion cannot be rectified; undistort its picture first.")
    left, right = cameras if is_left(*cameras) else cameras[::-1]
    rotation = _common_rotation(left, right)
    given = [_corners(camera) for camera in cameras] if outlines is None else outlines
    rays = [
        _rays(camera, np.asarray(outline, dtype=np.float64), rotation)
        for camera, outline in zip(cameras, given, strict=True)
    ]
    return rotation, np.array([ray.min(axis=0) for ray in rays]), np.array([ray.max(axis=0) for ray in rays])


def _spans(low: Array, high: Array) -> tuple[float, float]:
    """Return how wide (in the wider view) and how high (in both together) the extents are."""
    widest = max(float((high - low)[:, 0].max()), 1e-9)
    return widest, max(float(high[:, 1].max() - low[:, 1].min()), 1e-9)


def _common_rotation(left: Camera, right: Camera) -> Array:
    """Return the rotation (3x3, scene to camera) of both rectified cameras."""
    baseline = right.centre - left.centre
    length = float(np.linalg.norm(baseline))
    if length <= 1e-9 * max(1.0, float(np.abs(left.centre).max())):
        raise CameraError("The two cameras stand at the same place; stereo needs a distance between them.")
    x = baseline / length
    forward = left.forward + right.forward
    z = forward - (forward @ x) * x
    # The sine of the angle between baseline and the mean view axis.
    if np.linalg.norm(z) < np.sin(np.radians(MINIMUM_SLANT)) * np.linalg.norm(forward) or np.linalg.norm(forward) < 0.1:
        raise CameraError(
            "The two cameras stand one behind the other (their baseline lies along the view axis), so they cannot be "
            "rectified; use two that stand side by side."
        )
    z = z / np.linalg.norm(z)
    return np.stack([x, np.cross(z, x), z])


def _rays(camera: Camera, pixels: Array, rotation: Array) -> Array:
    """Return (N, 2) tangents x / z and y / z of the rays through a camera's pixels, in rectified axes."""
    directions = (camera.unproject(pixels, np.ones(len(pixels))) - camera.centre) @ rotation.T
    if (directions[:, 2] <= 0).any() or np.abs(directions[:, :2] / directions[:, 2:]).max() > _WIDEST:
        raise CameraError(
            "The two cameras look too far away from one another to be rectified; use two that both look at the subject."
        )
    tangents: Array = directions[:, :2] / directions[:, 2:]
    return tangents


def _corners(camera: Camera) -> Array:
    return np.array([[0, 0], [camera.width, 0], [0, camera.height], [camera.width, camera.height]], dtype=np.float64)


def _scaled_view(view: RectifiedView, scale: float) -> RectifiedView:
    return replace(view, source=_scaled_camera(view.source, scale), camera=_scaled_camera(view.camera, scale))


def _scaled_camera(camera: Camera, scale: float) -> Camera:
    pose = camera.world_to_camera.copy()
    pose[:3, 3] *= scale
    return replace(camera, world_to_camera=pose)
