"""Light and surroundings of a scene."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

import numpy as np

from .atlas import PANORAMAS, Library
from .world import Light, Primitive, Vector, World


class Mood(Enum):
    """Where the light comes from."""

    INDOORS = "lamps and much scattered light"
    OUTDOORS = "sun or clouds, a sky around"
    STUDIO = "soft light before paper"
    DARK = "one lamp before black"
    FLASH = "the camera's own flash before little"


def light_up(
    random: np.random.Generator, library: Library, parts: Sequence[Primitive], mood: Mood, focus: Vector, size: float,
    height: float,
) -> World:  # fmt: skip
    """Return the world of ``parts`` with lights for the mood.

    Args:
        random: Source of chance.
        library: For the surroundings.
        parts: The primitives.
        mood: Kind of light.
        focus: (3,) what is lit.
        size: Length of the lit region in scene units.
        height: Of lamps above the ground.
    """
    tint = np.clip(1.0 + random.normal(0.0, 0.06, 3), 0.7, 1.3)
    above, below = random.uniform(0.25, 0.7), random.uniform(0.15, 0.5)
    lights: list[Light] = []
    environment: int | None = _surroundings(random, library)
    gain = np.full(3, random.uniform(0.4, 1.2))
    shadows = random.random() < 0.75
    if mood is Mood.OUTDOORS:
        sunny = random.random() < 0.65
        above, below = (
            (random.uniform(0.2, 0.5), 0.2) if sunny else (random.uniform(0.7, 1.0), random.uniform(0.3, 0.6))
        )
        if sunny:
            colour = tint * random.uniform(0.5, 1.3)
            direction = _upper(random, 0.3)
            lights.append(Light(focus + direction * 8.0 * size, colour, 1.0, False, shadows))
    elif mood is Mood.INDOORS:
        for index in range(int(random.integers(0, 3))):
            place = focus + np.append(random.uniform(-0.7, 0.7, 2) * size, 0.0)
            place[2] = height * random.uniform(0.8, 0.97)
            colour = tint * random.uniform(0.2, 0.7)
            lights.append(Light(place, colour, float(height * 0.8), True, shadows and index == 0))
    elif mood is Mood.STUDIO:
        above, below = random.uniform(0.5, 0.9), random.uniform(0.3, 0.7)
        environment, gain = None, np.full(3, random.uniform(0.5, 1.2))
        if random.random() < 0.6:
            place = focus + _upper(random, 0.4) * 4 * size
            lights.append(Light(place, tint * random.uniform(0.2, 0.7), 4 * size, True, shadows))
    elif mood is Mood.DARK:
        above, below = random.uniform(0.02, 0.2), random.uniform(0.01, 0.1)
        environment, gain = None, np.abs(random.normal(0.0, 0.015, 3))
        place = focus + _upper(random, 0.1) * 4 * size
        lights.append(Light(place, tint * random.uniform(0.5, 1.0), 4 * size, True, shadows))
    else:
        above, below = random.uniform(0.01, 0.12), random.uniform(0.01, 0.08)
        environment, gain = None, np.abs(random.normal(0.0, 0.015, 3))
    if mood is Mood.FLASH or random.random() < 0.03:
        lights.append(Light(None, tint * random.uniform(0.6, 1.0), float(size * random.uniform(1.5, 4.0)), True, False))
    ambient = np.stack([above * tint, below * np.clip(tint + random.normal(0, 0.05, 3), 0.5, 1.5)])
    return World(tuple(parts), tuple(lights), ambient, environment, gain, float(random.random()))


def _surroundings(random: np.random.Generator, library: Library) -> int:
    photographs = library.environments.count - PANORAMAS
    if photographs and random.random() < 0.7:
        return PANORAMAS + int(random.integers(photographs))
    return int(random.integers(PANORAMAS))


def _upper(random: np.random.Generator, lowest: float) -> Vector:
    """Return a unit vector above the horizon by at least ``lowest`` (sine)."""
    z = random.uniform(lowest, 0.95)
    angle = random.uniform(0.0, 2.0 * np.pi)
    flat = np.sqrt(1.0 - z * z)
    return np.array([flat * np.cos(angle), flat * np.sin(angle), z])
