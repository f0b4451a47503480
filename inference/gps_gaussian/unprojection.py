"""Disparity, inverse depth and points. Pixel edges lie at 0..W, so that a pixel's centre is at +0.5.

The authors' training data put pixel centres on whole numbers, while their unprojection adds the half; a view is
consistent with itself either way.
"""

from __future__ import annotations

import torch
from torch import Tensor

TINY = 1e-8


def inverse_depth_of(flow: Tensor, offset: Tensor, transform: Tensor) -> Tensor:
    """Return 1 / z of ``flow`` (N, 1, H, W), x in the other view minus x in the own.

    Args:
        offset: (N,) principal point x of the other view minus the own.
        transform: (N,) signed focal length times baseline: the first view's Tf, the second's -Tf.
    """
    return (flow - offset.view(-1, 1, 1, 1)) / transform.view(-1, 1, 1, 1)


def flow_of(inverse_depth: Tensor, offset: Tensor, transform: Tensor) -> Tensor:
    """Return the flow of an inverse depth; see :func:`inverse_depth_of`."""
    return offset.view(-1, 1, 1, 1) + inverse_depth * transform.view(-1, 1, 1, 1)


def unproject(inverse_depth: Tensor, intrinsics: Tensor, world_to_camera: Tensor) -> Tensor:
    """Return the world points (N, 3, H, W) of all pixels' centres.

    Args:
        inverse_depth: (N, 1, H, W) in 1 / scene units.
        intrinsics: (N, 4) fx, fy, cx, cy in pixels.
        world_to_camera: (N, 4, 4) or (N, 3, 4), OpenCV axes.
    """
    height, width = inverse_depth.shape[-2:]
    x = torch.arange(width, device=inverse_depth.device, dtype=inverse_depth.dtype) + 0.5
    y = (torch.arange(height, device=inverse_depth.device, dtype=inverse_depth.dtype) + 0.5)[:, None]
    fx, fy, cx, cy = (values.view(-1, 1, 1) for values in intrinsics.unbind(dim=1))
    depth = 1 / (inverse_depth[:, 0] + TINY)
    camera = torch.stack([(x - cx) / fx * depth, (y - cy) / fy * depth, depth], dim=1)
    rotation, translation = world_to_camera[:, :3, :3], world_to_camera[:, :3, 3]
    # Single precision also where the networks around it run in half: this is the geometry.
    with torch.autocast(inverse_depth.device.type, enabled=False):
        return torch.einsum("nji,njhw->nihw", rotation, camera - translation[:, :, None, None])
