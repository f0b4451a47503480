"""Whole scenes: rooms, table tops, single objects, open places, clouds of shapes, walls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .atlas import Library
from .lighting import Mood, light_up
from .materials import random_material, wall_material
from .objects import ALL, SOLID, Builder, about_z, ball, box, card, random_rotation, shelf, statue, table, transformed
from .world import BOX, CYLINDER, ELLIPSOID, QUAD, Primitive, Vector, World

Random = np.random.Generator


@dataclass(frozen=True, eq=False)
class Stage:
    """A scene and where its photographer stands.

    Args:
        world: The scene; z is up.
        focus: (3,) what the cameras look at.
        position: (3,) where the target camera is.
        low, high: (3,) bounds that the cameras must keep.
        focal: Range of focal lengths in mm on 36 mm wide film.
    """

    world: World
    focus: Vector
    position: Vector
    low: Vector
    high: Vector
    focal: tuple[float, float]


def random_stage(random: Random, library: Library) -> Stage:
    """Return a scene of a random kind."""
    kinds: tuple[tuple[float, Callable[[Random, Library], Stage]], ...] = (
        (0.15, room), (0.14, table_top), (0.50, single_object), (0.08, outdoors), (0.07, cloud), (0.06, wall),
    )  # fmt: skip
    chosen = random.choice(len(kinds), p=[share for share, _ in kinds])
    return _indoors(kinds[int(chosen)][1](random, library))


def _indoors(stage: Stage) -> Stage:
    """Return the stage with walls wide enough for the photographer, who keeps inside of them."""
    parts, low, high = [], stage.low, stage.high
    for p in stage.world.primitives:
        if p.shell:
            needed = np.abs(stage.position - p.centre) * 1.1
            p = replace(p, scale=np.maximum(p.scale, needed))
            low, high = np.maximum(low, p.centre - 0.95 * p.scale), np.minimum(high, p.centre + 0.95 * p.scale)
        parts.append(p)
    return replace(stage, world=replace(stage.world, primitives=tuple(parts)), low=low, high=high)


def spherical(azimuth: float, elevation: float) -> Vector:
    """Return the unit vector (3,) at angles in radians."""
    c = np.cos(elevation)
    return np.array([c * np.cos(azimuth), c * np.sin(azimuth), np.sin(elevation)])


def scatter(
    random: Random, library: Library, builders: Sequence[Builder], count: int, budget: int, area: Vector,
    sizes: tuple[float, float], avoid: Vector, clearance: float,
) -> list[Primitive]:  # fmt: skip
    """Return things on z = 0 inside ``area`` (2, 2: low and high x y), away from the photographer at ``avoid``.

    Ends when ``count`` things are there or ``budget`` primitives are used up.
    """
    parts: list[Primitive] = []
    for _ in range(count):
        size = float(np.exp(random.uniform(np.log(sizes[0]), np.log(sizes[1]))))
        place = np.append(random.uniform(area[0], area[1]), 0.0)
        if np.linalg.norm(place[:2] - avoid[:2]) < clearance + 0.6 * size:
            continue
        thing = builders[int(random.integers(len(builders)))](random, library, size)
        if len(parts) + len(thing) > budget:
            continue
        parts += transformed(thing, about_z(random.uniform(0, 2 * np.pi)), place)
    return parts


def ground(random: Random, library: Library, half: float, size: float, height: float = 0.0) -> Primitive:
    """Return a level square around the origin."""
    material = wall_material(random, library, size)
    return Primitive(QUAD, np.array([0, 0, height]), np.array([half, half, 1.0]), np.eye(3), (material,))


def room(random: Random, library: Library) -> Stage:
    """A furnished room seen from one side."""
    extent = np.array([random.uniform(2.8, 7.0), random.uniform(2.8, 6.0), random.uniform(2.3, 3.2)])
    half = extent / 2
    wall_paint = wall_material(random, library, 2.5)
    walls = [wall_paint if random.random() < 0.6 else wall_material(random, library, 2.5) for _ in range(4)]
    floor, ceiling = wall_material(random, library, 1.5), wall_material(random, library, 3.0)
    shell = Primitive(BOX, np.array([0, 0, half[2]]), half, np.eye(3), (*walls, floor, ceiling), shell=True)
    position = np.array([
        -half[0] * random.uniform(0.3, 0.85), half[1] * random.uniform(-0.6, 0.6), random.uniform(0.7, 1.8)
    ])  # fmt: skip
    focus = np.array([
        half[0] * random.uniform(0.0, 0.9), half[1] * random.uniform(-0.5, 0.5), random.uniform(0.3, 1.4)
    ])  # fmt: skip
    parts = [shell]
    area = np.array([[-half[0] * 0.4, -half[1] * 0.9], [half[0] * 0.9, half[1] * 0.9]])
    parts += scatter(random, library, ALL, int(random.integers(4, 18)), 42, area, (0.25, 1.6), position, 0.7)
    if random.random() < 0.5:
        back = np.array([half[0] - 0.25, random.uniform(-0.6, 0.6) * half[1], 0.0])
        parts += transformed(shelf(random, library, random.uniform(0.8, 2.0)), about_z(-np.pi / 2), back)
    for _ in range(int(random.integers(0, 7))):  # on the walls
        material = random_material(random, library, 0.6, plain=0.15)
        scale = np.array([random.uniform(0.2, 0.7), 0.012, random.uniform(0.15, 0.6)])
        z = random.uniform(0.9, 1.8)
        if random.random() < 0.6:
            place = np.array([half[0] - 0.012, random.uniform(-0.8, 0.8) * half[1], z])
            parts.append(box(place, scale, about_z(np.pi / 2), material))
        else:
            side = float(random.choice([-1.0, 1.0]))
            place = np.array([random.uniform(-0.3, 0.8) * half[0], side * (half[1] - 0.012), z])
            parts.append(box(place, scale, np.eye(3), material))
    margin = 0.15
    world = light_up(random, library, parts, Mood.INDOORS, focus, half.max(), half[2] * 1.9)
    low, high = np.array([-half[0] + margin, -half[1] + margin, 0.25]), np.append(half[:2], extent[2]) - margin
    return Stage(world, focus, position, low, high, (18.0, 40.0))


def table_top(random: Random, library: Library) -> Stage:
    """Small things on a plane, something far behind."""
    area = np.array([[-0.7, -0.7], [0.7, 0.7]]) * random.uniform(0.7, 1.4)
    distance, elevation = random.uniform(1.1, 3.0), random.uniform(0.1, 1.0)
    focus = np.array([*random.normal(0, 0.1, 2), random.uniform(0.0, 0.3)])
    position = focus + distance * spherical(random.uniform(0, 2 * np.pi), elevation)
    parts = [ground(random, library, float(random.choice([1.0, 1.5, 6.0])), 1.0)]
    builders = SOLID if random.random() < 0.4 else ALL
    parts += scatter(random, library, builders, int(random.integers(5, 22)), 42, area, (0.12, 0.6), position, 0.45)
    mood = Mood.INDOORS if random.random() < 0.7 else Mood.OUTDOORS
    if random.random() < 0.6:
        parts.append(surrounding(random, library, float(random.uniform(2.5, 7.0))))
    world = light_up(random, library, parts, mood, focus, 1.0, 2.0)
    return Stage(world, focus, position, np.array([-20.0, -20.0, 0.1]), np.full(3, 20.0), (24.0, 70.0))


def surrounding(random: Random, library: Library, half: float) -> Primitive:
    """Return the walls of a large room around the origin, floor well below."""
    walls = tuple(wall_material(random, library, 2.0) for _ in range(6))
    extent = half * random.uniform(0.8, 1.2, 3) * [1, 1, 0.6]
    return Primitive(BOX, np.array([0, 0, extent[2] * 0.6]), extent, np.eye(3), walls, shell=True)


def single_object(random: Random, library: Library) -> Stage:
    """One thing on a turntable, in the dark or before paper, often with a long lens."""
    size = random.uniform(0.5, 1.5)
    builder = statue if random.random() < 0.7 else ALL[int(random.integers(len(ALL)))]
    parts = transformed(builder(random, library, size), about_z(random.uniform(0, 6.3)), np.zeros(3))
    if random.random() < 0.3:
        parts += scatter(
            random, library, SOLID, 3, 6, np.array([[-1, -1], [1, 1]]) * size, (0.2, 0.5), np.full(3, 9.0), 0
        )
    mood = [Mood.DARK, Mood.FLASH, Mood.STUDIO, Mood.INDOORS][int(random.choice(4, p=[0.2, 0.25, 0.35, 0.2]))]
    if mood is Mood.STUDIO or random.random() < 0.35:
        kind, half = (CYLINDER, 1.4 * size) if random.random() < 0.4 else (QUAD, 3.0 * size)
        thick = 0.02 * size if kind == CYLINDER else 1.0
        paper = wall_material(random, library, size)
        place = np.array([0, 0, -thick if kind == CYLINDER else 0.0])
        parts.append(Primitive(kind, place, np.array([half, half, thick]), np.eye(3), (paper,)))
    if mood is Mood.INDOORS or (mood is Mood.FLASH and random.random() < 0.6):
        parts.append(surrounding(random, library, size * float(random.uniform(4, 9))))
    long = random.random() < 0.5
    distance = size * (random.uniform(3.0, 7.0) if long else random.uniform(1.4, 3.0))
    focus = np.array([*random.normal(0, 0.05 * size, 2), size * random.uniform(0.3, 0.6)])
    position = focus + distance * spherical(random.uniform(0, 2 * np.pi), random.uniform(-0.1, 0.8))
    position[2] = max(position[2], 0.1 * size)
    world = light_up(random, library, parts, mood, focus, size, 2 * size)
    focal = (60.0, 100.0) if long else (28.0, 60.0)
    reach = np.full(3, 30.0)
    return Stage(world, focus, position, -reach * [1, 1, 0] + [0, 0, 0.05 * size], reach, focal)


def outdoors(random: Random, library: Library) -> Stage:
    """A plane under a sky: buildings, poles, boulders, near things before far ones."""
    reach = random.uniform(8.0, 25.0)
    position = np.array([-random.uniform(2.0, 5.0), random.uniform(-1, 1), random.uniform(0.8, 2.2)])
    focus = np.array([random.uniform(0.0, 4.0), random.uniform(-1, 1), random.uniform(0.3, 2.0)])
    parts = [ground(random, library, reach * random.uniform(1.0, 3.0), 4.0)]
    for _ in range(int(random.integers(1, 8))):
        half = np.array([random.uniform(0.5, 4), random.uniform(0.5, 4), random.uniform(1, 5)])
        place = np.array([random.uniform(0.4, 1.0) * reach, random.uniform(-0.6, 0.6) * reach, half[2]])
        parts.append(
            box(place, half, about_z(random.normal(0, 0.5)), random_material(random, library, 4.0, plain=0.15))
        )
    near = np.array([[-1.0, -3.0], [4.0, 3.0]])
    count = int(random.integers(5, 16))
    parts += scatter(random, library, ALL, count, 38, near, (0.3, 2.0), position, 0.8)
    world = light_up(random, library, parts, Mood.OUTDOORS, focus, 4.0, 12.0)
    return Stage(world, focus, position, np.array([-50, -50, 0.2]), np.full(3, 50.0), (18.0, 60.0))


def cloud(random: Random, library: Library) -> Stage:
    """Shapes at random in space, before surroundings: pure geometry."""
    position = np.array([-random.uniform(2.5, 4.0), 0.0, 0.0])
    parts: list[Primitive] = []
    for _ in range(int(random.integers(10, 40))):
        centre = random.uniform([-1.4, -1.6, -1.3], [2.5, 1.6, 1.3])
        material = random_material(random, library, 0.7, plain=0.1)
        kind = int(random.choice([BOX, ELLIPSOID, CYLINDER, QUAD]))
        scale = random.uniform(0.08, 0.6) * np.exp(random.normal(0, 0.5, 3))
        if kind == CYLINDER:
            scale[:2] = scale[0] * random.choice([0.1, 0.5, 1.0])
        parts.append(Primitive(kind, centre, scale, random_rotation(random), (material,)))
    if random.random() < 0.6:
        parts.append(surrounding(random, library, float(random.uniform(4.5, 9.0))))
    world = light_up(random, library, parts, Mood.OUTDOORS, np.zeros(3), 2.0, 8.0)
    return Stage(world, random.normal(0, 0.3, 3), position, np.full(3, -6.0), np.full(3, 6.0), (20.0, 60.0))


def wall(random: Random, library: Library) -> Stage:
    """An almost flat subject: a facade, a shelf, a notice board, with some relief."""
    board = random_material(random, library, 2.0, plain=0.3)
    turn = about_z(random.normal(0, 0.25))
    parts = [box(np.array([0.1, 0, 1.0]), np.array([0.1, 4.0, 3.0]), np.eye(3), board)]
    for _ in range(int(random.integers(4, 26))):
        depth = random.choice([0.01, 0.05, 0.2]) * random.uniform(0.5, 2.0)
        half = np.array([depth, random.uniform(0.05, 0.5), random.uniform(0.05, 0.5)])
        place = np.array([-half[0], random.uniform(-1.5, 1.5), random.uniform(-0.2, 2.2)])
        parts.append(box(place, half, np.eye(3), random_material(random, library, 0.5)))
    parts = transformed(parts, turn, np.zeros(3))
    if random.random() < 0.7:
        parts.append(ground(random, library, 6.0, 1.5))
    if random.random() < 0.6:
        area = np.array([[-1.6, -1.2], [-0.4, 1.2]])
        some: tuple[Builder, ...] = (table, ball, card, *ALL)
        parts += scatter(random, library, some, 5, 16, area, (0.2, 0.9), np.array([-3.0, 0, 0]), 0.5)
    distance = random.uniform(1.8, 4.0)
    focus = np.array([0.0, random.uniform(-0.6, 0.6), random.uniform(0.5, 1.5)])
    position = focus + distance * spherical(np.pi + random.normal(0, 0.4), random.normal(0.1, 0.15))
    mood = Mood.INDOORS if random.random() < 0.4 else Mood.OUTDOORS
    world = light_up(random, library, parts, mood, focus, 2.0, 5.0)
    return Stage(world, focus, position, np.array([-20, -20, 0.15]), np.array([-0.8, 20, 20]), (20.0, 60.0))
