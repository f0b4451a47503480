"""A splat as the frame that every method returns."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..camera import Camera
from ..clock import Clock
from ..devices import choose_device
from ..frame import Frame
from ..gaussians import Gaussians
from .rasterize import Splat, rasterize

METHOD = "splatting"


def splat_frame(gaussians: Gaussians, target: Camera, device: str = "auto") -> Frame:
    """Render Gaussians for a camera, whose lens distortion is left out.

    Raises:
        BackendError: If there is no such device.
    """
    clock = Clock()
    chosen = choose_device(device)
    target = target.ideal
    with clock.stage("splatting"):
        splat = rasterize(gaussians, target, device=chosen)
    metadata: dict[str, Any] = {
        "method": METHOD,
        "weights": None,
        "device": chosen.type,
        "sources": [],
        "skipped": [],
        "gaussians": len(gaussians),
        "warnings": [],
        "seconds": clock.seconds,
    }
    return frame_of(splat, target, metadata)


def frame_of(splat: Splat, target: Camera, metadata: dict[str, Any]) -> Frame:
    """Return the frame of a splat over black.

    Its colours become straight, its depth is that at which half of the light is stopped (else the mean of what is
    there), and its confidence is alpha.
    """
    alpha = np.clip(splat.alpha, 0.0, 1.0)
    rgb = np.clip(splat.rgb / np.maximum(alpha, 1e-6)[..., None], 0.0, 1.0)
    depth = np.where(np.isfinite(splat.first_hit), splat.first_hit, splat.depth)
    depth = np.ascontiguousarray(depth, dtype=np.float32)
    return Frame(target, np.ascontiguousarray(rgb, dtype=np.float32), alpha, depth, alpha, metadata)
