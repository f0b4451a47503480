"""Random surfaces."""

from __future__ import annotations

import numpy as np

from .atlas import FAINT, Library
from .world import Material, Vector


def random_material(
    random: np.random.Generator, library: Library, size: float, plain: float = 0.2, glossy: float = 0.3
) -> Material:
    """Return a surface for an object of ``size`` scene units.

    Args:
        random: Source of chance.
        library: The textures there are.
        size: Typical length of the object: the texture repeats 0.5 to 5 times over it.
        plain: Chance of an almost flat colour.
        glossy: Chance of highlights or reflections.
    """
    photographs = library.surfaces.count - library.picture_start
    if random.random() < plain:
        texture = library.faint_start + int(random.integers(FAINT))
        base = _colour(random, pale=random.random() < 0.6)
        mix = np.eye(3) * random.uniform(0.3, 1.0)
    elif photographs and random.random() < 0.25:
        texture = library.picture_start + int(random.integers(photographs))
        base = np.clip(_mean(library, texture) + random.normal(0, 0.08, 3), 0.08, 0.85)
        mix = np.eye(3) * random.uniform(0.7, 1.3)
    else:
        texture = int(random.integers(library.faint_start))
        mean = _mean(library, texture)
        own = _colour(random, pale=random.random() < 0.3)
        base = mean + random.choice([0.0, 0.5, 1.0]) * (own - mean)
        mix = _mix(random) * random.choice([0.25, 0.6, 1.0, 1.0, 1.3])
    angle = random.choice([0.0, 0.0, 0.5 * np.pi, random.uniform(0, 2 * np.pi)])
    repeats = 2.0 ** random.uniform(-0.9, 2.4) / max(size, 1e-6)
    stretch = 2.0 ** random.normal(0.0, 0.3)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shiny = random.random() < glossy
    return Material(
        texture=texture,
        base=np.clip(base + random.uniform(0.0, 0.7) * (base.mean() - base), 0.03, 0.95),
        mix=mix,
        density=np.diag([repeats * stretch, repeats / stretch]) @ turn,
        offset=random.random(2),
        wave=random.normal(0.0, 2.0 / max(size, 1e-6), 3),
        wave_gain=float(random.choice([0.0, 0.1, 0.3])),
        gloss=float(random.uniform(0.02, 0.5)) if shiny else 0.0,
        shininess=float(2.0 ** random.uniform(2.5, 8.0)),
        mirror=float(random.uniform(0.02, 0.3)) if shiny and random.random() < 0.4 else 0.0,
    )


def wall_material(random: np.random.Generator, library: Library, size: float) -> Material:
    """Return a surface for walls and floors: plain every other time."""
    return random_material(random, library, size * random.uniform(0.3, 1.0), plain=0.45, glossy=0.1)


def _mean(library: Library, texture: int) -> Vector:
    mean: Vector = library.surfaces.means[:, texture].cpu().numpy().astype(np.float64)
    return mean


def _colour(random: np.random.Generator, pale: bool) -> Vector:
    if pale:
        return random.uniform(0.55, 0.92) + random.normal(0.0, 0.03, 3)
    value = random.uniform(0.08, 0.85)
    return np.clip(value + random.normal(0.0, random.choice([0.03, 0.06, 0.12, 0.25]), 3), 0.03, 0.95)


def _mix(random: np.random.Generator) -> Vector:
    """Return a change of hue and saturation that keeps grey contrast."""
    grey = np.full((3, 3), 1.0 / 3.0)
    swap = np.eye(3)[random.permutation(3)]
    sign = -1.0 if random.random() < 0.25 else 1.0
    mixed: Vector = sign * (grey + random.uniform(0.0, 1.1) * (swap - grey))
    return mixed
