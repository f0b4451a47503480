"""Things made of primitives. Each stands on z = 0 around the vertical axis, about ``size`` scene units large."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .atlas import Library
from .materials import random_material
from .world import BOX, CYLINDER, ELLIPSOID, QUAD, Material, Primitive, Vector

Random = np.random.Generator
Builder = Callable[[Random, Library, float], list[Primitive]]


def about_z(angle: float) -> Vector:
    """Return the rotation (3, 3) by ``angle`` radians about the vertical axis."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def random_rotation(random: Random) -> Vector:
    """Return a uniformly random rotation (3, 3), from a random unit quaternion."""
    w, x, y, z = (q := random.standard_normal(4)) / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def along(direction: Vector) -> Vector:
    """Return a rotation (3, 3) that takes the z axis to ``direction``."""
    z = direction / np.linalg.norm(direction)
    x = np.cross([0.0, 1.0, 0.0] if abs(z[1]) < 0.9 else [1.0, 0.0, 0.0], z)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z], axis=1)


def box(centre: Vector, scale: Vector, rotation: Vector, *materials: Material) -> Primitive:
    """Return a box of half sizes ``scale``."""
    return Primitive(BOX, np.asarray(centre, float), np.asarray(scale, float), rotation, materials)


def rod(start: Vector, end: Vector, radius: float, material: Material) -> Primitive:
    """Return a round bar from ``start`` to ``end``."""
    start, end = np.asarray(start, float), np.asarray(end, float)
    half = 0.5 * float(np.linalg.norm(end - start))
    return Primitive(CYLINDER, 0.5 * (start + end), np.array([radius, radius, half]), along(end - start), (material,))


def transformed(parts: list[Primitive], rotation: Vector, move: Vector) -> list[Primitive]:
    """Return ``parts`` rotated about the origin, then moved."""
    return [
        Primitive(p.kind, rotation @ p.centre + move, p.scale, rotation @ p.rotation, p.materials, p.shell)
        for p in parts
    ]


def crate(random: Random, library: Library, size: float) -> list[Primitive]:
    """One box, every face the same or each its own."""
    half = size * random.uniform(0.12, 0.5, 3)
    count = 6 if random.random() < 0.4 else 1
    materials = tuple(random_material(random, library, size) for _ in range(count))
    return [box(np.array([0, 0, half[2]]), half, np.eye(3), *materials)]


def stack(random: Random, library: Library, size: float) -> list[Primitive]:
    """Boxes on top of each other: books, parcels."""
    parts, z = [], 0.0
    for _ in range(int(random.integers(2, 6))):
        half = size * np.array([random.uniform(0.2, 0.45), random.uniform(0.15, 0.4), random.uniform(0.03, 0.15)])
        shift = size * np.append(random.normal(0, 0.04, 2), 0.0)
        turn = about_z(random.normal(0, 0.3))
        parts.append(
            box(shift + np.array([0, 0, z + half[2]]), half, turn, random_material(random, library, size * 0.7))
        )
        z += 2 * half[2]
    return parts


def ball(random: Random, library: Library, size: float) -> list[Primitive]:
    """A ball or an egg."""
    scale = size * random.uniform(0.15, 0.45) * np.exp(random.normal(0, random.choice([0.0, 0.3]), 3))
    material = random_material(random, library, size, glossy=0.5)
    return [Primitive(ELLIPSOID, np.array([0, 0, scale[2]]), scale, about_z(random.uniform(0, 6.3)), (material,))]


def can(random: Random, library: Library, size: float) -> list[Primitive]:
    """A standing or lying cylinder, thick or flat."""
    radius, half = size * random.uniform(0.08, 0.4), size * random.uniform(0.05, 0.6)
    material = random_material(random, library, size, glossy=0.45)
    if random.random() < 0.25:
        end: Vector = np.array([half, 0.0, radius])
        return [rod(end * np.array([-1.0, 1.0, 1.0]), end, radius, material)]
    return [Primitive(CYLINDER, np.array([0, 0, half]), np.array([radius, radius, half]), np.eye(3), (material,))]


