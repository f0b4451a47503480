"""The pinhole camera every room speaks.

Pixels are areas: the picture spans 0..width and 0..height, so the centre of the first pixel is (0.5, 0.5). Camera axes
are OpenCV's: x right, y down, z forward. Lengths are scene units (Blender units).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import CameraError

Array = NDArray[np.float64]

# OpenCV's coefficient names, in OpenCV's order. Missing ones at the end are zero.
DISTORTION_MODELS: Mapping[str, tuple[str, ...]] = {
    "opencv": ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6", "s1", "s2", "s3", "s4"),
    "fisheye": ("k1", "k2", "k3", "k4"),
}


@dataclass(frozen=True)
class Distortion:
    """Lens distortion of a stored picture, in OpenCV's terms (``cv2.calibrateCamera`` or ``cv2.fisheye``)."""

    model: str
    coefficients: tuple[float, ...]

    def __post_init__(self) -> None:
        if self.model not in DISTORTION_MODELS:
            known = ", ".join(DISTORTION_MODELS)
            raise CameraError(f"The distortion model '{self.model}' is not known; use one of: {known}.")
        values = tuple(float(value) for value in self.coefficients)
        if len(values) > len(DISTORTION_MODELS[self.model]):
            raise CameraError(
                f"{len(values)} distortion coefficients are given, but the model '{self.model}' has only "
                f"{len(DISTORTION_MODELS[self.model])}."
            )
        if not np.all(np.isfinite(values)):
            raise CameraError("A distortion coefficient is not a finite number; calibrate this camera again.")
        object.__setattr__(self, "coefficients", values)

    @property
    def is_zero(self) -> bool:
        """Whether the lens is ideal after all. A fisheye never is: without coefficients it is the equidistant one."""
        return self.model != "fisheye" and not any(self.coefficients)


