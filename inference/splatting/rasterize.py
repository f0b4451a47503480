"""Gaussians and a camera to a picture, its alpha and its depth.

Conventions are those of gsplat's classic mode: perspective EWA splatting (Zwicker et al., EWA Volume Splatting, 2001;
Kerbl et al., 3D Gaussian Splatting, 2023) with 0.3 square pixels added to the covariance, contributions below 1/255
left out, at most .999 each, and a pixel closed before its transmittance would fall to 1e-4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..camera import Camera
from ..errors import CameraError
from ..gaussians import Gaussians
from . import cpu

if TYPE_CHECKING:
    import torch

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Splat:
    """What a camera sees of Gaussians.

    Args:
        rgb: (H, W, 3) display-referred sRGB over the background; may exceed 1 where colours do.
        alpha: (H, W) in [0, 1].
        depth: (H, W) mean z of what is seen, weighed by its share, in scene units; infinite where nothing is.
        first_hit: (H, W) z at which half of the light is stopped; infinite where it never is.
    """

    rgb: Floats
    alpha: Floats
    depth: Floats
    first_hit: Floats


def rasterize(
    gaussians: Gaussians,
    camera: Camera,
    background: ArrayLike = (0.0, 0.0, 0.0),
    near: float = 0.01,
    device: torch.device | str = "auto",
) -> Splat:
    """Render Gaussians with the first back end that works on the device (:func:`.backends.splatting_backends`).

    Args:
        gaussians: N, possibly none.
        camera: Without distortion.
        background: sRGB behind them.
        near: Gaussians with their centre nearer than this z (scene units) are left out.
        device: torch's, or its name, or ``auto``; all but CUDA means the CPU.

    Raises:
        CameraError: If the camera has lens distortion.
        BackendError: If there is no device of that name.
    """
    if camera.distortion is not None:
        raise CameraError("Gaussians are splatted for ideal cameras; remove the lens distortion first.")
    behind = np.asarray(background, dtype=np.float32)
    if device != "cpu" and len(gaussians):
        from .backends import cuda_rasterizer

        render = cuda_rasterizer(device)
        if render is not None:
            return Splat(*render(gaussians, camera, behind, near))
    return Splat(*cpu.render(gaussians, camera, behind, near))
