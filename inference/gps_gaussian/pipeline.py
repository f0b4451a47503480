"""From a matched pair of photographs to Gaussians in the scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ..gaussians import Gaussians
from ..stereo.rectification import working_scale
from .forward import Pairs, pixel_gaussians, stack_cameras
from .matching import MatchedPair
from .network import GPSGaussian

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class PairCloud:
    """The Gaussians of one pair of views.

    Args:
        gaussians: N of them, in the scene.
        confidence: (N,) in [0, 1]: how well both directions of matching agree there.
        of_right: (N,) whether it is a pixel of the right view.
    """

    gaussians: Gaussians
    confidence: Floats
    of_right: NDArray[np.bool_]


@torch.inference_mode()
def pair_cloud(network: GPSGaussian, matched: MatchedPair, centre: ArrayLike) -> PairCloud:
    """Return a Gaussian for every pixel of the person in both rectified views.

    Args:
        network: On its device, in evaluation mode.
        matched: With flows for a guided network.
        centre: (3,) the person's middle, which is brought to the distance that the network works at.
    """
    device = next(network.parameters()).device
    image = torch.from_numpy(np.stack(matched.pictures)).permute(0, 3, 1, 2).to(device)
    mask = torch.from_numpy(np.stack(matched.masks))[:, None].to(device)
    initial, confidence = None, mask
    if matched.flows is not None:
        initial, confidence = (
            torch.from_numpy(np.stack(values))[:, None].to(device)
            for values in zip(*((flow.flow, flow.confidence) for flow in matched.flows), strict=True)
        )
    scale = working_scale(matched.pair, centre)
    near = matched.pair.scaled(scale)
    output = pixel_gaussians(network, Pairs(image, mask, initial=initial, **stack_cameras([near], device)))
    chosen = (output.inverse_depth[:, 0] > 0).flatten()

    def gathered(values: Tensor) -> Floats:
        rows = values.permute(0, 2, 3, 1).reshape(-1, values.shape[1])[chosen]
        return rows.float().cpu().numpy()

    # Back from the network's working distance to the real scene.
    gaussians = Gaussians.coloured(
        gathered(output.points) / scale,
        gathered(output.shapes.rotations),
        gathered(output.shapes.scales) / scale,
        gathered(output.shapes.opacities)[:, 0],
        gathered(image),
    )
    of_right = (torch.arange(chosen.numel()) >= chosen.numel() // 2)[chosen.cpu()]
    return PairCloud(gaussians, gathered(confidence)[:, 0], of_right.numpy())
