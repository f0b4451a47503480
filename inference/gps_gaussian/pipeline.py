"""From two photographs of a person to Gaussians in the scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ..capture.photographs import Photograph
from ..gaussians import Gaussians
from ..progress import Progress, silent
from ..stereo.exposure import apply_gain, exposure_gain
from ..stereo.matching import Flow, search_range, semi_global_disparity
from ..stereo.rectification import fitting_size, mask_outline, rectify, working_scale
from ..stereo.resampling import warp_flow
from .forward import Pairs, pixel_gaussians, stack_cameras
from .network import GPSGaussian

Floats = NDArray[np.float32]

# Sides of rectified pictures are multiples of this: cells of the coarse grid, halved three times for its pyramid.
MULTIPLE = 64


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
def pair_cloud(
    network: GPSGaussian,
    first: Photograph,
    second: Photograph,
    centre: ArrayLike,
    longest: int,
    progress: Progress = silent,
) -> PairCloud:
    """Return a Gaussian for every pixel of the person in both rectified views.

    Args:
        network: On its device, in evaluation mode; guided: it starts from classical stereo.
        first, second: Neighbouring views with masks, in either order.
        centre: (3,) the person's middle, which is brought to the distance that the network works at.
        longest: Most pixels of a side of the rectified pictures, a multiple of 64.
        progress: Asked between the stages.

    Raises:
        ValueError: If ``longest`` is no multiple of 64, or a photograph has no mask.
        SightlineError: If the pair cannot be rectified or a mask is empty.
    """
    if longest % MULTIPLE:
        raise ValueError(f"the longest side is {longest}; it must be a multiple of {MULTIPLE}")
    if first.mask is None or second.mask is None:
        raise ValueError("both photographs need a mask")
    progress(0.0, "Rectifying")
    outlines = (mask_outline(first.mask), mask_outline(second.mask))
    # The authors' weights know square pictures alone; less of nothing around a person costs less.
    size = (longest, longest)
    if network.config.guided:
        size = fitting_size(first.camera, second.camera, outlines, longest, MULTIPLE)
    pair = rectify(first.camera, second.camera, size, outlines)
    views = (second, first) if pair.swapped else (first, second)
    sides = (pair.left, pair.right)
    pictures = [side.warp(view.rgb) for side, view in zip(sides, views, strict=True)]
    masks = [side.warp_mask(view.mask) for side, view in zip(sides, views, strict=True)]
    scale = working_scale(pair, centre)
    device = next(network.parameters()).device
    mask = torch.from_numpy(np.stack(masks))[:, None].to(device)
    initial, confidence = None, mask
    if network.config.guided:
        progress(0.1, "Matching")
        search = search_range(pair, masks[0], masks[1])
        flows = semi_global_disparity(pictures[0], pictures[1], search, masks[0], masks[1])
        initial = torch.from_numpy(np.stack([flow.flow for flow in flows]))[:, None].to(device)
        confidence = torch.from_numpy(np.stack([flow.confidence for flow in flows]))[:, None].to(device)
        pictures = _evened(pictures, flows[0])
    image = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).to(device)
    progress(0.4, "Running the network")
    near = pair.scaled(scale)
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


def _evened(pictures: list[Floats], flow: Flow) -> list[Floats]:
    """Return both pictures at the exposure between the two, by what matches.

    Args:
        pictures: The left and the right one.
        flow: Of the left one.
    """
    seen = warp_flow(pictures[1], flow.flow)
    gain = np.sqrt(exposure_gain(pictures[0], seen, flow.confidence, flow.confidence))
    return [apply_gain(pictures[0], 1 / gain), apply_gain(pictures[1], gain)]
