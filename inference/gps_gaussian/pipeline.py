"""From two views of a person to Gaussians in the scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ..camera import Camera
from ..gaussians import Gaussians
from ..stereo.matching import search_range, semi_global_disparity
from ..stereo.rectification import mask_outline, rectify, working_scale
from .forward import Pairs, pixel_gaussians, stack_cameras
from .network import GPSGaussian

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class PersonView:
    """One photograph of a person.

    Args:
        camera: Without distortion.
        rgb: (H, W, 3) sRGB in [0, 1].
        mask: (H, W) in [0, 1]: where the person is.
    """

    camera: Camera
    rgb: Floats
    mask: Floats


@torch.inference_mode()
def pair_gaussians(
    network: GPSGaussian, first: PersonView, second: PersonView, centre: ArrayLike, side: int
) -> Gaussians:
    """Return a Gaussian for every pixel of the person in both rectified views.

    Args:
        network: On its device, in evaluation mode; guided: it starts from classical stereo.
        first, second: Neighbouring views, in either order.
        centre: (3,) the person's middle, which is brought to the distance that the network works at.
        side: Of the square rectified pictures in pixels, a multiple of 8.

    Raises:
        ValueError: If ``side`` is no multiple of 8.
        SightlineError: If the pair cannot be rectified or a mask is empty.
    """
    if side % 8:
        raise ValueError(f"the side is {side}; it must be a multiple of 8")
    pair = rectify(first.camera, second.camera, (side, side), (mask_outline(first.mask), mask_outline(second.mask)))
    views = (second, first) if pair.swapped else (first, second)
    sides = (pair.left, pair.right)
    pictures = [rectified.warp(view.rgb) for rectified, view in zip(sides, views, strict=True)]
    masks = [rectified.warp_mask(view.mask) for rectified, view in zip(sides, views, strict=True)]
    scale = working_scale(pair, centre)
    near = pair.scaled(scale)
    device = next(network.parameters()).device
    image = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).to(device)
    mask = torch.from_numpy(np.stack(masks))[:, None].to(device)
    initial = None
    if network.config.guided:
        search = search_range(pair, masks[0], masks[1])
        flows = semi_global_disparity(pictures[0], pictures[1], search, masks[0], masks[1])
        initial = torch.from_numpy(np.stack([flow.flow for flow in flows]))[:, None].to(device)
    output = pixel_gaussians(network, Pairs(image, mask, initial=initial, **stack_cameras([near], device)))
    chosen = (output.inverse_depth[:, 0] > 0).flatten()

    def gathered(values: Tensor) -> Floats:
        rows = values.permute(0, 2, 3, 1).reshape(-1, values.shape[1])[chosen]
        return rows.float().cpu().numpy()

    # Back from the network's working distance to the real scene.
    return Gaussians.coloured(
        gathered(output.points) / scale,
        gathered(output.shapes.rotations),
        gathered(output.shapes.scales) / scale,
        gathered(output.shapes.opacities)[:, 0],
        gathered(image),
    )