def table(random: Random, library: Library, size: float) -> list[Primitive]:
    """A plate on legs, square or round: tables, stools, benches, chairs with a back."""
    material = random_material(random, library, size)
    legs = material if random.random() < 0.5 else random_material(random, library, size)
    width, depth, height = (
        size * random.uniform(0.3, 0.6),
        size * random.uniform(0.2, 0.5),
        size * random.uniform(0.3, 0.8),
    )
    thick, thin = size * random.uniform(0.01, 0.05), size * random.uniform(0.008, 0.04)
    parts = [box(np.array([0, 0, height]), np.array([width, depth, thick]), np.eye(3), material)]
    for sx in (-1, 1):
        for sy in (-1, 1):
            foot = np.array([sx * (width - thin), sy * (depth - thin), 0.0])
            parts.append(rod(foot, foot + np.array([0, 0, height]), thin, legs))
    if random.random() < 0.4:
        back = np.array([width, thick, height * 0.5])
        parts.append(box(np.array([0, depth, height * 1.5]), back, np.eye(3), material))
    return parts


def shelf(random: Random, library: Library, size: float) -> list[Primitive]:
    """Boards with books."""
    material = random_material(random, library, size, plain=0.6)
    width, depth, height = size * random.uniform(0.3, 0.5), size * random.uniform(0.1, 0.2), size
    board = size * 0.015
    levels = int(random.integers(2, 5))
    parts = [
        box(np.array([s * width, 0, height / 2]), np.array([board, depth, height / 2]), np.eye(3), material)
        for s in (-1, 1)
    ]
    parts.append(box(np.array([0, depth, height / 2]), np.array([width, board, height / 2]), np.eye(3), material))
    for level in range(levels):
        z = height * level / levels + board
        parts.append(box(np.array([0, 0, z]), np.array([width, depth, board]), np.eye(3), material))
        tall, long = height / levels * random.uniform(0.3, 0.45), width * random.uniform(0.3, 0.9)
        x = random.uniform(-1, 1) * (width - long)
        books = random_material(random, library, size * 0.4, plain=0.1)
        parts.append(box(np.array([x, -0.02 * size, z + tall]), np.array([long, depth * 0.8, tall]), np.eye(3), books))
    return parts


def slats(random: Random, library: Library, size: float) -> list[Primitive]:
    """Parallel bars: fences, blinds, grilles, radiators."""
    material = random_material(random, library, size, plain=0.5)
    count = int(random.integers(4, 10))
    width, height, thin = (
        size * random.uniform(0.3, 0.7),
        size * random.uniform(0.3, 0.9),
        size * random.uniform(0.006, 0.04),
    )
    flat = random.random() < 0.5
    parts = []
    for x in np.linspace(-width, width, count):
        if flat:
            half = np.array([thin * random.uniform(1, 3), thin * 0.4, height / 2])
            parts.append(box(np.array([x, 0, height / 2]), half, np.eye(3), material))
        else:
            parts.append(rod(np.array([x, 0, 0]), np.array([x, 0, height]), thin * 0.5, material))
    for z in (0.1 * height, 0.95 * height):
        parts.append(rod(np.array([-width, 0, z]), np.array([width, 0, z]), thin * 0.6, material))
    if random.random() < 0.3:  # lying: a blind
        return transformed(parts, along(np.array([1.0, 0, 0])), np.array([-height / 2, 0, width]))
    return parts


