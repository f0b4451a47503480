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
from ..stereo.rectification import RectifiedPair, mask_outline, rectify, working_scale
from .network import GPSGaussian
from .unprojection import inverse_depth_of, unproject

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
    return _assembled(network, near, image, mask, initial, scale)


def _assembled(
    network: GPSGaussian, pair: RectifiedPair, image: Tensor, mask: Tensor, initial: Tensor | None, scale: float
) -> Gaussians:
    """Run the network in the scene of its working distance, and bring what it makes back to the real one."""
    cameras = (pair.left.camera, pair.right.camera)
    device = image.device
    signs = torch.tensor([1.0, -1.0], device=device)
    # Half-masked pixels are pulled towards grey, as in training.
    shown = (2 * image - 1) * mask
    features = network.img_encoder(shown)
    flow = network.raft_stereo(features[2], initial)[-1]
    inverse_depth = inverse_depth_of(flow, signs * pair.offset, signs * pair.transform)
    inverse_depth = inverse_depth.clamp_min(0) * (mask > 0.5) * _within_other(flow, mask > 0.5)
    intrinsics = torch.tensor([[c.fx, c.fy, c.cx, c.cy] for c in cameras], device=device, dtype=torch.float32)
    poses = torch.from_numpy(np.stack([c.world_to_camera for c in cameras])).float().to(device)
    pixel_size = 1 / (inverse_depth.clamp_min(1e-3) * intrinsics[:, 0].view(-1, 1, 1, 1))
    made = network.gs_parm_regresser(shown, inverse_depth, features, pixel_size)
    points = unproject(inverse_depth, intrinsics, poses)
    chosen = (inverse_depth[:, 0] > 0).flatten()

    def gathered(values: Tensor) -> Floats:
        rows = values.permute(0, 2, 3, 1).reshape(-1, values.shape[1])[chosen]
        return rows.float().cpu().numpy()

    return Gaussians.coloured(
        gathered(points) / scale,
        gathered(made.rotations),
        gathered(made.scales) / scale,
        gathered(made.opacities)[:, 0],
        gathered(image),
    )


def _within_other(flow: Tensor, mask: Tensor) -> Tensor:
    """Return (2, 1, H, W), whether the pixels' points lie on the person in the other view too (ours).

    What the person shows to one camera hides nothing but the person from the other: a point beside the other's outline
    is a wrong one, mostly at a grazing rim.
    """
    width = mask.shape[-1]
    column = (torch.arange(width, device=flow.device) + 0.5 + flow).floor().long()
    inside = (column >= 0) & (column < width)
    return mask.flip(0).gather(-1, column.clamp(0, width - 1)) & inside
