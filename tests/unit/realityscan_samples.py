"""What the samples of RealityScan are written from, and where its documentation says that their cameras see."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tests.unit.capture_samples import HEIGHT, WIDTH, local

FOCAL = 60.0 / WIDTH
PRINCIPAL = (-0.02, 0.015)
# k1 k2 k3 k4 t1 t2
LENSES: dict[str, tuple[float, ...]] = {
    "none": (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    "division": (0.07, 0.0, 0.0, 0.0, 0.0, 0.0),
    "brown3": (0.05, -0.02, 0.003, 0.0, 0.0, 0.0),
    "brown3t2": (0.05, -0.02, 0.003, 0.0, 0.002, -0.004),
    "brown4": (0.05, -0.02, 0.003, -0.004, 0.0, 0.0),
    "brown4t2": (0.05, -0.02, 0.003, -0.004, 0.002, -0.004),
}


def bound(lens: str) -> float:
    """Return the pixels that a camera may be off: a fourth radial term is fitted."""
    return 1e-4 if LENSES[lens][3] else 1e-9


def projected(index: int, lens: str) -> NDArray[np.float64]:
    """Return the pixels of the points: the reference's lens, then its normalized coordinates, then its pixels."""
    x, y = (local(index)[:, :2] / local(index)[:, 2:]).T
    k1, k2, k3, k4, t1, t2 = LENSES[lens]
    r2 = x * x + y * y
    if lens == "division":
        x, y = x / (1 + k1 * r2), y / (1 + k1 * r2)
    else:
        factor = k1 * r2 + k2 * r2**2 + k3 * r2**3 + k4 * r2**4
        x, y = (
            x + x * factor + t2 * (2 * x * y) + t1 * (r2 + 2 * x * x),
            y + y * factor + t1 * (2 * x * y) + t2 * (r2 + 2 * y * y),
        )
    normalized = np.column_stack([FOCAL * x + PRINCIPAL[0], FOCAL * y + PRINCIPAL[1]])
    return normalized * max(WIDTH, HEIGHT) + [WIDTH / 2, HEIGHT / 2]
