"""Procedural tileable pictures: the material of the synthetic worlds.

Every function takes a random generator and returns ``SIDE`` x ``SIDE`` x 3 in [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 512
Picture = NDArray[np.float32]
Random = np.random.Generator


def unit(values: NDArray[Any]) -> Picture:
    """Return ``values`` clipped to 0..1 as float32."""
    clipped: Picture = np.clip(values, 0.0, 1.0).astype(np.float32)
    return clipped


def spectral_noise(random: Random, slope: float, stretch: float = 1.0, side: int = SIDE) -> Picture:
    """Return tileable noise (side x side, mean 0.5, mostly within 0..1) whose amplitude falls with frequency^-slope.

    ``stretch`` > 1 makes streaks along x.
    """
    fy = np.fft.fftfreq(side)[:, None] * side
    fx = np.fft.rfftfreq(side)[None] * side * stretch
    radius = np.sqrt(fx * fx + fy * fy)
    radius[0, 0] = 1.0
    amplitude = radius**-slope
    amplitude[0, 0] = 0.0
    spectrum = np.fft.rfft2(random.standard_normal((side, side)).astype(np.float32)) * amplitude
    noise = np.fft.irfft2(spectrum, s=(side, side))
    return unit(0.5 + 0.22 * noise / (noise.std() + 1e-9))


def palette(random: Random, colours: int) -> Picture:
    """Return (colours, 3): around one hue, or of any hue."""
    base = random.uniform(0.15, 0.85) + random.normal(0.0, random.choice([0.04, 0.1, 0.25]), 3)
    spread = random.choice([0.08, 0.15, 0.25, 0.5])
    return unit(base + spread * random.standard_normal((colours, 3)))


def colourise(random: Random, value: Picture) -> Picture:
    """Map a picture of values in 0..1 through a smooth random palette."""
    stops = int(random.integers(2, 6))
    colours = palette(random, stops)
    grid = np.linspace(0.0, 1.0, stops)
    table = np.stack([np.interp(np.linspace(0.0, 1.0, 256), grid, colours[:, i]) for i in range(3)], axis=1)
    return unit(table[(np.clip(value, 0.0, 1.0) * 255).astype(np.uint8)])


def pick(random: Random, labels: NDArray[Any], count: int) -> Picture:
    """Give each label 0..count-1 a colour of a random palette."""
    coloured: Picture = palette(random, count)[labels % count]
    return coloured


def _axes() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    return y.astype(np.int64), x.astype(np.int64)


def noise(random: Random) -> Picture:
    """Multi-octave noise, from clouds to grain."""
    value = spectral_noise(random, random.uniform(0.3, 1.9), random.choice([1.0, 1.0, 1.0, 4.0, 12.0]))
    if random.random() < 0.3:  # ridges
        value = np.abs(value * 2 - 1)
    return colourise(random, value)


def marble(random: Random) -> Picture:
    """Bands bent by noise: marble, wood."""
    y, _ = _axes()
    bend = spectral_noise(random, random.uniform(1.4, 2.2), random.choice([1.0, 6.0]))
    waves = int(random.integers(1, 12))
    value = 0.5 + 0.5 * np.sin(2 * np.pi * (y / SIDE * waves + bend * random.uniform(1.0, 6.0)))
    return colourise(random, (0.85 * value + 0.15 * spectral_noise(random, 0.6)).astype(np.float32))


def checker(random: Random) -> Picture:
    """Tiles of two or more colours, some with grain."""
    y, x = _axes()
    n = int(2 ** random.integers(1, 5))
    cells = random.integers(0, 8, (n, n)) if random.random() < 0.5 else np.add.outer(np.arange(n), np.arange(n)) % 2
    return grained(random, pick(random, cells[y * n // SIDE, x * n // SIDE], 8))


def stripes(random: Random) -> Picture:
    """Parallel bands of random widths."""
    y, _ = _axes()
    edges = np.sort(random.integers(0, SIDE, int(random.integers(2, 40))))
    return grained(random, pick(random, np.searchsorted(edges, y), int(random.integers(2, 7))))


def bricks(random: Random) -> Picture:
    """Running-bond bricks or tiles with joints."""
    y, x = _axes()
    rows = int(2 ** random.integers(1, 5))
    columns = max(1, rows // int(random.integers(1, 4)))
    row = y * rows // SIDE
    shifted = (x + (row % 2) * (SIDE // columns // 2) * int(random.random() < 0.7)) % SIDE
    column = shifted * columns // SIDE
    shade = random.uniform(0.6, 1.0, (rows, columns)).astype(np.float32)[row, column]
    picture = palette(random, 1)[0] * shade[..., None]
    joint = random.uniform(0.005, 0.02) * SIDE * 4 / rows
    in_joint = ((y * rows % SIDE) / rows < joint) | ((shifted * columns % SIDE) / columns < joint)
    picture[in_joint] = palette(random, 1)[0]
    return grained(random, picture)


def speckle(random: Random) -> Picture:
    """Grains of one size: granite, gravel, carpet."""
    value = cv2.GaussianBlur(random.random((SIDE, SIDE), dtype=np.float32), (0, 0), random.uniform(0.6, 4.0))
    value = (value - value.mean()) / (value.std() + 1e-6) * random.uniform(0.1, 0.3) + 0.5
    return colourise(random, value.astype(np.float32))


def cells(random: Random) -> Picture:
    """Voronoi cells: cobbles, scales, crackle."""
    seeds = np.full((SIDE, SIDE), 255, np.uint8)
    count = int(2 ** random.uniform(4, 10))
    seeds[random.integers(0, SIDE, count), random.integers(0, SIDE, count)] = 0
    tiled = np.tile(seeds, (2, 2))  # half a tile around makes it wrap
    distance, labels = cv2.distanceTransformWithLabels(
        tiled, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    half = slice(SIDE // 2, SIDE // 2 + SIDE)
    distance, labels = distance[half, half], labels[half, half].astype(np.int64)
    picture = pick(random, labels * 7919 // 13, 16)
    if random.random() < 0.7:
        picture = picture * np.clip(1.2 - distance / (distance.max() + 1e-6), 0.2, 1.0)[..., None]
    return grained(random, picture.astype(np.float32))


def collage(random: Random) -> Picture:
    """Overlapping coloured shapes of all sizes: posters, clutter."""
    picture = np.ones((SIDE, SIDE, 3), np.float32) * palette(random, 1)[0]
    for index in range(int(random.integers(10, 120))):
        size = SIDE * 0.5 * random.random() ** 2 / (1 + index * 0.02) + 3
        centre = random.uniform(0, SIDE, 2)
        colour = tuple(float(value) for value in random.random(3))
        kind = random.integers(0, 3)
        if kind == 0:
            cv2.circle(picture, (int(centre[0]), int(centre[1])), int(size), colour, -1, cv2.LINE_AA)
        elif kind == 1:
            points = (centre + random.uniform(-size, size, (int(random.integers(3, 7)), 2))).astype(np.int32)
            cv2.fillPoly(picture, [points], colour, cv2.LINE_AA)
        else:
            end = centre + random.uniform(-2 * size, 2 * size, 2)
            start = (int(centre[0]), int(centre[1]))
            cv2.line(picture, start, (int(end[0]), int(end[1])), colour, int(random.integers(1, 8)), cv2.LINE_AA)
    return grained(random, picture)


def glyphs(random: Random) -> Picture:
    """Lines of letters in several sizes: print, labels, book spines."""
    paper = palette(random, 1)[0]
    picture = np.ones((SIDE, SIDE, 3), np.float32) * paper
    ink = tuple(float(value) for value in np.where(paper.mean() > 0.5, paper * 0.2, 1 - (1 - paper) * 0.2))
    y = 0.0
    letters = np.array(list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789   .,"))
    fonts = [
        cv2.FONT_HERSHEY_SIMPLEX,
        cv2.FONT_HERSHEY_COMPLEX,
        cv2.FONT_HERSHEY_TRIPLEX,
        cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
    ]
    while y < SIDE:
        size = random.choice([0.35, 0.5, 0.5, 0.8, 1.6, 3.0])
        y += 30 * size
        text = "".join(random.choice(letters, int(36 / size)))
        colour = ink if random.random() < 0.8 else tuple(float(value) for value in random.random(3))
        thickness = max(1, int(size * random.uniform(1, 3)))
        font = fonts[int(random.integers(len(fonts)))]
        cv2.putText(picture, text, (int(random.uniform(-20, 60)), int(y)), font, size, colour, thickness, cv2.LINE_AA)
        y += random.uniform(2, 20) * size
    return unit(picture)


def weave(random: Random) -> Picture:
    """Woven cloth, grids, lattices."""
    y, x = _axes()
    n = int(2 ** random.integers(3, 7))
    wave = np.sin(2 * np.pi * n * x / SIDE) * (0.5 + 0.5 * np.sin(2 * np.pi * n * y / SIDE))
    value = 0.5 + 0.3 * wave + 0.4 * (spectral_noise(random, random.uniform(1.0, 2.0)) - 0.5)
    return colourise(random, value.astype(np.float32))


def blotches(random: Random) -> Picture:
    """Thresholded noise in layers: camouflage, lichen, rust."""
    picture = np.ones((SIDE, SIDE, 3), np.float32) * palette(random, 1)[0]
    for _ in range(int(random.integers(1, 5))):
        mask = np.clip((spectral_noise(random, random.uniform(1.0, 2.0)) - random.uniform(0.4, 0.7)) * 12, 0.0, 1.0)
        picture += mask[..., None] * (palette(random, 1)[0] - picture)
    return grained(random, picture)


def faint(random: Random) -> Picture:
    """Almost nothing: painted wall, plastic, paper."""
    value = spectral_noise(random, random.uniform(0.3, 1.8)) - 0.5
    return (0.5 + value[..., None] * random.uniform(0.03, 0.25) * np.ones(3)).astype(np.float32)


def grained(random: Random, picture: Picture) -> Picture:
    """Add grain and dirt to a picture, or leave it clean."""
    if random.random() < 0.6:
        amount = random.uniform(0.05, 0.5)
        picture = picture * (1 + amount * (spectral_noise(random, random.uniform(0.3, 1.4)) - 0.5) * 2)[..., None]
    return unit(picture)


KINDS: tuple[Callable[[Random], Picture], ...] = (
    noise, marble, noise, checker, stripes, bricks, speckle, cells, collage, glyphs, weave, blotches, collage, noise,
)  # fmt: skip


def procedural(index: int) -> Picture:
    """Return the procedural texture of that number; the kinds take turns."""
    random = np.random.default_rng([index, 0x7E57])
    return KINDS[index % len(KINDS)](random)


def panorama(index: int) -> Picture:
    """Return a procedural environment (SIDE x 2 SIDE x 3, equirectangular, zenith at the top, display-referred)."""
    random = np.random.default_rng([index, 0x5C1])
    height = np.linspace(1.0, -1.0, SIDE, dtype=np.float32)[:, None, None]
    zenith, horizon, ground = palette(random, 1)[0], np.clip(palette(random, 1)[0] + 0.2, 0, 1), palette(random, 1)[0]
    sky = horizon + (zenith - horizon) * np.clip(height, 0.0, 1.0) ** 0.6
    below = horizon + (ground - horizon) * np.clip(-height * 6, 0.0, 1.0)
    picture = np.where(height >= 0, sky, below) * np.ones((1, 2 * SIDE, 1), np.float32)
    cloud = np.tile(spectral_noise(random, random.uniform(1.2, 2.0), random.choice([1.0, 0.4])), (1, 2))
    amount = random.choice([0.0, 0.3, 1.0]) * np.clip((cloud - random.uniform(0.3, 0.6)) * 3, 0.0, 1.0)
    picture = picture + amount[..., None] * (random.uniform(0.5, 1.0) - picture)
    if random.random() < 0.5:  # a skyline: far things that never move
        level = SIDE // 2 - SIDE * 0.25 * np.tile(spectral_noise(random, 1.3, side=SIDE)[0], 2) * random.uniform(0.2, 1)
        mask = (np.arange(SIDE)[:, None] > level[None]) & (np.arange(SIDE)[:, None] < SIDE * 0.53)
        detail = np.tile(procedural(int(random.integers(0, 500))), (1, 2, 1))
        picture[mask] = detail[mask] * random.uniform(0.3, 0.9)
    return unit(picture)
