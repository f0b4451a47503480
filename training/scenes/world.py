"""The records a synthetic world is made of, and their packed form for ray casting."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Vector = NDArray[np.float64]

# Canonical shapes: the box and the quad span -1..1, the ellipsoid is the unit sphere, the cylinder has radius 1 around
# z and spans -1..1 along it, the quad lies in z = 0.
BOX, ELLIPSOID, CYLINDER, QUAD = range(4)


@dataclass(frozen=True, eq=False)
class Material:
    """A surface.

    Args:
        texture: Number in the surface atlas.
        base: (3,) mean colour, display-referred.
        mix: (3, 3) from the texture's deviation from its mean to the deviation from ``base``.
        density: (2, 2) from surface coordinates in scene units to pictures of the texture.
        offset: (2,) pictures.
        wave: (3,) wave vector in radians per scene unit of a slow change of brightness, ``wave_gain`` its amplitude.
        gloss: Weight of the highlight, ``shininess`` its exponent (Blinn-Phong).
        mirror: Weight of the reflected surroundings at normal incidence.
        glow: Share of the colour that shines by itself.
    """

    texture: int
    base: Vector
    mix: Vector
    density: Vector
    offset: Vector
    wave: Vector = field(default_factory=lambda: np.zeros(3))
    wave_gain: float = 0.0
    gloss: float = 0.0
    shininess: float = 20.0
    mirror: float = 0.0
    glow: float = 0.0


@dataclass(frozen=True, eq=False)
class Primitive:
    """A canonical shape under scale, rotation, translation.

    Args:
        kind: BOX, ELLIPSOID, CYLINDER or QUAD.
        centre: (3,) in the scene.
        scale: (3,) half sizes along its own axes.
        rotation: (3, 3) from its own axes to the scene's.
        materials: One for all, or six: -x, +x, -y, +y, -z, +z of its own axes.
        shell: Whether cameras are inside, as in a room; it casts no shadow.
    """

    kind: int
    centre: Vector
    scale: Vector
    rotation: Vector
    materials: tuple[Material, ...]
    shell: bool = False

    @property
    def radius(self) -> float:
        """Radius of a sphere around the centre that holds the shape."""
        s = np.abs(self.scale)
        if self.kind == ELLIPSOID:
            return float(s.max())
        if self.kind == CYLINDER:
            return float(np.hypot(max(s[0], s[1]), s[2]))
        return float(np.linalg.norm(s[:2] if self.kind == QUAD else s))


@dataclass(frozen=True, eq=False)
class Light:
    """A point light.

    Args:
        position: (3,) in the scene; ``None``: a flash on whichever camera takes the picture.
        colour: (3,) linear irradiance at distance ``reach``.
        reach: Distance in scene units where ``colour`` holds; falls with the square of the distance when ``falls``.
        falls: Whether it falls with distance (a lamp) or not (a far sun).
        shadows: Whether it casts shadows.
    """

    position: Vector | None
    colour: Vector
    reach: float
    falls: bool
    shadows: bool


@dataclass(frozen=True, eq=False)
class World:
    """A scene without cameras.

    Args:
        primitives: All surfaces.
        lights: At most three.
        ambient: (2, 3) linear light from above and from below.
        environment: Number of the surroundings in the atlas, or ``None`` for a plain colour.
        environment_gain: (3,) factor on the surroundings' linear colour, or that plain linear colour.
        environment_turn: Turn about the vertical axis, 0..1.
    """

    primitives: tuple[Primitive, ...]
    lights: tuple[Light, ...]
    ambient: Vector
    environment: int | None
    environment_gain: Vector
    environment_turn: float


@dataclass(frozen=True, eq=False)
class Packed:
    """A world on a device, as the ray caster reads it.

    Args:
        linear: (P, 3, 3) from scene directions to a primitive's own axes; ``shift`` (P, 3) completes it for points.
        rows: (20, P) float32, per primitive: linear (9), shift (3), scale (3), kind, first material, materials - 1,
            shell, number.
        materials: (27, M) float32, per material see ``pack_material``.
        centres, radii: (P, 3) and (P,) numpy bounding spheres, for culling.
        kinds: (P,) numpy.
        casters: Indices of the primitives that cast shadows.
    """

    world: World
    linear: Vector
    shift: Vector
    rows: Tensor
    materials: Tensor
    centres: Vector
    radii: Vector
    kinds: NDArray[np.int64]
    casters: NDArray[np.int64]
    device: torch.device


def pack_material(material: Material) -> list[float]:
    """Return 27 numbers: texture, base 3, mix 9, density 4, offset 2, wave 3, gain, gloss, shininess, mirror, glow."""
    m = material
    return [
        float(m.texture), *m.base, *m.mix.ravel(), *m.density.ravel(), *m.offset, *m.wave,
        m.wave_gain, m.gloss, m.shininess, m.mirror, m.glow,
    ]  # fmt: skip


def pack(world: World, device: torch.device) -> Packed:
    """Lay a world out for the ray caster."""
    linear = np.stack([p.rotation.T / p.scale[:, None] for p in world.primitives])
    centres = np.stack([p.centre for p in world.primitives])
    shift = -np.einsum("pij,pj->pi", linear, centres)
    rows: list[Vector] = []
    materials: list[list[float]] = []
    for number, p in enumerate(world.primitives):
        extra = [float(p.kind), float(len(materials)), float(len(p.materials) - 1), float(p.shell), float(number)]
        rows.append(np.concatenate([linear[number].ravel(), shift[number], p.scale, extra]))
        materials.extend(pack_material(material) for material in p.materials)
    kinds = np.array([p.kind for p in world.primitives])
    shells = np.array([p.shell for p in world.primitives])
    return Packed(
        world=world,
        linear=linear,
        shift=shift,
        rows=torch.from_numpy(np.stack(rows, axis=1).astype(np.float32)).to(device),
        materials=torch.tensor(materials, dtype=torch.float32).T.contiguous().to(device),
        centres=centres,
        radii=np.array([p.radius for p in world.primitives]),
        kinds=kinds,
        casters=np.flatnonzero(~shells),
        device=device,
    )
