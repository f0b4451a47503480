"""Meshes of the still life: turned, swept, cut, woven. Metres, z up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import bpy
import numpy as np
from mathutils import Vector

Point = Any  # three numbers: a tuple, a Vector, an Euler, an array


def add(name: str, data: Any, material: Any, location: Point = (0, 0, 0), turn: Point = (0, 0, 0)) -> Any:
    """Link a data-block with a material into the scene and return its object; ``turn`` in radians."""
    data.materials.append(material)
    thing = place(name, data)
    thing.location, thing.rotation_euler = location, turn
    return thing


def place(name: str, data: Any = None) -> Any:
    """Link a new object into the scene: an empty where it has no data."""
    thing: Any = bpy.data.objects.new(name, data)
    scene: Any = bpy.context.scene
    scene.collection.objects.link(thing)
    return thing


def group(name: str, pieces: Iterable[Any], location: Point, turn: Point) -> Any:
    """Hang pieces on an empty and move it to its place."""
    holder = place(name)
    holder.location, holder.rotation_euler = location, turn
    for piece in pieces:
        piece.parent = holder
    return holder


def mesh(name: str, vertices: Any, faces: Any, smooth: bool = True) -> Any:
    """Make a mesh from vertices and faces."""
    data = bpy.data.meshes.new(name)
    data.from_pydata([tuple(map(float, vertex)) for vertex in vertices], [], [tuple(map(int, face)) for face in faces])
    data.shade_smooth() if smooth else data.shade_flat()
    data.update()
    return data


def outline(text: str) -> list[tuple[float, float]]:
    """Return a profile for :func:`lathe` from pairs of radius and height in millimetres: ``"0 4, 45 0, 52 6"``."""
    pairs = [pair.split() for pair in text.split(",")]
    return [(float(radius) / 1000, float(height) / 1000) for radius, height in pairs]


def spline(points: Iterable[Iterable[float]], samples: int) -> Any:
    """Return (samples, n) points of the Catmull-Rom curve through ``points``, by their index."""
    knots = np.array([tuple(point) for point in points], dtype=float)
    knots = np.vstack([2 * knots[0] - knots[1], knots, 2 * knots[-1] - knots[-2]])
    place = np.linspace(0, len(knots) - 3 - 1e-9, samples)
    index = place.astype(int)
    t = (place - index)[:, None]
    a, b, c, d = (knots[index + offset] for offset in range(4))
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)


def lathe(
    name: str, profile: Sequence[tuple[float, float]], samples: int = 90, around: int = 72, wobble: float = 0.0
) -> Any:
    """Turn a profile of (radius, height) about z; ``wobble`` makes it hand-made (share of the radius)."""
    curve = spline(profile, samples)
    angle = np.linspace(0, 2 * np.pi, around, endpoint=False)
    radius = np.maximum(curve[:, :1], 1e-4)
    uneven = 1 + wobble * np.sin(2 * angle + 40 * curve[:, 1:]) + 0.5 * wobble * np.sin(3 * angle - 25 * curve[:, 1:])
    x, y = radius * uneven * np.cos(angle), radius * uneven * np.sin(angle)
    z = np.broadcast_to(curve[:, 1:], x.shape)
    return grid(name, np.stack([x, y, z], axis=-1), closed=True)


def grid(name: str, points: Any, closed: bool = False) -> Any:
    """Make a mesh of a (rows, columns, 3) lattice with UVs 0..1; ``closed`` joins the last column to the first."""
    rows, columns = points.shape[:2]
    index = np.arange(rows * columns).reshape(rows, columns)
    right = np.roll(index, -1, axis=1)
    last = columns if closed else columns - 1
    quads = np.stack([index[:-1, :last], right[:-1, :last], right[1:, :last], index[1:, :last]], axis=-1).reshape(-1, 4)
    data = mesh(name, points.reshape(-1, 3), quads)
    u, v = np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows))
    uv = np.stack([u, v], axis=-1).reshape(-1, 2)
    data.uv_layers.new(name="UVMap").data.foreach_set("uv", uv[quads.reshape(-1)].astype(np.float32).reshape(-1))
    return data


def box(name: str, size: Point, bevel: float = 0.0) -> Any:
    """Make a box about the origin, its edges rounded by ``bevel``."""
    import bmesh  # only there once bpy is loaded

    body = bmesh.new()
    bmesh.ops.create_cube(body, size=1.0)
    bmesh.ops.scale(body, vec=Vector(size), verts=list(body.verts))
    if bevel:
        bmesh.ops.bevel(body, geom=body.edges[:], offset=bevel, segments=3, affect="EDGES", profile=0.5)
    data = bpy.data.meshes.new(name)
    body.to_mesh(data)
    body.free()
    return data


def tube(name: str, points: Sequence[Point], radius: float | Callable[[float], float], cyclic: bool = False) -> Any:
    """Sweep a round wire along a smooth curve; the radius may depend on the place 0..1 along it."""
    curve = bpy.data.curves.new(name, "CURVE")
    curve.dimensions = "3D"
    curve.bevel_depth, curve.bevel_resolution, curve.use_fill_caps = 1.0, 3, True
    path = spline(points, max(24, 10 * len(points)))
    line = curve.splines.new("POLY")
    line.points.add(len(path) - 1)
    for number, (knot, place) in enumerate(zip(line.points, path, strict=True)):
        knot.co = (*place, 1)
        knot.radius = radius(number / (len(path) - 1)) if callable(radius) else radius
    line.use_cyclic_u = cyclic
    line.use_smooth = True
    return curve


def ring(radius: float, count: int = 32, turn: float = 0.0) -> list[Point]:
    """Return points of a circle about z."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False) + turn
    return [(radius * float(np.cos(a)), radius * float(np.sin(a)), 0.0) for a in angle]


