"""From an avatar in a pose to what is rendered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .avatar import Avatar, Vector
from .lighting import openness
from .rasterize import Floats, Mesh, Textures, linear_picture, surface_tangents
from .skinning import Pose, pose_skeleton, skin

# Strength and exponent of the highlights of an ordinary surface: roughness 0.5 of a material that is no metal.
GLOSS = (0.05, 12.0)


def posed_mesh(
    avatar: Avatar,
    pose: Pose,
    height: float | None = None,
    colours: Sequence[Floats] | None = None,
    gloss: Sequence[tuple[float, float]] | None = None,
) -> Mesh:
    """Return an avatar in a pose, standing on the ground (z = 0) above the origin.

    Args:
        avatar: Who.
        pose: How.
        height: That the avatar would have in the rest pose; ``None``: its own.
        colours: Linear pictures in place of the parts' own.
        gloss: Strength and exponent of the highlights of every part.
    """
    posed = pose_skeleton(avatar.skeleton, pose)
    moved = skin(avatar, posed)
    positions = np.concatenate([part[0] for part in moved])
    normals = np.concatenate([part[1] for part in moved])
    texcoords = np.concatenate([part.texcoords for part in avatar.parts])
    starts = np.cumsum([0, *(len(part.positions) for part in avatar.parts)])
    triangles = np.concatenate([part.triangles + start for part, start in zip(avatar.parts, starts, strict=False)])
    materials = np.repeat(np.arange(len(avatar.parts)), [len(part.triangles) for part in avatar.parts])
    own = max(float(part.positions[:, 2].max()) for part in avatar.parts)
    scale = 1.0 if height is None else height / own
    open_share = openness(avatar.skeleton, posed.positions, positions, normals)
    foot = np.array([*posed.positions[0, :2], positions[:, 2].min()])
    if colours is None:
        colours = [linear_picture(part.colour) for part in avatar.parts]
    return Mesh(
        positions=(positions - foot) * scale,
        normals=normals,
        texcoords=texcoords,
        tangents=surface_tangents(positions, texcoords, normals, triangles),
        openness=open_share,
        triangles=triangles.astype(np.int32),
        materials=materials.astype(np.int32),
        colours=Textures.of(colours),
        bumps=Textures.of([part.bumps for part in avatar.parts]),
        gloss=np.array(gloss or [GLOSS] * len(avatar.parts)),
    )


def middle(mesh: Mesh) -> Vector:
    """Return the middle (3,) of a mesh's bounding box."""
    centre: Vector = 0.5 * (mesh.positions.min(axis=0) + mesh.positions.max(axis=0))
    return centre
