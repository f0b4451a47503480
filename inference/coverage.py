"""Which parts of a target's picture how many sources see. numpy only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .camera import Array, Camera
from .view import Picture

# What the sources have masked out: it belongs to no picture.
BACKGROUND = -1
# sRGB of what no source, one, two, and three or more see; told apart by those who mix up red and green as well.
COLOURS = ((0.80, 0.08, 0.10), (0.96, 0.55, 0.10), (0.97, 0.90, 0.25), (0.15, 0.45, 0.85))
# How much of the colour there is over the grey picture.
STRENGTH = 0.6
# Something hides what lies behind it by more than this share of its depth: depths of a draft are no better.
TOLERANCE, SPARSE_TOLERANCE = 0.15, 0.2
# A surface is turned away from a source where the cosine is below this; normals are of such a share of the picture.
AWAY, NORMAL_STEP = -0.2, 1 / 32
# Cells along the longer side of a source's picture, as fine as points of the target lie, and as sparse points do.
CELLS, SPARSE_CELLS = 128, 40


@dataclass(frozen=True, eq=False)
class Sight:
    """A source: its ideal camera, and (H, W) what of its picture shows the scene, above 0.5; ``None``: everything."""

    camera: Camera
    mask: Picture | None = field(default=None, repr=False)


@dataclass(frozen=True, eq=False)
class Coverage:
    """How well sources see a target.

    Args:
        counts: (H, W) how many sources see what the target sees there; ``BACKGROUND`` where most mask it out.
        visible: (V, H, W) whether each source sees it.
        hidden: (V, H, W) whether it is in each source's picture, but behind something nearer or turned away.
    """

    counts: NDArray[np.intp] = field(repr=False)
    visible: NDArray[np.bool_] = field(repr=False)
    hidden: NDArray[np.bool_] = field(repr=False)

    @property
    def shares(self) -> tuple[float, float, float, float]:
        """The shares of the scene in the picture that no source, one, two, and three or more see."""
        scene = self.counts[self.counts != BACKGROUND]
        if not scene.size:
            return (1.0, 0.0, 0.0, 0.0)
        none, one, two, more = np.bincount(np.minimum(scene, 3), minlength=4) / scene.size
        return float(none), float(one), float(two), float(more)

    def share_of(self, source: int) -> tuple[float, float]:
        """Return the shares of the scene in the picture that a source sees, and that are hidden from it."""
        scene = self.counts != BACKGROUND
        total = max(1, int(scene.sum()))
        seen, hidden = (int((which[source] & scene).sum()) / total for which in (self.visible, self.hidden))
        return seen, hidden


def cover(target: Camera, depth: Array, sources: Sequence[Sight], points: Array | None = None) -> Coverage:
    """Count the sources that see each pixel of a target.

    What hides things from a source is what the target sees itself, and the sparse points. What the target sees is a
    surface that turns its face to it, and that nobody sees from behind.

    Args:
        target: Without distortion, of the size of ``depth``.
        depth: (H, W) along the target's optical axis, finite and positive.
        sources: The sources.
        points: (N, 3) sparse scene points, or ``None``.
    """
    x, y = np.meshgrid(np.arange(target.width) + 0.5, np.arange(target.height) + 0.5)
    surface = target.unproject(np.stack([x, y], axis=-1), depth)
    normals = _normals(surface, target.centre)
    visible = np.zeros((len(sources), *depth.shape), dtype=bool)
    hidden, masked = np.zeros_like(visible), np.zeros_like(visible)
    for index, source in enumerate(sources):
        camera = source.camera
        pixels, depths = camera.project(surface)
        inside = (depths > 0) & (pixels >= 0).all(axis=-1) & (pixels < [camera.width, camera.height]).all(axis=-1)
        behind = _behind(camera, pixels, depths, inside, surface[inside], CELLS, TOLERANCE)
        if points is not None and len(points):
            behind |= _behind(camera, pixels, depths, inside, points, SPARSE_CELLS, SPARSE_TOLERANCE)
        towards = camera.centre - surface
        behind |= (normals * towards).sum(axis=-1) < AWAY * np.linalg.norm(towards, axis=-1)
        hidden[index] = inside & behind
        visible[index] = inside & ~behind
        if source.mask is not None:
            column, row = pixels[inside].astype(np.intp).T
            masked[index][inside] = source.mask[row, column] <= 0.5
            visible[index] &= ~masked[index]
    counts = visible.sum(axis=0)
    # What a point of the scene is can be masked by mistake, or behind a passer-by, but not in most pictures.
    counts[masked.sum(axis=0) > counts] = BACKGROUND
    return Coverage(counts, visible, hidden)


def coverage_picture(coverage: Coverage, grey: Picture) -> Picture:
    """Return (H, W, 3) sRGB: a grey picture (H, W) of the target in the colours of ``COLOURS``."""
    colours = np.asarray(COLOURS, np.float32)[np.clip(coverage.counts, 0, 3)]
    shaded = colours * STRENGTH + grey[..., None] * (1 - STRENGTH)
    picture: Picture = np.where(coverage.counts[..., None] == BACKGROUND, grey[..., None] * 0.5, shaded)
    return picture.astype(np.float32)


def coverage_sentence(shares: Sequence[float]) -> str:
    """Return what a user should know of the shares that no source, one, two, and three or more see."""
    none, one = shares[:2]
    if none < 0.005 and one < 0.005:
        return "Every part of the picture is seen by two sources or more."
    if none < 0.005:
        return f"Every part of the picture is seen by a source; {one:.0%} by only one, whose depth is a guess."
    only = f", and {one:.0%} by only one" if one >= 0.005 else ""
    return f"No source sees {none:.0%} of the picture{only}; what is shown there is made up."


def _normals(surface: Array, centre: Array) -> Array:
    """Return (H, W, 3) unit normals of a surface (H, W, 3) that face ``centre``, over several pixels for the noise."""
    rows, columns = surface.shape[:2]
    step = max(1, round(max(rows, columns) * NORMAL_STEP))
    row, column = np.arange(rows), np.arange(columns)
    down = surface[np.minimum(row + step, rows - 1)] - surface[np.maximum(row - step, 0)]
    across = surface[:, np.minimum(column + step, columns - 1)] - surface[:, np.maximum(column - step, 0)]
    normals = np.cross(across, down)
    normals *= np.sign((normals * (centre - surface)).sum(axis=-1, keepdims=True))
    unit: Array = normals / np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-300)
    return unit


def _behind(
    camera: Camera,
    pixels: Array,
    depths: Array,
    inside: NDArray[np.bool_],
    occluders: Array,
    cells: int,
    tolerance: float,
) -> NDArray[np.bool_]:
    """Return whether something nearer lies in the same cell of a camera's picture, for points ``inside`` that."""
    size = max(camera.width, camera.height) / cells
    columns = int(camera.width / size) + 1
    rows = int(camera.height / size) + 1
    nearest = np.full(rows * columns, np.inf)
    places, theirs = camera.project(occluders)
    within = (theirs > 0) & (places >= 0).all(axis=-1) & (places < [camera.width, camera.height]).all(axis=-1)
    column, row = (places[within] / size).astype(np.intp).T
    np.minimum.at(nearest, row * columns + column, theirs[within])
    result = np.zeros(depths.shape, dtype=bool)
    column, row = (pixels[inside] / size).astype(np.intp).T
    result[inside] = depths[inside] > nearest[row * columns + column] * (1 + tolerance)
    return result
