"""Moving an avatar's joints and, with them, its meshes (linear blend skinning)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .avatar import Avatar, Skeleton, Vector

# Rotations (3, 3) of joints by name, in the axes of the body at rest, seen from the joint's parent.
Pose = Mapping[str, Vector]


@dataclass(frozen=True, eq=False)
class Posed:
    """A skeleton in a pose: (J, 3, 3) rotations since the rest pose and (J, 3) positions of the joints."""

    rotations: Vector
    positions: Vector


def pose_skeleton(skeleton: Skeleton, pose: Pose) -> Posed:
    """Turn the joints; the root stays where it is. Names that the skeleton lacks are passed over."""
    rotations = np.tile(np.eye(3), (len(skeleton.names), 1, 1))
    positions = skeleton.positions.copy()
    for joint, (name, parent) in enumerate(zip(skeleton.names, skeleton.parents, strict=True)):
        if parent >= 0:
            rotations[joint] = rotations[parent]
            offset = skeleton.positions[joint] - skeleton.positions[parent]
            positions[joint] = positions[parent] + rotations[parent] @ offset
        if name in pose:
            rotations[joint] = rotations[joint] @ pose[name]
    return Posed(rotations, positions)


def skin(avatar: Avatar, posed: Posed) -> list[tuple[Vector, Vector]]:
    """Return positions and unit normals (V, 3) of every part in a pose."""
    shift = posed.positions - np.einsum("jab,jb->ja", posed.rotations, avatar.skeleton.positions)
    frames = np.concatenate([posed.rotations, shift[..., None]], axis=2)
    moved = []
    for part in avatar.parts:
        blend = np.einsum("vk,vkab->vab", part.weights, frames[part.joints])
        positions = np.einsum("vab,vb->va", blend[..., :3], part.positions) + blend[..., 3]
        normals = np.einsum("vab,vb->va", blend[..., :3], part.normals)
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        moved.append((positions, normals))
    return moved
