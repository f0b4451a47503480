"""Pictures of textured triangle meshes, with their masks and exact depths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.camera import Camera
from inference.colour import to_linear
from inference.splatting.kernels import bin_tiles

from . import kernels
from .avatar import Bytes, Indices, Vector

Floats = NDArray[np.float32]

_HALO = 2  # pixels around the mask that get its colours, for those who resample the picture
_LINEAR = to_linear(np.arange(256, dtype=np.float32) / 255)


@dataclass(frozen=True, eq=False)
class Textures:
    """Pyramids of the pictures of M materials, each level half as large, one after the other.

    Args:
        texels: (N, 3).
        pyramids: (M, L, 3) start in ``texels``, width and height of each level; the smallest is repeated.
    """

    texels: Floats | Bytes
    pyramids: NDArray[np.int64]

    @classmethod
    def of(cls, pictures: Sequence[Floats | Bytes]) -> Textures:
        """Build the pyramids of pictures (H, W, 3) of one type."""
        stored, pyramids, start = [], [], 0
        for picture in pictures:
            levels = []
            while True:
                height, width = picture.shape[:2]
                stored.append(picture.reshape(-1, 3))
                levels.append((start, width, height))
                start += width * height
                if max(width, height) == 1:
                    break
                size = max(width // 2, 1), max(height // 2, 1)
                smaller: Any = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
                picture = smaller
            pyramids.append(levels)
        longest = max(map(len, pyramids))
        padded = [levels + levels[-1:] * (longest - len(levels)) for levels in pyramids]
        return cls(np.concatenate(stored), np.array(padded, dtype=np.int64))


@dataclass(frozen=True, eq=False)
class Mesh:
    """What is rendered: triangles in the scene with M materials.

    Args:
        positions, normals: (V, 3); normals of unit length.
        texcoords: (V, 2), (0, 0) at the texture's upper left corner; textures repeat.
        tangents: (V, 6) directions in which texture coordinates run right and up, for normal maps; zero: no bumps.
        openness: (V,) share of the surroundings' light that arrives, in [0, 1].
        triangles: (T, 3) vertices.
        materials: (T,) of each triangle.
        colours: M sRGB pictures (as bytes) or linear pictures (float32).
        bumps: M tangent-space normal maps.
        gloss: (M, 2) strength and exponent of highlights.
    """

    positions: Vector
    normals: Vector
    texcoords: Vector
    tangents: Vector
    openness: Vector
    triangles: Indices
    materials: Indices
    colours: Textures
    bumps: Textures
    gloss: Vector


@dataclass(frozen=True, eq=False)
class Lights:
    """Light fixed in the scene.

    Args:
        directions: (K, 3) unit vectors towards distant lights.
        colours: (K, 3) linear.
        sky: (2, 3) linear light from above (+z) and from below.
    """

    directions: Vector
    colours: Vector
    sky: Vector


@dataclass(frozen=True, eq=False)
class Rendered:
    """A picture.

    Args:
        rgb: (H, W, 3) sRGB in [0, 1], not premultiplied; the mesh's own colours reach two pixels beyond the mask.
        mask: (H, W) share of each pixel that is covered, in ninths.
        depth: (H, W) z at the pixels' centres, 0 where nothing is.
    """

    rgb: Floats
    mask: Floats
    depth: Floats


def linear_picture(picture: Bytes) -> Floats:
    """Return the linear light (float32) of an sRGB picture of bytes."""
    linear: Floats = _LINEAR[picture]
    return linear


def rasterize(mesh: Mesh, camera: Camera, lights: Lights) -> Rendered:
    """Render a mesh. Triangles that reach behind the camera are left out, not clipped."""
    width, height = round(camera.width), round(camera.height)
    local = mesh.positions @ camera.rotation.T + camera.translation
    intrinsics = np.array([[camera.fx, 0.0, camera.cx], [0.0, camera.fy, camera.cy], [0.0, 0.0, 1.0]])
    planes, boxes, levels = kernels.set_up(local @ intrinsics.T, mesh.triangles, _texel_areas(mesh), width, height)
    seen = np.flatnonzero((boxes[:, 0] <= boxes[:, 1]) & (boxes[:, 2] <= boxes[:, 3]))
    boxes = boxes[seen]
    first, last = boxes[:, 0::2], boxes[:, 1::2]
    starts, members = bin_tiles(0.5 * (first + last + 1), 0.5 * (last - first) + 0.25, width, height)
    vertices = np.concatenate(
        [mesh.texcoords, mesh.positions, mesh.normals, mesh.tangents, mesh.openness[:, None]], axis=1
    )
    rgb = np.zeros((height, width, 3), np.float32)
    mask, depth = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    sides = [
        np.sqrt(textures.pyramids[:, 0, 1] * textures.pyramids[:, 0, 2]) for textures in (mesh.colours, mesh.bumps)
    ]
    kernels.draw(
        starts,
        members,
        planes[seen],
        boxes,
        levels[seen],
        mesh.triangles[seen],
        mesh.materials[seen],
        vertices.astype(np.float32),
        mesh.colours.texels,
        mesh.colours.pyramids,
        mesh.bumps.texels,
        mesh.bumps.pyramids,
        np.log2(sides[0] / sides[1]),
        mesh.gloss,
        camera.centre,
        np.concatenate([lights.directions, lights.colours], axis=1),
        lights.sky,
        rgb,
        mask,
        depth,
    )
    covered = [np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0)]
    if len(covered[0]):
        window = tuple(slice(max(int(run[0]) - _HALO, 0), int(run[-1]) + 1 + _HALO) for run in covered)
        kernels.extend(rgb[window], mask[window], _HALO)
    return Rendered(rgb, mask, depth)


def _texel_areas(mesh: Mesh) -> Vector:
    """Return the area (T,) of each triangle in texels of its colours."""
    size = mesh.colours.pyramids[:, 0, 1:].astype(np.float64)[mesh.materials]
    a, b, c = (mesh.texcoords[mesh.triangles[:, corner]] for corner in range(3))
    area: Vector = 0.5 * np.abs(np.cross(b - a, c - a)) * size.prod(axis=1)
    return area


def surface_tangents(positions: Vector, texcoords: Vector, normals: Vector, triangles: Indices) -> Vector:
    """Return for every vertex the unit directions (V, 6) in which u grows and v falls, along the surface."""
    a, b, c = (triangles[:, corner] for corner in range(3))
    e1, e2 = positions[b] - positions[a], positions[c] - positions[a]
    (u1, v1), (u2, v2) = (texcoords[b] - texcoords[a]).T, (texcoords[c] - texcoords[a]).T
    sense = np.sign(u1 * v2 - u2 * v1)[:, None]
    # Weighed by area: the sums below grow with the triangle.
    along_u = sense * (v2[:, None] * e1 - v1[:, None] * e2)
    along_v = sense * (u1[:, None] * e2 - u2[:, None] * e1)
    result = []
    for direction in (along_u, -along_v):
        corners, values = triangles.ravel(), np.repeat(direction, 3, axis=0)
        total = np.stack([np.bincount(corners, values[:, k], len(positions)) for k in range(3)], axis=1)
        total -= normals * np.sum(total * normals, axis=1, keepdims=True)
        result.append(total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-20))
    return np.concatenate(result, axis=1)