def leaf_blade(name: str, length: float, width: float, bend: float, cup: float) -> Any:
    """Make a leaf that grows along +y from the origin, bent down towards the tip and cupped along its rib."""
    v, u = np.meshgrid(np.linspace(0, 1, 14), np.linspace(-1, 1, 9), indexing="ij")
    half = width / 2 * np.sin(np.pi * np.clip(v, 0.02, 0.985) ** 0.8) ** 0.75
    x, y = u * half, v * length
    z = -bend * length * v**2 + cup * np.abs(u) ** 1.6 * half
    return grid(name, np.stack([x, y, z], axis=-1))


def cloth(
    name: str,
    size: tuple[float, float],
    lay: Callable[[Any], Any],
    weights: Sequence[tuple[float, float, float]],
    rng: np.random.Generator,
) -> Any:
    """Make a cloth of ``size`` metres lying in folds, with UVs in metres.

    Args:
        name: Of the mesh.
        size: Width and length.
        lay: Turns (..., 2) points of the cloth into the plane of the table.
        weights: Discs (x, y, radius) on the table that hold the cloth flat.
        rng: Of the folds.
    """
    rows, columns = 420, 260
    u, v = np.meshgrid(np.linspace(0, size[0], columns), np.linspace(0, size[1], rows))
    flat = lay(np.stack([u, v], axis=-1))
    height = np.zeros_like(u)
    for _ in range(14):  # long soft folds, each a bent ridge of its own direction and width
        angle, along = rng.uniform(0, np.pi), rng.uniform(0.0, 1.0, 2) * size
        direction = np.array([np.cos(angle), np.sin(angle)])
        offset = np.stack([u, v], axis=-1) - along
        across = offset @ direction + 0.03 * np.sin(18 * (offset @ [-direction[1], direction[0]]) + rng.uniform(0, 6))
        reach = np.exp(-((offset @ [-direction[1], direction[0]] / rng.uniform(0.07, 0.22)) ** 2))
        height += rng.uniform(0.006, 0.019) * reach * np.exp(-((across / rng.uniform(0.008, 0.02)) ** 2))
    for x, y, radius in weights:
        distance = np.hypot(flat[..., 0] - x, flat[..., 1] - y)
        height *= np.clip((distance - radius) / 0.045, 0, 1) ** 1.5
    ripple = 0.0006 * (np.sin(90 * u + 31 * v) + np.sin(47 * v - 60 * u + 1.3))
    points = np.dstack([flat, 0.0025 + height + np.abs(ripple)])
    data = grid(name, points)
    layer = data.uv_layers["UVMap"].data
    uv = np.empty(len(layer) * 2, dtype=np.float32)
    layer.foreach_get("uv", uv)
    layer.foreach_set("uv", (uv.reshape(-1, 2) * np.asarray(size, dtype=np.float32)).reshape(-1))
    return data
