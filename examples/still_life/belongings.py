"""Books, cutlery, spectacles."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from mathutils import Vector

from . import materials as m
from .fruit import one_fruit
from .shaders import srgb
from .shapes import add, box, group, mesh, outline, ring, tube


def books() -> None:
    """Three books, spines to the viewer, titles stamped in gold."""
    gold = m.metal("gold", srgb("d9a94a"), 0.35)
    paper = m.pages("paper")
    height = 0.003
    for title, colour, size, turn in (
        ("PERSPECTIVE", "5d1a1c", (0.235, 0.165, 0.038), 8.0),
        ("ON LIGHT AND SHADE", "1d4450", (0.215, 0.150, 0.027), -5.0),
        ("POTTERY", "b5822c", (0.185, 0.130, 0.031), 14.0),
    ):
        width, depth, thickness = size
        cover = m.bookcloth(title, colour)
        parts = [
            add("block", box("block", (width - 0.008, depth - 0.008, thickness - 0.006), 0.001), paper, (0, 0.001, 0)),
            add("front", box("front", (width, depth, 0.003), 0.0012), cover, (0, 0, thickness / 2 - 0.0015)),
            add("back", box("back", (width, depth, 0.003), 0.0012), cover, (0, 0, -thickness / 2 + 0.0015)),
            add("spine", box("spine", (width, 0.006, thickness), 0.0025), cover, (0, -depth / 2 + 0.001, 0)),
        ]
        for x in (-0.42, -0.36, 0.36, 0.42):
            parts.append(
                add(
                    "band",
                    box("band", (0.0022, 0.007, thickness * 0.93), 0.0004),
                    gold,
                    (x * width, -depth / 2 + 0.0009, 0),
                )
            )
        text: Any = bpy.data.curves.new("title", "FONT")
        text.body, text.size, text.extrude = title, thickness * 0.55 if len(title) < 12 else thickness * 0.42, 0.0004
        text.align_x, text.align_y = "CENTER", "CENTER"
        parts.append(add("title", text, gold, (0, -depth / 2 - 0.0022, 0), (np.radians(90), 0, 0)))
        group(title, parts, (0.345, 0.115, height + thickness / 2), (0, 0, np.radians(turn)))
        height += thickness
    one_fruit("pear", Vector((0.335, 0.105, height + 0.0395)), (0.06, -0.08, 2.1))


def cutlery() -> None:
    """A knife and a fork, side by side."""
    silver = m.metal("silver", (0.78, 0.76, 0.72), 0.22)
    horn = m.wood("horn", "2b1a10", "6a4526", scale=7)
    for name, x in (("knife", 0.0), ("fork", 0.034)):
        parts = [add("grip", box("grip", (0.013, 0.082, 0.009), 0.0032), horn, (0, -0.005, 0.005))]
        parts += [
            add("rivet", box("rivet", (0.003, 0.003, 0.0098), 0.0007), silver, (0, y, 0.005)) for y in (-0.028, 0.014)
        ]
        if name == "knife":
            profile = outline("-6 34, 5 34, 7.5 50, 8.5 100, 6 132, -2 144, -6.2 130")
            top = [(px, py, 0.0056) for px, py in profile]
            bottom = [(px, py, 0.0044) for px, py in profile]
            count = len(profile)
            faces = [tuple(range(count)), tuple(reversed(range(count, 2 * count)))]
            faces += [(i, count + i, count + (i + 1) % count, (i + 1) % count) for i in range(count)]
            parts.append(add("blade", mesh("blade", top + bottom, faces, smooth=False), silver))
        else:
            neck = [(0, 0.030, 0.005), (0, 0.055, 0.004), (0, 0.078, 0.003), (0, 0.088, 0.0035)]
            parts.append(add("neck", tube("neck", neck, lambda t: 0.0034 + 0.0022 * t), silver))
            for tine in (-0.009, -0.003, 0.003, 0.009):
                line = [(0.4 * tine, 0.084, 0.0035), (tine, 0.097, 0.003), (tine, 0.118, 0.0055), (tine, 0.136, 0.0095)]
                parts.append(add("tine", tube("tine", line, lambda t: 0.0017 - 0.0007 * t), silver))
        group(name, parts, (-0.285 + x, -0.235 + 0.35 * x, 0.004), (0, 0, np.radians(-24)))


def spectacles() -> None:
    """Wire spectacles in front of the books: nothing in the scene is thinner."""
    wire = m.metal("wire", srgb("b98d3e"), 0.3)
    parts = []
    for sign in (-1, 1):
        rim = [(x + sign * 0.030, 0.0, z + 0.022) for x, z, _ in ring(0.021)]
        parts.append(add("rim", tube("rim", rim, 0.0011, cyclic=True), wire))
        arm = [
            (sign * 0.051, 0.0, 0.026),
            (sign * 0.058, -0.004, 0.026),
            (sign * 0.060, -0.05, 0.020),
            (sign * 0.059, -0.10, 0.012),
            (sign * 0.056, -0.122, 0.001),
        ]
        parts.append(add("arm", tube("arm", arm, 0.0010), wire))
    bridge = [(-0.0095, 0, 0.026), (-0.005, 0.003, 0.032), (0.005, 0.003, 0.032), (0.0095, 0, 0.026)]
    parts.append(add("bridge", tube("bridge", bridge, 0.0011), wire))
    group("spectacles", parts, (0.315, -0.075, 0.0045), (0, 0, np.radians(198)))
