"""Colours of Gaussians as a camera sees them, in torch."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ..harmonics import harmonic_bands


def seen_colours(means: Tensor, harmonics: Tensor, centre: Tensor) -> Tensor:
    """Return the sRGB colours (N, 3), cut at zero; differentiable.

    Args:
        means: (N, 3)
        harmonics: (N, K, 3) as in :class:`inference.gaussians.Gaussians`.
        centre: (3,) the camera's.
    """
    x, y, z = functional.normalize(means - centre, dim=-1).unbind(-1)
    bands = torch.stack(harmonic_bands(x, y, z, harmonics.shape[1]), dim=-1)
    return (0.5 + torch.einsum("nk,nkc->nc", bands, harmonics)).clamp_min(0)
