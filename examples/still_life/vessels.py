"""What was thrown on a wheel, and a turned candlestick."""

from __future__ import annotations

import numpy as np

from . import materials as m
from .shaders import srgb
from .shapes import add, lathe, outline, tube


def pottery() -> None:
    """A painted jug, a speckled vase and a green bottle."""
    jug = m.painted(
        "jug", "e9e2cf", "27477f", ((0.018, 0.004), (0.031, 0.0015), (0.150, 0.0035), (0.222, 0.004)), (0.090, 0.040)
    )
    profile = outline(
        "0 4, 45 0, 52 6, 70 50, 78 100, 66 150, 45 185, 43 205, 52 235, 49 236, 40 206, 40 180, 50 150, 0 60"
    )
    data = lathe("jug", profile, wobble=0.006)
    for vertex in data.vertices:  # the lip is drawn out towards -x
        if vertex.co.z > 0.2:
            pull = (vertex.co.z - 0.2) / 0.036 * max(0.0, -vertex.co.x / 0.05) ** 3
            vertex.co.x -= 0.016 * pull
            vertex.co.z += 0.008 * pull
    body = add("jug", data, jug, (0.165, 0.175, 0.003), (0, 0, np.radians(-28)))
    handle = [
        (0.040, 0, 0.215),
        (0.075, 0, 0.222),
        (0.104, 0, 0.195),
        (0.106, 0, 0.150),
        (0.088, 0, 0.110),
        (0.066, 0, 0.092),
    ]
    add("handle", tube("handle", handle, lambda t: 0.0085 - 0.002 * np.sin(np.pi * t)), jug).parent = body

    vase = m.glaze("vase", "b9b39a", "7d8a82", "8a6246", edge=0.05)
    profile = outline(
        "0 4, 40 0, 50 10, 66 60, 64 100, 44 145, 26 172, 26 190, 34 205, 30 206, 21 190, 20 170, 30 140, 0 50"
    )
    add("vase", lathe("vase", profile, wobble=0.01), vase, (-0.275, 0.205, 0.003))

    green = m.glaze("bottle", "1f4a38", "0f2a24", "7b5136", edge=0.022, gloss=0.12)
    profile = outline(
        "0 3, 36 0, 41 6, 42 60, 42 140, 36 175, 18 205, 14.5 225, 14.5 262, 18 266, 18 277, 14.5 281, "
        "10 278, 9 240, 0 200"
    )
    add("bottle", lathe("bottle", profile), green, (-0.035, 0.285, 0.0))
    cork = m.terracotta("cork")
    add(
        "cork",
        lathe("cork", [(0.0, 0.0), (0.0095, 0.0), (0.0105, 0.022), (0.009, 0.024), (0.0, 0.0245)], 30, 24),
        cork,
        (-0.035, 0.285, 0.268),
    )


def candle() -> None:
    """A brass candlestick with a burnt candle."""
    brass = m.metal("brass", srgb("c79a4b"), 0.3)
    spot = (0.045, 0.345, 0.0)
    profile = outline(
        "0 0, 46 0, 48 4, 36 11, 14 18, 8.5 30, 14 45, 8 60, 7 100, 13 115, 8 125, 15 140, 20 150, 14 153, 0 150"
    )
    add("candlestick", lathe("candlestick", profile, 140), brass, spot)
    wax = m.fruit("wax", ("d8c9a0", "e9dfc2", "f2ebd6"), 150.0, 0.4, 0.5)
    add(
        "candle",
        lathe(
            "candle",
            [(0.0, 0.0), (0.011, 0.0), (0.0112, 0.05), (0.0108, 0.125), (0.009, 0.131), (0.004, 0.127), (0.0, 0.126)],
            40,
            32,
            0.02,
        ),
        wax,
        (0.045, 0.345, 0.150),
    )
    char = m.metal("wick", (0.02, 0.02, 0.02), 0.8)
    add("wick", tube("wick", [(0, 0, 0), (0.0006, 0, 0.006), (0.003, 0, 0.012)], 0.0009), char, (0.045, 0.345, 0.276))
