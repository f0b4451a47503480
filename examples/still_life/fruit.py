"""Fruit in the bowl and beside it, grapes, walnuts, fallen leaves."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from mathutils import Vector

from . import materials as m
from .shapes import Point, add, lathe, leaf_blade, outline, place, tube

# Half outlines in millimetres: radius and height of points from the lower pole to the upper one.
PROFILES = {
    "orange": "0 -36.5, 12 -36.8, 30 -24, 38.5 0, 30 25, 10 36.2, 0 35",
    "apple": "0 -26, 10 -31, 26 -26, 37.5 4, 32 26, 14 34, 4 26, 0 24",
    "lemon": "0 -46, 6 -43, 12 -36, 24 -22, 28.5 0, 24 21, 12 34, 7 43, 0 45",
    "pear": "0 -38, 12 -40, 32 -30, 38.5 -6, 30 22, 18 45, 13 58, 4 64, 0 62",
}
# Three tones, pores a metre, share of streaks, roughness.
SKINS = {
    "orange": (("c85a10", "e8841c", "f2a33a"), 330.0, 0.0, 0.4),
    "apple": (("8f1d1a", "b5342a", "d9a545"), 190.0, 0.55, 0.25),
    "lemon": (("c99a12", "e8c22e", "f0d75c"), 300.0, 0.0, 0.4),
    "pear": (("8a8a2c", "b9b24a", "c98f4e"), 260.0, 0.3, 0.45),
}


def bowl_of_fruit(rng: np.random.Generator) -> None:
    """A clay bowl with oranges, apples and a lemon."""
    profile = outline("0 4, 38 0, 42 6, 66 22, 98 58, 106 75, 110 79, 106 80.5, 94 60, 62 28, 0 16")
    centre = Vector((-0.095, 0.02, 0.003))
    add("bowl", lathe("bowl", profile, wobble=0.008), m.terracotta("terracotta"), centre)
    for kind, offset in (
        ("orange", (-0.048, -0.026, 0.062)), ("apple", (0.030, -0.045, 0.062)), ("orange", (0.052, 0.026, 0.062)),
        ("apple", (-0.020, 0.048, 0.064)), ("lemon", (-0.004, -0.004, 0.108)),
    ):  # fmt: skip
        turn = rng.uniform(-0.5, 0.5, 3)
        one_fruit(kind, centre + Vector(offset), (float(turn[0]), float(turn[1]), float(rng.uniform(0, 6.28))))


def one_fruit(kind: str, centre: Vector, turn: Point) -> None:
    """Add a fruit about ``centre`` with a stem where it has one."""
    skin = bpy.data.materials.get(kind) or m.fruit(kind, *SKINS[kind])
    body = add(kind, lathe(kind, outline(PROFILES[kind]), 60, 56, wobble=0.012), skin, centre, turn)
    if kind == "lemon":
        body.rotation_euler = (np.radians(82), 0.2, turn[2])
    top = {"apple": 0.024, "pear": 0.061}.get(kind)
    if top is not None:
        stem = [(0, 0, top - 0.004), (0.001, 0, top + 0.008), (0.005, 0.001, top + 0.018), (0.007, 0.002, top + 0.024)]
        bark = bpy.data.materials.get("stem") or m.wood("stem", "2c1d10", "5a4226", scale=8)
        add("stem", tube("stem", stem, lambda t: 0.0013 + 0.0008 * t), bark).parent = body


def grapes(rng: np.random.Generator) -> None:
    """A bunch of grapes that lies on the cloth."""
    skin = m.fruit("grape", ("2f1530", "55254a", "8a4a66"), 120.0, 0.3, 0.3)
    bark = bpy.data.materials["stem"]
    berry = lathe("grape", [(0, -0.0105), (0.006, -0.0092), (0.0102, 0), (0.006, 0.0092), (0, 0.0105)], 24, 24)
    start = Vector((0.045, -0.195, 0.0))
    way = Vector((0.95, 0.3, 0.0)).normalized()
    side = Vector((-way.y, way.x, 0))
    placed: list[Vector] = []
    for _ in range(4000):
        t = rng.uniform(0, 1)
        reach = 0.045 * (1 - t) ** 0.7 + 0.006
        spot = start + way * (0.125 * t) + side * float(rng.uniform(-1, 1) * reach)
        spot.z = 0.0135 + float(rng.uniform(0, 1)) * 0.75 * reach
        if all((spot - other).length > 0.0172 for other in placed):
            placed.append(spot)
    for index, spot in enumerate(placed):
        data = berry if index == 0 else berry.copy()
        data.materials.clear()
        grape = add("grape", data, skin, spot, rng.uniform(0, 6.28, 3))
        grape.scale = (1, 1, float(rng.uniform(1.0, 1.18)))
    knots = [
        start + way * 0.03 + Vector((0, 0, 0.03)),
        start + Vector((0, 0, 0.045)),
        start - way * 0.03 + Vector((0, 0.004, 0.035)),
        start - way * 0.05 + Vector((0, 0.012, 0.018)),
    ]
    add("stalk", tube("stalk", knots, 0.0018), bark)


def loose_fruit(rng: np.random.Generator) -> None:
    """A pear and a lemon on the cloth; lost grapes, fallen leaves and walnuts on the table."""
    one_fruit("pear", Vector((-0.235, -0.065, 0.037)), (1.35, 0.25, 0.9))
    one_fruit("lemon", Vector((0.185, -0.055, 0.032)), (0.0, 0.0, 0.7))
    one_fruit("apple", Vector((-0.415, 0.03, 0.032)), (0.2, 0.1, 4.0))
    berry: Any = bpy.data.objects["grape"]
    for x, y in ((-0.02, -0.245), (0.215, -0.235), (0.01, -0.30)):
        lost = place("grape", berry.data)
        lost.location, lost.rotation_euler, lost.scale = (x, y, 0.0105), berry.rotation_euler, berry.scale
    for number, (x, y) in enumerate(
        ((-0.33, 0.075), (-0.12, -0.215), (-0.155, -0.315), (0.155, -0.315), (-0.345, -0.02))
    ):
        blade = leaf_blade("fallen leaf", 0.042, 0.03, float(rng.uniform(-0.15, 0.1)), float(rng.uniform(0.15, 0.4)))
        add(
            "fallen leaf",
            blade,
            bpy.data.materials[f"leaf {number % 3}"],
            (x, y, 0.0035),
            (0, 0, float(rng.uniform(0, 6.28))),
        )
    shell = m.fruit("walnut", ("6b4523", "a2743f", "c39a62"), 95.0, 0.4, 0.8)
    for x, y in ((0.315, -0.19), (0.355, -0.165), (-0.395, -0.115), (-0.43, -0.085)):
        nut = lathe(
            "walnut",
            [(0, -0.017), (0.008, -0.0155), (0.0155, -0.004), (0.0155, 0.006), (0.008, 0.0155), (0, 0.019)],
            40,
            40,
            0.05,
        )
        for vertex in nut.vertices:  # furrows
            angle = np.arctan2(vertex.co.y, vertex.co.x)
            vertex.co *= 1 + 0.035 * np.sin(9 * angle + 260 * vertex.co.z) * np.cos(190 * vertex.co.z)
        add("walnut", nut, shell, (x, y, 0.0155), rng.uniform(0, 6.28, 3))
