"""Rectified pairs through the network, from pictures to pixel-wise Gaussians: what training and the pipeline share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..stereo.rectification import RectifiedPair
from .network import GPSGaussian
from .regressor import PixelGaussians
from .surfels import surface_discs
from .unprojection import inverse_depth_of, unproject

# Guided: a pixel that the person covers by less makes no Gaussian; what it covers in part is the more transparent, by
# this power of its share. Gaussians reach beyond their pixels; without this a figure grows by a pixel all around.
COVERED, EDGE_FADING = 0.7, 4


@dataclass(frozen=True, eq=False)
class Pairs:
    """B rectified pairs at the network's working distance. Views are stacked: B left ones, then their right ones.

    Args:
        image: (2B, 3, H, W) sRGB in [0, 1].
        mask: (2B, 1, H, W) in [0, 1].
        intrinsics: (2B, 4) fx, fy, cx, cy in pixels.
        poses: (2B, 4, 4) world to camera, OpenCV axes, metres.
        offset: (2B,) principal point x of the other view minus the own, in pixels.
        transform: (2B,) Tf in pixels * metres, negative for left views.
        initial: (2B, 1, H, W) flow to start from, 0 outside the mask (guided), or ``None``.
    """

    image: Tensor
    mask: Tensor
    intrinsics: Tensor
    poses: Tensor
    offset: Tensor
    transform: Tensor
    initial: Tensor | None = None


@dataclass(frozen=True, eq=False)
class PairsOutput:
    """What the network makes of :class:`Pairs`.

    Args:
        flows: (2B, 1, H, W) each: of all steps in training, else of the last one.
        inverse_depth: (2B, 1, H, W) in 1 / m; 0 where there is no Gaussian.
        points: (2B, 3, H, W) centres in metres, world axes.
        shapes: Rotations, scales and opacities.
    """

    flows: list[Tensor]
    inverse_depth: Tensor
    points: Tensor
    shapes: PixelGaussians


def stack_cameras(pairs: Sequence[RectifiedPair], device: torch.device) -> dict[str, Tensor]:
    """Return intrinsics, poses, offset and transform of :class:`Pairs` as float32."""
    cameras = [pair.left.camera for pair in pairs] + [pair.right.camera for pair in pairs]
    offsets, transforms = [pair.offset for pair in pairs], [pair.transform for pair in pairs]
    arrays = {
        "intrinsics": [[camera.fx, camera.fy, camera.cx, camera.cy] for camera in cameras],
        "poses": np.stack([camera.world_to_camera for camera in cameras]),
        "offset": offsets + [-offset for offset in offsets],
        "transform": transforms + [-transform for transform in transforms],
    }
    return {
        name: torch.tensor(np.asarray(values), dtype=torch.float32, device=device) for name, values in arrays.items()
    }


def pixel_gaussians(network: GPSGaussian, pairs: Pairs) -> PairsOutput:
    """Run the network; differentiable."""
    shown = shown_of(pairs)
    features = network.img_encoder(shown)
    return gaussians_of_flow(network, pairs, shown, features, network.raft_stereo(features[2], pairs.initial))


def shown_of(pairs: Pairs) -> Tensor:
    """Return (2B, 3, H, W) in [-1, 1], what the network sees: black is -1, outside the mask is 0."""
    # Half-masked pixels are pulled towards grey, as in the authors' training.
    return (2 * pairs.image - 1) * pairs.mask


def gaussians_of_flow(
    network: GPSGaussian, pairs: Pairs, shown: Tensor, features: tuple[Tensor, Tensor, Tensor], flows: list[Tensor]
) -> PairsOutput:
    """Run the rest of the network, from the image encoder's features and the stereo's flows on."""
    guided = network.config.guided
    inverse_depth = inverse_depth_of(flows[-1], pairs.offset, pairs.transform).clamp_min(0)
    inverse_depth = inverse_depth * (pairs.mask > (COVERED if guided else 0.5)) * _within_other(flows[-1], pairs.mask)
    points = unproject(inverse_depth, pairs.intrinsics, pairs.poses)
    start = None
    if guided:
        focal = pairs.intrinsics[:, 0].view(-1, 1, 1, 1)
        pixel_size = 1 / (inverse_depth.clamp_min(1e-3) * focal)
        start = surface_discs(points, inverse_depth > 0, pixel_size)
    shapes = network.gs_parm_regresser(shown, inverse_depth, features, start)
    if guided:
        shapes = replace(shapes, opacities=shapes.opacities * pairs.mask**EDGE_FADING)
    return PairsOutput(flows, inverse_depth, points, shapes)


def _within_other(flow: Tensor, mask: Tensor) -> Tensor:
    """Return (2B, 1, H, W), whether the pixels' points lie on the person in the other view too (ours).

    What the person shows to one camera hides nothing but the person from the other: a point beside the other's outline,
    by more than a pixel, is a wrong one, mostly at a grazing rim.
    """
    count, _, _, width = mask.shape
    column = (torch.arange(width, device=flow.device) + 0.5 + flow).floor().long()
    within = (column >= 0) & (column < width)
    others = functional.max_pool2d(mask, 3, 1, 1).roll(count // 2, 0) > 0.5
    return others.gather(-1, column.clamp(0, width - 1)) & within
