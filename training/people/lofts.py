"""Surfaces lofted along lines: rings of points that become skinned, textured triangles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..scenes.textures import spectral_noise
from .avatar import Bytes, Indices, Part, Vector

Random = np.random.Generator

_SEGMENTS = 32


@dataclass(frozen=True, eq=False)
class Loft:
    """A tube.

    Args:
        line: (N, 3) middles of its rings, in the order from v = 0 to 1.
        radii: (N, 2) along the two axes of each ring; near zero at an end closes it.
        axes: (2, 3) unit vectors in which the rings lie. Their cross product runs against the line, or the normals
            would point inwards.
        bones: Joints (numbers) that move it, in the order along the line.
        starts: (bones,) place along the line, in [0, 1], where each takes over from the one before.
        blend: Length of that change-over, a share of the line.
        window: Left, top, right, bottom of its place in the texture.
        drape: Joints of the left and the right leg that its end follows on their sides: a coat, a skirt.
    """

    line: Vector
    radii: Vector
    axes: Vector
    bones: tuple[int, ...]
    starts: tuple[float, ...]
    blend: float = 0.12
    window: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    drape: tuple[int, int] | None = None


def rounded(line: Vector, radii: Vector, ends: tuple[bool, bool] = (True, True)) -> tuple[Vector, Vector]:
    """Return line (M, 3) and radii (M, 2) resampled smoothly, with round caps at the ends that ask for one."""
    place = np.linspace(0.0, 1.0, len(line))
    fine = np.linspace(0.0, 1.0, max(24, 6 * len(line)))
    # Monotone enough for bodies: straight between the points, then smoothed.
    dense_line = np.stack([np.interp(fine, place, column) for column in line.T], axis=1)
    dense_radii = _smooth(np.stack([np.interp(fine, place, column) for column in radii.T], axis=1))
    for end, capped in zip((0, -1), ends, strict=True):
        if not capped:
            continue
        outwards = dense_line[end] - dense_line[1 if end == 0 else -2]
        outwards /= np.linalg.norm(outwards)
        angle = np.linspace(0.0, np.pi / 2 * 0.995, 8)[1:]
        cap_line = dense_line[end] + np.outer(np.sin(angle), outwards) * dense_radii[end].mean() * 0.9
        cap_radii = np.outer(np.cos(angle), dense_radii[end])
        order = slice(None, None, -1) if end == 0 else slice(None)
        parts = (cap_line[order], dense_line) if end == 0 else (dense_line, cap_line)
        dense_line = np.concatenate(parts)
        parts = (cap_radii[order], dense_radii) if end == 0 else (dense_radii, cap_radii)
        dense_radii = np.concatenate(parts)
    return dense_line, dense_radii


def _smooth(values: Vector) -> Vector:
    for _ in range(3):
        values[1:-1] = 0.25 * values[:-2] + 0.5 * values[1:-1] + 0.25 * values[2:]
    return values


def build_part(random: Random, lofts: list[Loft], colour: Bytes, bumps: Bytes, folds: float) -> Part:
    """Return lofts as one part with one material.

    Args:
        random: Source of chance.
        lofts: Its tubes.
        colour, bumps: The textures.
        folds: How far folds push the surface in and out, a share of the radius.
    """
    built = [_build(random, loft, folds) for loft in lofts]
    counts = np.cumsum([0, *(len(positions) for positions, *_ in built)])
    columns = [np.concatenate([surface[k] for surface in built]) for k in range(5)]
    triangles = [surface[5] + start for surface, start in zip(built, counts, strict=False)]
    return Part(
        columns[0], columns[1], columns[2], np.concatenate(triangles), columns[3], columns[4], colour,
        bumps,
    )  # fmt: skip


def _build(random: Random, loft: Loft, folds: float) -> tuple[Vector, Vector, Vector, Indices, Vector, Indices]:
    rows = len(loft.line)
    angle = np.linspace(0.0, 2 * np.pi, _SEGMENTS + 1)
    noise = spectral_noise(random, 1.3, side=_SEGMENTS)[
        np.arange(rows)[:, None] % _SEGMENTS, np.arange(_SEGMENTS + 1) % _SEGMENTS
    ]
    radii = loft.radii[:, None] * (1.0 + folds * (2.0 * noise[..., None] - 1.0))
    grid = (
        loft.line[:, None]
        + (radii[..., 0] * np.cos(angle))[..., None] * loft.axes[0]
        + (radii[..., 1] * np.sin(angle))[..., None] * loft.axes[1]
    )
    around = np.roll(grid[:, :-1], -1, axis=1) - np.roll(grid[:, :-1], 1, axis=1)
    around = np.concatenate([around, around[:, :1]], axis=1)
    normals = np.cross(np.gradient(grid, axis=0), around)
    normals /= np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-12)
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(loft.line, axis=0), axis=1))])
    v = length / max(length[-1], 1e-9)
    left, top, right, bottom = loft.window
    u_grid, v_grid = np.meshgrid(left + (right - left) * angle / (2 * np.pi), top + (bottom - top) * v)
    index = np.arange(rows * (_SEGMENTS + 1), dtype=np.int32).reshape(rows, -1)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    triangles = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    joints, weights = _weights(loft, v)
    repeat = _SEGMENTS + 1
    all_joints: Indices = np.repeat(joints, repeat, axis=0).astype(np.int32)
    all_weights = np.repeat(weights, repeat, axis=0)
    if loft.drape is not None:
        _drape(
            all_joints, all_weights, loft.drape, np.repeat(v - loft.starts[-1], repeat), np.tile(np.cos(angle), rows)
        )
    return (
        grid.reshape(-1, 3),
        normals.reshape(-1, 3),
        np.stack([u_grid, v_grid], axis=-1).reshape(-1, 2),
        all_joints,
        all_weights,
        triangles,
    )


def _weights(loft: Loft, place: Vector) -> tuple[NDArray[np.int64], Vector]:
    """Return joints and weights (rows, 4): along the line one bone hands over to the next."""
    begun = np.clip((place[:, None] - np.array(loft.starts)) / loft.blend + 0.5, 0.0, 1.0)
    begun[:, 0] = 1.0
    share = begun - np.concatenate([begun[:, 1:], np.zeros((len(place), 1))], axis=1)
    share = np.clip(share, 0.0, None)
    order = np.argsort(-share, axis=1)[:, :4]
    weights = np.zeros((len(place), 4))
    joints = np.zeros((len(place), 4), np.int64)
    weights[:, : order.shape[1]] = np.take_along_axis(share, order, axis=1)
    joints[:, : order.shape[1]] = np.array(loft.bones)[order]
    return joints, weights / weights.sum(axis=1, keepdims=True)


def _drape(joints: Indices, weights: Vector, legs: tuple[int, int], below: Vector, towards_left: Vector) -> None:
    """Let the legs take over, by their sides, ``below`` (V,) the last bone; two bones at most have weights before."""
    taken = 0.85 * np.clip(below / 0.25, 0.0, 1.0)
    left = np.clip(0.5 + towards_left, 0.0, 1.0)
    weights[:, :2] *= (1.0 - taken)[:, None]
    joints[:, 2:] = legs
    weights[:, 2], weights[:, 3] = taken * left, taken * (1.0 - left)
