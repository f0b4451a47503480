"""The wall, the table, the cloth on it and the picture above it."""

from __future__ import annotations

from typing import Any

import numpy as np
from mathutils import Vector

from . import materials as m
from .shaders import srgb
from .shapes import add, box, cloth, group, tube

WALL = 0.52  # y of the wall


def room() -> None:
    """The wall and a table of boards."""
    wall = m.plaster("plaster", base="7f9089", worn="a9b3a6", deep="5d706d")
    add("wall", box("wall", (5, 0.05, 3.2)), wall, (0, WALL + 0.025, 0.6))
    for index, (y, depth) in enumerate(
        ((-0.47, 0.17), (-0.295, 0.17), (-0.12, 0.17), (0.055, 0.17), (0.23, 0.17), (0.405, 0.17))
    ):
        boards = m.wood(f"board {index}", "5d3a20", "a87a4a", scale=1 + 0.11 * index)
        add(
            f"board {index}",
            box(f"board {index}", (2.0, depth, 0.03), 0.003),
            boards,
            (0.13 * (index % 3) - 0.1, y, -0.015),
        )


def runner(rng: np.random.Generator) -> None:
    """A striped linen runner laid askew, with a fringe at its near end."""
    size, turn, origin = (0.48, 0.95), np.radians(62), np.array([0.47, -0.31])
    along = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])

    def lay(points: Any) -> Any:
        return points @ along + origin

    weights = (
        (-0.09, 0.01, 0.075),
        (0.17, 0.17, 0.07),
        (-0.27, 0.2, 0.06),
        (0.12, -0.17, 0.06),
        (-0.22, -0.17, 0.10),
        (0.33, 0.10, 0.14),
    )
    linen = m.linen("linen", "dccfb4", "2f5a80", "a8432f")
    add("runner", cloth("runner", size, lay, weights, rng), linen)
    thread = m.linen("thread", "d8cbae", "d8cbae", "d8cbae")
    for edge, way in ((0.0, -1.0), (size[1], 1.0)):
        for across in np.arange(0.004, size[0], 0.0075):
            length = rng.uniform(0.022, 0.034)
            bend = rng.normal(0, 0.006)
            start, middle, end = (
                lay(np.array([across + bend * step**2, edge + way * length * step])) for step in (0.0, 0.5, 1.0)
            )
            heights = (0.004, 0.0035, 0.0012)
            points = [(float(p[0]), float(p[1]), h) for p, h in zip((start, middle, end), heights, strict=True)]
            add("fringe", tube("fringe", points, 0.0011), thread)


def picture() -> None:
    """A framed landscape that hangs from a nail by its wire."""
    centre, width, height = Vector((0.20, WALL - 0.012, 0.445)), 0.31, 0.235
    parts = [add("canvas", box("canvas", (width, 0.006, height)), m.painting("oil"))]
    moulding = m.wood("frame", "3a2312", "8a6232", scale=5)
    edge = 0.024
    for x, z, size in (
        (0, (height + edge) / 2, (width + 2 * edge, 0.022, edge)),
        (0, -(height + edge) / 2, (width + 2 * edge, 0.022, edge)),
        ((width + edge) / 2, 0, (edge, 0.022, height)),
        (-(width + edge) / 2, 0, (edge, 0.022, height)),
    ):
        parts.append(add("moulding", box("moulding", size, 0.005), moulding, (x, -0.004, z)))
    slip = m.metal("slip", srgb("c9a258"), 0.4)
    for z in (-1, 1):
        parts.append(
            add("slip", box("slip", (width, 0.004, 0.005), 0.001), slip, (0, -0.005, z * (height / 2 - 0.002)))
        )
    steel = m.metal("steel", (0.3, 0.3, 0.3), 0.4)
    for sign in (-1, 1):
        line = [
            (sign * 0.11, 0.004, height / 2 + edge),
            (sign * 0.055, 0.004, height / 2 + edge + 0.045),
            (0, 0.004, height / 2 + edge + 0.09),
        ]
        parts.append(add("hanger", tube("hanger", line, 0.0011), steel))
    parts.append(
        add(
            "nail",
            tube("nail", [(0, 0.012, height / 2 + edge + 0.09), (0, -0.012, height / 2 + edge + 0.094)], 0.0028),
            steel,
        )
    )
    group("picture", parts, centre, (0, np.radians(1.2), 0))
