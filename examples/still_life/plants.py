"""Eucalyptus in the vase."""

from __future__ import annotations

import numpy as np
from mathutils import Matrix, Vector

from . import materials as m
from .shapes import add, leaf_blade, tube


def branches(rng: np.random.Generator) -> None:
    """Eucalyptus in the vase: thin stems, paired leaves."""
    bark = m.wood("twig", "4b3423", "8a6a4a", scale=6)
    greens = [
        m.leaf(f"leaf {index}", dark, light)
        for index, (dark, light) in enumerate((("4c6650", "86a083"), ("5c7a68", "9db3a0"), ("6d7a4e", "a9ad7a")))
    ]
    mouth = np.array([-0.275, 0.205, 0.20])
    for sway, lean, length in (
        (-0.16, 0.02, 0.23),
        (-0.07, -0.06, 0.29),
        (0.03, 0.05, 0.33),
        (0.13, -0.03, 0.27),
        (0.21, 0.04, 0.22),
        (-0.02, -0.10, 0.20),
    ):
        tip = mouth + np.array([sway, lean, length])
        knots = [
            mouth + np.array([0, 0, -0.09]),
            mouth,
            mouth + np.array([0.28 * sway, 0.28 * lean, 0.40 * length]),
            mouth + np.array([0.65 * sway, 0.65 * lean, 0.78 * length]),
            tip,
        ]
        stem = tube("twig", knots, lambda t: 0.0021 - 0.0012 * t)
        path = np.array([point.co[:3] for point in stem.splines[0].points])
        add("twig", stem, bark)
        for number, place in enumerate(np.linspace(0.36, 0.99, int(length / 0.021))):
            index = min(int(place * (len(path) - 1)), len(path) - 2)
            forward = Vector(path[index + 1] - path[index]).normalized()
            spin = number * 1.6 + rng.normal(0, 0.25)
            for side in (0.0, np.pi):
                small = 1.1 - 0.65 * place + rng.normal(0, 0.08)
                blade = leaf_blade(
                    "leaf", 0.048 * small, 0.036 * small, rng.uniform(0.05, 0.35), rng.uniform(0.05, 0.35)
                )
                frame = forward.to_track_quat("Z", "Y").to_matrix().to_4x4()
                pitch = rng.uniform(0.25, 0.75)
                turn = Matrix.Rotation(spin + side, 4, "Z") @ Matrix.Rotation(pitch, 4, "X")
                leaf = add("leaf", blade, greens[int(rng.integers(3))])
                leaf.matrix_world = (
                    Matrix.Translation(Vector(path[index])) @ frame @ turn @ Matrix.Translation((0, 0.004, 0))
                )
