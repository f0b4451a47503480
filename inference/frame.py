"""What a synthesis returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .camera import Camera

Plane = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Frame:
    """A synthesized picture and what it rests on.

    Args:
        camera: The target it was made for.
        rgb: H x W x 3 sRGB display-referred RGB in [0, 1], not multiplied by alpha.
        alpha: H x W in [0, 1]; 0 where no source sees anything, or only what its mask excludes.
        depth: H x W along the optical axis in scene units, infinite where there is nothing.
        confidence: H x W in [0, 1]: how much the sources agree on the depth.
        metadata: What makes the result reproducible, as plain JSON: ``method``, ``weights`` (hash), ``sources`` and
            ``skipped`` (name and reason each), ``seconds`` per stage, ``plane_step`` in pixels of the widest source,
            ``device``, ``warnings``; the worker adds ``memory`` (``inference/memory.py``).
    """

    camera: Camera
    rgb: NDArray[np.float32] = field(repr=False)
    alpha: Plane = field(repr=False)
    depth: Plane = field(repr=False)
    confidence: Plane = field(repr=False)
    metadata: dict[str, Any] = field(repr=False)

    def __post_init__(self) -> None:
        size = (self.camera.height, self.camera.width)
        for name, shape in (("rgb", (*size, 3)), ("alpha", size), ("depth", size), ("confidence", size)):
            array = getattr(self, name)
            if array.shape != shape or array.dtype != np.float32:
                raise ValueError(f"{name} is {array.dtype} {array.shape}, expected float32 {shape}")