@dataclass(frozen=True, eq=False)
class Camera:
    """A calibrated camera.

    Args:
        width, height: Picture size in pixels.
        fx, fy: Focal lengths in pixels, positive.
        cx, cy: Principal point in pixels, pixel edges at 0..width and 0..height.
        world_to_camera: 4x4 rigid transform from the scene to OpenCV camera axes (rotation and translation only).
        distortion: Of the stored picture; ``None`` where the picture is that of an ideal pinhole camera.

    Raises:
        CameraError: If a number is not finite, a size or focal length is not positive, or the pose is not rigid.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    world_to_camera: Array = field(repr=False)
    distortion: Distortion | None = None

    def __post_init__(self) -> None:
        for name in ("width", "height"):
            value = getattr(self, name)
            if not 1 <= value <= 65536 or value != int(value):
                raise CameraError(f"The camera's {name} is {value}; it must be a whole number from 1 to 65536.")
            object.__setattr__(self, name, int(value))
        for name in ("fx", "fy", "cx", "cy"):
            value = float(getattr(self, name))
            if not np.isfinite(value):
                raise CameraError(f"The camera's {name} is {value}; calibrate this camera again.")
            object.__setattr__(self, name, value)
        if self.fx <= 0 or self.fy <= 0:
            raise CameraError(f"The camera's focal length is {self.fx:g} x {self.fy:g} pixels; it must be positive.")
        object.__setattr__(self, "world_to_camera", _rigid(self.world_to_camera))
        if self.distortion is not None and self.distortion.is_zero:
            object.__setattr__(self, "distortion", None)

    @property
    def intrinsics(self) -> Array:
        """3x3 intrinsic matrix in pixel-edge coordinates."""
        return np.array([[self.fx, 0.0, self.cx], [0.0, self.fy, self.cy], [0.0, 0.0, 1.0]])

    @property
    def rotation(self) -> Array:
        """3x3 rotation from the scene to the camera's axes."""
        return self.world_to_camera[:3, :3]

    @property
    def translation(self) -> Array:
        """(3,) translation of world-to-camera."""
        return self.world_to_camera[:3, 3]

    @property
    def camera_to_world(self) -> Array:
        """4x4 inverse of ``world_to_camera``."""
        pose = np.eye(4)
        pose[:3, :3] = self.rotation.T
        pose[:3, 3] = -self.rotation.T @ self.translation
        return pose

    @property
    def centre(self) -> Array:
        """(3,) camera centre in the scene."""
        return -self.rotation.T @ self.translation

    @property
    def forward(self) -> Array:
        """(3,) unit viewing direction in the scene."""
        forward: Array = self.rotation[2]
        return forward

    @property
    def ideal(self) -> Camera:
        """The same camera without lens distortion."""
        return self if self.distortion is None else replace(self, distortion=None)

    def project(self, points: ArrayLike) -> tuple[Array, Array]:
        """Project scene points of an ideal pinhole camera (distortion is not applied).

        Args:
            points: (..., 3) scene coordinates.

        Returns:
            Pixels (..., 2), pixel edges at 0..width, and depths (...) along the optical axis. Pixels of points at
            depth <= 0 have no meaning.
        """
        local = np.asarray(points, dtype=np.float64) @ self.rotation.T + self.translation
        depth = local[..., 2]
        safe = np.where(np.abs(depth) < 1e-12, 1e-12, depth)
        pixels = np.stack([self.fx * local[..., 0] / safe + self.cx, self.fy * local[..., 1] / safe + self.cy], axis=-1)
        return pixels, depth

    def unproject(self, pixels: ArrayLike, depth: ArrayLike) -> Array:
        """Return the scene points (..., 3) seen at ``pixels`` (..., 2) and ``depth`` (...) along the optical axis."""
        pixels = np.asarray(pixels, dtype=np.float64)
        depth = np.asarray(depth, dtype=np.float64)
        local = np.stack(
            [
                (pixels[..., 0] - self.cx) / self.fx * depth,
                (pixels[..., 1] - self.cy) / self.fy * depth,
                np.broadcast_to(depth, pixels.shape[:-1]),
            ],
            axis=-1,
        )
        points: Array = (local - self.translation) @ self.rotation
        return points

    def crop(self, x: int, y: int, width: int, height: int) -> Camera:
        """Return the camera of the rectangle whose top left pixel is (x, y); it may reach outside this picture."""
        return replace(self, width=width, height=height, cx=self.cx - x, cy=self.cy - y)

    def resized(self, width: int, height: int) -> Camera:
        """Return the camera of the same picture resampled to ``width`` x ``height`` pixels."""
        sx, sy = width / self.width, height / self.height
        return replace(
            self, width=width, height=height, fx=self.fx * sx, fy=self.fy * sy, cx=self.cx * sx, cy=self.cy * sy
        )

    def fitted(self, longer_side: int) -> Camera:
        """Return the camera of the same picture scaled so that its longer side is at most ``longer_side`` pixels."""
        scale = min(1.0, longer_side / max(self.width, self.height))
        return self.resized(max(1, round(self.width * scale)), max(1, round(self.height * scale)))

    def to_json(self) -> dict[str, Any]:
        """Return plain numbers that :meth:`from_json` reads back exactly."""
        record: dict[str, Any] = {name: getattr(self, name) for name in ("width", "height", "fx", "fy", "cx", "cy")}
        record["world_to_camera"] = self.world_to_camera.tolist()
        if self.distortion is not None:
            record["distortion"] = {
                "model": self.distortion.model,
                "coefficients": list(self.distortion.coefficients),
            }
        return record

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Camera:
        """Read what :meth:`to_json` wrote.

        Raises:
            CameraError: If an entry is missing or makes no camera.
        """
        try:
            values = {name: record[name] for name in ("width", "height", "fx", "fy", "cx", "cy", "world_to_camera")}
            distortion = record.get("distortion")
            lens = None if distortion is None else Distortion(distortion["model"], tuple(distortion["coefficients"]))
        except KeyError as missing:
            raise CameraError(f"The camera's record has no entry {missing}; write it again.") from None
        except TypeError:
            raise CameraError("The camera's record is not made of numbers; write it again.") from None
        return cls(**values, distortion=lens)


def _rigid(matrix: ArrayLike) -> Array:
    """Return ``matrix`` as a read-only 4x4 float64 array after checking that it is a rotation and a translation."""
    try:
        pose = np.array(matrix, dtype=np.float64)
    except (TypeError, ValueError):
        raise CameraError("The camera's pose is not a matrix of numbers; calibrate this camera again.") from None
    if pose.shape == (3, 4):
        pose = np.vstack([pose, [0.0, 0.0, 0.0, 1.0]])
    if pose.shape != (4, 4):
        raise CameraError(f"The camera's pose has shape {pose.shape}; it must be 4 x 4.")
    if not np.all(np.isfinite(pose)):
        raise CameraError("The camera's pose holds a value that is not finite; calibrate this camera again.")
    if not np.allclose(pose[3], [0.0, 0.0, 0.0, 1.0], atol=1e-9):
        raise CameraError("The last row of the camera's pose is not 0 0 0 1; it is no rigid motion.")
    rotation = pose[:3, :3]
    if np.abs(rotation).max() < 1e3 and np.linalg.det(rotation) < 0:
        raise CameraError("The camera's pose is mirrored; its axes were mixed up when the calibration was written.")
    # A pose that went through float32 or a few printed digits is off by 1e-4 at most; more is scale or shear.
    if np.abs(rotation).max() >= 1e3 or not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-3):
        raise CameraError("The camera's pose is scaled or sheared; remove the scale before it becomes a camera.")
    # A rotation already stays as it is, bit for bit, so that records read back exactly.
    if not np.allclose(rotation @ rotation.T, np.eye(3), rtol=0.0, atol=1e-14):
        left, _, right = np.linalg.svd(rotation)
        pose[:3, :3] = left @ right
    pose.setflags(write=False)
    return pose
