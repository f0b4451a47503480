"""Where the cameras stand: rows, grids, arcs, domes, walks, scaled to a wanted span of disparity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inference.camera import Camera

from .layouts import Stage
from .world import Vector

Random = np.random.Generator


@dataclass(frozen=True, eq=False)
class Rig:
    """A target and its candidates, nearest centre first."""

    target: Camera
    sources: list[Camera]
    span: float


@dataclass(frozen=True, eq=False)
class Plan:
    """A rig that still has to be scaled.

    Args:
        offsets: (N, 3) right, up, forward, for scale 1: the farthest at about 1.
        orbit: Whether offsets are angles around the focus (and a share of the distance), or lengths.
        converge: 0: all look the same way, 1: all look at the focus.
        wobble: (N, 3) small rotations in radians: right, up, roll.
        lenses: (N, 6) width, height, fx, fy, cx, cy of each source.
        limit: Largest angle between a source and the target seen from the focus, in radians.
    """

    offsets: Vector
    orbit: bool
    converge: float
    wobble: Vector
    lenses: Vector
    limit: float


def look(position: Vector, towards: Vector, wobble: Vector) -> Vector:
    """Return the world-to-camera 4x4 at ``position`` looking along ``towards``, z up, then turned by a vector."""
    forward = towards / np.linalg.norm(towards)
    up = np.array([0.0, 0.0, 1.0]) if abs(forward[2]) < 0.98 else np.array([1.0, 0.0, 0.0])
    right = np.cross(forward, up)
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = turn(wobble) @ np.stack([right, np.cross(forward, right), forward])
    pose[:3, 3] = -pose[:3, :3] @ position
    return pose


def turn(angles: Vector) -> Vector:
    """Return the rotation (3, 3) of a rotation vector (3,), by Rodrigues' formula."""
    angle = float(np.linalg.norm(angles))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = angles / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    rotation: Vector = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)
    return rotation


def random_lens(random: Random, stage: Stage, side: int) -> Vector:
    """Return width, height, fx, fy, cx, cy of a photograph whose longer side is ``side`` pixels."""
    aspect = random.choice([4 / 3, 4 / 3, 3 / 2, 16 / 9, 1.0])
    width, height = side, round(side / aspect)
    focal = np.exp(random.uniform(*np.log(stage.focal))) / 36.0 * side
    if random.random() < 0.25:
        width, height = height, width
    square = 1.0 + (random.normal(0, 0.004) if random.random() < 0.3 else 0.0)
    cx, cy = width / 2 + random.normal(0, 0.006) * side, height / 2 + random.normal(0, 0.006) * side
    return np.array([width, height, focal, focal * square, cx, cy])