def plant(random: Random, library: Library, size: float) -> list[Primitive]:
    """Stems with leaves of flat ellipsoids: much occlusion at all depths."""
    leaf, stem = (
        random_material(random, library, size * 0.3, plain=0.2),
        random_material(random, library, size, plain=0.8),
    )
    parts = can(random, library, size * 0.4)
    top = size * random.uniform(0.5, 1.0)
    for _ in range(int(random.integers(4, 9))):
        tip = np.append(size * random.normal(0, 0.25, 2), top * random.uniform(0.5, 1.0))
        parts.append(rod(np.array([0, 0, 0.1 * size]), tip, size * random.uniform(0.004, 0.015), stem))
        scale = size * np.array([random.uniform(0.06, 0.2), random.uniform(0.03, 0.1), 0.01])
        parts.append(Primitive(ELLIPSOID, tip, scale, random_rotation(random), (leaf,)))
    return parts


def statue(random: Random, library: Library, size: float) -> list[Primitive]:
    """A lump of merged ellipsoids and limbs of one or two materials: figures, skulls, tools."""
    materials = [
        random_material(random, library, size * random.uniform(0.3, 1.2), plain=0.15, glossy=0.5) for _ in range(2)
    ]
    if random.random() < 0.6:
        materials[1] = materials[0]
    parts = []
    for _ in range(int(random.integers(4, 11))):
        centre = size * np.array([*random.normal(0, 0.14, 2), random.uniform(0.15, 0.85)])
        material = materials[int(random.random() < 0.3)]
        kind = random.random()
        if kind < 0.65:
            scale = size * random.uniform(0.07, 0.3, 3)
            parts.append(Primitive(ELLIPSOID, centre, scale, random_rotation(random), (material,)))
        elif kind < 0.85:
            end = centre + size * random.normal(0, 0.25, 3)
            parts.append(rod(centre, end, size * random.uniform(0.02, 0.12), material))
        else:
            parts.append(box(centre, size * random.uniform(0.04, 0.2, 3), random_rotation(random), material))
    foot = size * random.uniform(0.15, 0.35)
    parts.append(
        Primitive(
            CYLINDER, np.array([0, 0, 0.06 * size]), np.array([foot, foot, 0.06 * size]), np.eye(3), (materials[0],)
        )
    )
    return parts


def card(random: Random, library: Library, size: float) -> list[Primitive]:
    """A thin upright board: signs, screens, pictures."""
    half = size * np.array([random.uniform(0.2, 0.6), random.uniform(0.2, 0.5), 1.0])
    lean = along(np.array([0.0, -1.0, random.uniform(-0.1, 0.6)]))
    material = random_material(random, library, size, plain=0.1)
    return [Primitive(QUAD, np.array([0, 0, half[1]]), half, lean, (material,))]


def wires(random: Random, library: Library, size: float) -> list[Primitive]:
    """Thin bars in all directions: cables, twigs, tripods."""
    material = random_material(random, library, size, plain=0.7)
    top = size * np.array([0, 0, random.uniform(0.5, 1.0)])
    parts = []
    for _ in range(int(random.integers(3, 8))):
        foot = np.append(size * random.normal(0, 0.35, 2), 0.0)
        parts.append(rod(foot, top + size * random.normal(0, 0.1, 3), size * random.uniform(0.003, 0.02), material))
    return parts


def lamp(random: Random, library: Library, size: float) -> list[Primitive]:
    """A pole with a head: street and floor lamps, signs, trees of the simplest kind."""
    pole, head = random_material(random, library, size, plain=0.7), random_material(random, library, size * 0.4)
    height, radius = size, size * random.uniform(0.006, 0.03)
    scale = size * random.uniform(0.06, 0.25, 3)
    kind = ELLIPSOID if random.random() < 0.6 else BOX
    return [
        rod(np.zeros(3), np.array([0, 0, height]), radius, pole),
        Primitive(kind, np.array([0, 0, height]), scale, np.eye(3), (head,)),
    ]


SOLID: tuple[Builder, ...] = (crate, crate, stack, ball, can, can, card)
ALL: tuple[Builder, ...] = (*SOLID, table, shelf, slats, plant, statue, wires, lamp)
