"""A person as it is stored: a skeleton, and textured meshes that hang on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Bytes = NDArray[np.uint8]
Indices = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Skeleton:
    """Joints in the rest pose, a T-pose.

    Args:
        names: Of the J joints; the names of the avatar library (Hips, LeftForeArm, ...).
        parents: Of each joint, -1 for the root; a parent comes before its children.
        positions: (J, 3) metres.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    positions: Vector


@dataclass(frozen=True, eq=False)
class Part:
    """One mesh with one material.

    Args:
        positions, normals: (V, 3) in the rest pose.
        texcoords: (V, 2), (0, 0) at the texture's upper left corner; the texture repeats.
        triangles: (T, 3) vertices.
        joints, weights: (V, 4) of the skin; weights sum to one.
        colour: (H, W, 3) sRGB.
        bumps: (h, w, 3) tangent-space normal map, green up.
    """

    positions: Vector
    normals: Vector
    texcoords: Vector
    triangles: Indices
    joints: Indices
    weights: Vector
    colour: Bytes
    bumps: Bytes


@dataclass(frozen=True, eq=False)
class Avatar:
    """A person in the rest pose: z up, facing -y, the left hand at +x, in metres."""

    skeleton: Skeleton
    parts: tuple[Part, ...]