def random_plan(random: Random, lens: Vector, count: int) -> Plan:
    """Return a rig of at least ``count`` sources around the target at offset 0."""
    total = count + int(random.integers(0, 3))
    kind = str(random.choice(["scatter", "row", "grid", "dome", "walk"], p=[0.25, 0.25, 0.15, 0.2, 0.15]))
    offsets = np.zeros((total, 3))
    orbit = kind == "dome" or (kind == "row" and random.random() < 0.5)
    if kind == "row":
        start = -random.choice([total // 2, total // 2, total // 2 - 1, 0]) + random.uniform(0.0, 1.0)
        steps = start + np.arange(total)
        if random.random() < 0.5:  # the target is one of the row, held out
            steps = np.array([step for step in range(-total, total + 1) if step != 0])
            steps = np.sort(steps[np.argsort(np.abs(steps), kind="stable")][:total])
        direction = random.normal(0, 0.15) + random.choice([0.0, 0.0, np.pi / 2, random.uniform(0, np.pi)])
        offsets[:, 0], offsets[:, 1] = np.cos(direction) * steps, np.sin(direction) * steps
    elif kind == "grid":
        cell = random.uniform(0.0, 1.0, 2)
        grid = np.array([[i, j] for i in range(-1, 3) for j in range(-1, 3)]) - cell
        offsets[:, :2] = grid[np.argsort(np.linalg.norm(grid, axis=1))][:total]
    elif kind == "walk":
        steps = np.sort(random.uniform(-1.0, 1.0, total))
        heading = random.uniform(0, 2 * np.pi)
        offsets[:, 0], offsets[:, 2] = np.cos(heading) * steps, 0.7 * np.sin(heading) * steps
        offsets[:, :2] += random.normal(0, 0.2, (total, 2))
    else:
        angle = random.uniform(0, 2 * np.pi) + np.arange(total) * 2 * np.pi / total + random.normal(0, 0.6, total)
        radius = random.uniform(0.25, 1.0, total) if random.random() < 0.7 else np.exp(random.uniform(-2.5, 0, total))
        offsets[:, 0], offsets[:, 1] = radius * np.cos(angle), radius * np.sin(angle) * random.uniform(0.3, 1.0)
        if random.random() < 0.25:  # the target at the rim
            offsets[:, :2] -= offsets[int(random.integers(total)), :2] * random.uniform(0.5, 1.2)
    offsets += random.normal(0, random.choice([0.0, 0.04, 0.12]), offsets.shape)
    offsets /= np.linalg.norm(offsets, axis=1).max() + 1e-9
    lenses = np.tile(lens, (total, 1))
    if random.random() < 0.2:
        lenses[:, 2:4] *= np.exp(random.normal(0, 0.03, (total, 1)))
    return Plan(
        offsets=offsets,
        orbit=orbit,
        converge=float(random.choice([0.0, 0.5, 1.0, 1.0])) if not orbit else 1.0,
        wobble=random.normal(0, 1.0, (total, 3)) * random.choice([0.003, 0.02, 0.05]) * [1, 1, 0.5],
        lenses=lenses,
        limit=float(np.radians(random.uniform(12, 30) if random.random() < 0.6 else random.uniform(30, 48))),
    )


def place(stage: Stage, plan: Plan, scale: float) -> tuple[Vector, Vector]:
    """Return positions (N, 3) and viewing directions (N, 3) of the sources at a scale."""
    axis = stage.focus - stage.position
    distance = float(np.linalg.norm(axis))
    forward = axis / distance
    right = np.cross(forward, [0.0, 0.0, 1.0] if abs(forward[2]) < 0.98 else [1.0, 0.0, 0.0])
    right /= np.linalg.norm(right)
    up = np.cross(right, forward)
    u, v, w = scale * plan.offsets.T
    if plan.orbit:
        a, b = u / distance, v / distance
        back = (
            np.outer(np.cos(a) * np.cos(b), forward) - np.outer(np.sin(a) * np.cos(b), right) - np.outer(np.sin(b), up)
        )
        positions = stage.focus - distance * back * (1.0 - np.clip(w / distance, -0.3, 0.3))[:, None]
    else:
        positions = stage.position + np.outer(u, right) + np.outer(v, up) + np.outer(w, forward)
    positions = np.clip(positions, stage.low, stage.high)
    to_focus = stage.focus - positions
    to_focus /= np.linalg.norm(to_focus, axis=1, keepdims=True)
    return positions, forward + plan.converge * (to_focus - forward)


def nearest(stage: Stage, positions: Vector, count: int) -> list[int]:
    """Return the numbers of the ``count`` positions nearest to the target's, nearest first."""
    order: list[int] = np.argsort(np.linalg.norm(positions - stage.position, axis=1), kind="stable").tolist()
    return order[:count]


def disparity_span(ends: Vector, pose: Vector, lens: Vector) -> float:
    """Return the pixels between the projections of ``ends`` (2, 3); infinite where one is behind the camera."""
    local = ends @ pose[:3, :3].T + pose[:3, 3]
    if local[:, 2].min() <= 1e-3 * local[:, 2].max():
        return float("inf")
    pixel = local[:, :2] / local[:, 2:] * lens[2:4]
    return float(np.linalg.norm(pixel[1] - pixel[0]))


def camera_of(lens: Vector, pose: Vector) -> Camera:
    """Return the camera of ``lens`` (width, height, fx, fy, cx, cy) and world-to-camera ``pose`` (4, 4)."""
    width, height, fx, fy, cx, cy = lens.tolist()
    return Camera(int(width), int(height), fx, fy, cx, cy, pose)


def build_rig(stage: Stage, plan: Plan, target: Camera, near: float, far: float, count: int, wanted: float) -> Rig:
    """Scale a plan so that the widest of its ``count`` nearest sources spans ``wanted`` pixels of disparity.

    Stays below where the plan's limit of angle or the stage's bounds ask for it.
    """
    ends = target.unproject(np.array([[target.width / 2, target.height / 2]] * 2), np.array([near, far]))
    distance = float(np.linalg.norm(stage.focus - stage.position))

    def spanned(scale: float) -> tuple[float, Vector, Vector, list[int]]:
        positions, towards = place(stage, plan, scale)
        chosen = nearest(stage, positions, count)
        span = max(disparity_span(ends, look(positions[i], towards[i], plan.wobble[i]), plan.lenses[i]) for i in chosen)
        return span, positions, towards, chosen

    low, high = 1e-4 * distance, 2.0 * distance * float(np.tan(plan.limit / 2))
    # Offsets of the nearest are shorter than 1: let them reach the limit of angle.
    high /= max(0.2, float(np.sort(np.linalg.norm(plan.offsets, axis=1))[min(count, len(plan.offsets)) - 1]))
    if spanned(high)[0] > wanted:
        for _ in range(12):
            middle = float(np.sqrt(low * high))
            low, high = (middle, high) if spanned(middle)[0] < wanted else (low, middle)
    span, positions, towards, chosen = spanned(high)
    sources = [camera_of(plan.lenses[i], look(positions[i], towards[i], plan.wobble[i])) for i in chosen]
    return Rig(target, sources, span)
