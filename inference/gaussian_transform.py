"""Gaussians moved, turned and scaled."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import GaussiansError
from .gaussians import Gaussians
from .harmonics import turned_harmonics

# Scales along the axes of a matrix that differ by less than this are one: round-off of float32 matrices.
_SAME_SCALE = 1e-5
_LEAST_SCALE = 1e-12


def transformed(gaussians: Gaussians, matrix: ArrayLike) -> Gaussians:
    """Return the cloud after an affine transform of its space: every covariance C becomes A C A^T.

    That is exact for any scale, shear or reflection. Colours that depend on the view turn with the space; under an
    uneven scale or a shear they follow its nearest rotation (polar decomposition), since harmonics cannot be stretched.

    Args:
        gaussians: The cloud.
        matrix: 4x4, from the cloud's space to the new one.

    Raises:
        GaussiansError: If the matrix is not finite, or flattens space.
    """
    whole = np.asarray(matrix, dtype=np.float64)
    linear, offset = whole[:3, :3], whole[:3, 3]
    if np.array_equal(whole, np.eye(4)):
        return gaussians
    if not np.isfinite(whole).all():
        raise GaussiansError("The transform of the Gaussians is not finite; clear the object's transform.")
    left, spans, right = np.linalg.svd(linear)
    if spans[-1] < _LEAST_SCALE:
        raise GaussiansError("The scale of the Gaussians is zero along an axis; give the object another scale.")
    turn = left @ right
    if spans[0] / spans[-1] < 1 + _SAME_SCALE:
        # A Gaussian is the same mirrored at its centre, so a reflection turns it like the rotation opposite to it.
        quaternions = _product(_quaternions(np.linalg.det(turn) * turn[None]), gaussians.quaternions)
        scales = gaussians.scales * spans.mean()
    else:
        axes, scales, _ = np.linalg.svd(linear @ rotation_matrices(gaussians.quaternions) * gaussians.scales[:, None])
        quaternions = _quaternions(axes * np.linalg.det(axes)[:, None, None])
    return Gaussians(
        means=np.asarray(gaussians.means @ linear.T + offset, dtype=np.float32),
        quaternions=np.asarray(quaternions, dtype=np.float32),
        scales=np.asarray(scales, dtype=np.float32),
        opacities=gaussians.opacities,
        harmonics=np.asarray(turned_harmonics(gaussians.harmonics, turn), dtype=np.float32),
    )


def rotation_matrices(quaternions: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the rotation matrices (N, 3, 3) of unit quaternions (N, 4), wxyz."""
    w, x, y, z = quaternions.astype(np.float64).T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), -1, 0)


def _quaternions(matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the unit quaternions (N, 4), wxyz, of rotation matrices (N, 3, 3)."""
    m = np.moveaxis(matrices, 0, -1)
    # Row i of 4 q q^T is the quaternion times 4 q_i: the row of the largest component has the least round-off.
    outer = np.array(
        [
            [1 + m[0, 0] + m[1, 1] + m[2, 2], m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]],
            [m[2, 1] - m[1, 2], 1 + m[0, 0] - m[1, 1] - m[2, 2], m[1, 0] + m[0, 1], m[0, 2] + m[2, 0]],
            [m[0, 2] - m[2, 0], m[1, 0] + m[0, 1], 1 - m[0, 0] + m[1, 1] - m[2, 2], m[2, 1] + m[1, 2]],
            [m[1, 0] - m[0, 1], m[0, 2] + m[2, 0], m[2, 1] + m[1, 2], 1 - m[0, 0] - m[1, 1] + m[2, 2]],
        ]
    )
    best = np.argmax(np.einsum("iin->in", outer), axis=0)
    found = outer[best, :, np.arange(len(matrices))]
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))


def _product(one: NDArray[np.float64], other: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the quaternions (N, 4) of turning by ``other`` first, then by ``one``."""
    a, b, c, d = one.T
    w, x, y, z = other.T
    parts = [
        a * w - b * x - c * y - d * z,
        a * x + b * w + c * z - d * y,
        a * y - b * z + c * w + d * x,
        a * z + b * y - c * x + d * w,
    ]
    return np.stack(parts, axis=-1)
