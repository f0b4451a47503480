"""From a synthetic person to what the network reads, prepared as the pipeline does, and the exact truth beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from inference.camera import Camera
from inference.capture.photographs import Photograph
from inference.gps_gaussian.forward import Pairs, stack_cameras
from inference.gps_gaussian.matching import match_pair
from inference.stereo.hull import Silhouettes, enclosing_radius
from inference.stereo.rectification import RectifiedPair, working_scale
from inference.stereo.resampling import warp_homography
from inference.view import Picture

from ..sharing import Colours

if TYPE_CHECKING:
    from ..people.sample import PersonPicture, PersonSample

MARGIN = 8  # pixels around the person that a target's crop shows
# Pixels with less than this of their surroundings on one surface have no flow of their own.
_KNOWN = 0.999
_INSIDE = 0.66  # of the mask, the authors'
_JUMP = 3.0  # pixels of flow that neighbours over two pixels may differ by on one surface
_UNKNOWN = 1e6


@dataclass(frozen=True, eq=False)
class Target:
    """What a camera near the pair sees of the person.

    Args:
        camera: Of the crop around the person, in the network's scene (at its working distance).
        rgb: (3, h, w) sRGB in [0, 1] before black.
    """

    camera: Camera
    rgb: Tensor


@dataclass(frozen=True, eq=False)
class Example:
    """B pairs and the truth; views are stacked as in :class:`Pairs`.

    Args:
        pairs: With the guided initial flow.
        flow: (2B, 1, H, W) true flow in pixels, 0 where not valid.
        valid: (2B, 1, H, W), where the truth is known.
        targets: Those of each pair.
    """

    pairs: Pairs
    flow: Tensor
    valid: Tensor
    targets: tuple[tuple[Target, ...], ...]


def prepare(sample: PersonSample, longest: int) -> Example:
    """Rectify a sample's sources, start their flow by classical stereo, and find the true flow.

    Args:
        sample: Whose sources show the person.
        longest: Pixels that no side of the rectified pictures exceeds, a multiple of 64.

    Raises:
        SightlineError: If the pair cannot be rectified or a mask is empty.
    """
    photographs = [Photograph(source.camera, source.rgb, source.mask) for source in sample.sources]
    matched = match_pair(photographs[0], photographs[1], longest, True, _silhouettes(sample, longest // 2))
    pair, flows = matched.pair, matched.flows
    assert flows is not None
    views = sample.sources[::-1] if pair.swapped else sample.sources
    truths = [true_flow(pair, views[n].depth, matched.masks[n], of_right=n == 1) for n in (0, 1)]
    scale = working_scale(pair, sample.centre)
    pairs = Pairs(
        torch.from_numpy(np.stack(matched.pictures)).permute(0, 3, 1, 2).contiguous(),
        torch.from_numpy(np.stack(matched.masks))[:, None],
        initial=torch.from_numpy(np.stack([flow.flow for flow in flows]))[:, None],
        **stack_cameras([pair.scaled(scale)], torch.device("cpu")),
    )
    return Example(
        pairs,
        torch.from_numpy(np.stack([flow for flow, _ in truths]))[:, None],
        torch.from_numpy(np.stack([valid for _, valid in truths]))[:, None],
        (tuple(_target(target, scale) for target in sample.targets),),
    )


def _silhouettes(sample: PersonSample, longest: int) -> Silhouettes:
    """Return what the whole rig sees, in small pictures, as the pipeline has it."""
    views = (*sample.sources, *sample.others)
    cameras = [view.camera.fitted(longest) for view in views]
    masks = [
        np.asarray(cv2.resize(view.mask, (camera.width, camera.height), interpolation=cv2.INTER_AREA), np.float32)
        for view, camera in zip(views, cameras, strict=True)
    ]
    return Silhouettes(cameras, masks, sample.centre, enclosing_radius(cameras, masks, sample.centre))


def true_flow(pair: RectifiedPair, depth: Picture, mask: Picture, of_right: bool) -> tuple[Picture, NDArray[np.bool_]]:
    """Return one rectified view's flow (H, W) by the depth of its source, and where it is known.

    Inverse depth is linear over a plane's picture, so that interpolating it is exact there; turning the camera in place
    multiplies it by the homography's denominator. Pixels at the rim of the person, or of one limb before another, where
    two surfaces would be mixed, are not known.

    Args:
        pair: In the depth's units.
        depth: (h, w) z in the source, 0 where there is nothing.
        mask: (H, W) in [0, 1], rectified.
        of_right: Whether it is the right view.
    """
    view = pair.right if of_right else pair.left
    width, height = view.camera.width, view.camera.height
    known = depth > 0
    inverse = np.where(known, 1.0 / np.where(known, depth, 1.0), 0.0)
    back = np.linalg.inv(view.homography)
    layers = np.stack([inverse, known], axis=-1).astype(np.float32)
    warped = warp_homography(layers, back, (width, height), smooth=False).astype(np.float64)
    x, y = np.arange(width) + 0.5, (np.arange(height) + 0.5)[:, None]
    turned = warped[..., 0] * (back[2, 0] * x + back[2, 1] * y + back[2, 2])
    whole = (warped[..., 1] > _KNOWN) & (mask > _INSIDE)
    flow = np.where(whole, pair.flow(turned, of_right), _UNKNOWN).astype(np.float32)
    around = np.ones((3, 3), np.uint8)
    valid = whole & (cv2.dilate(flow, around) - cv2.erode(flow, around) < _JUMP)
    return np.where(valid, flow, np.float32(0.0)), valid


def extent(examples: Sequence[Example]) -> tuple[int, int]:
    """Return the height and the width that no picture exceeds."""
    heights, widths = zip(*(example.pairs.image.shape[2:] for example in examples), strict=True)
    return max(heights), max(widths)


def join(examples: Sequence[Example], device: torch.device, size: tuple[int, int] | None = None) -> Example:
    """Return all pairs as one on a device; narrower and lower pictures get a rim of background.

    The network cannot tell it from what is there already: what it sees outside the mask is zero everywhere.

    Args:
        examples: At least one.
        device: Where they go.
        size: Height and width of the pictures, at least those of the examples; just those if not given.
    """
    pairs = [example.pairs for example in examples]
    height, width = size or extent(examples)

    def stacked(values: Sequence[Tensor]) -> Tensor:
        if values[0].dim() == 4:
            values = [functional.pad(v, (0, width - v.shape[3], 0, height - v.shape[2])) for v in values]
        halves = [half for side in (0, 1) for half in (value.chunk(2)[side] for value in values)]
        return torch.cat(halves).to(device, non_blocking=True)

    together = {field.name: stacked([getattr(pair, field.name) for pair in pairs]) for field in fields(Pairs)}
    targets = tuple(
        tuple(replace(target, rgb=target.rgb.to(device, non_blocking=True)) for target in group)
        for example in examples
        for group in example.targets
    )
    flow, valid = (stacked([getattr(example, name) for example in examples]) for name in ("flow", "valid"))
    return Example(Pairs(**together), flow, valid, targets)


def recoloured(example: Example, colours: Colours) -> Example:
    """Return the example with its colour channels exchanged, in sources and targets alike."""
    order = torch.from_numpy(colours)
    targets = tuple(tuple(replace(target, rgb=target.rgb[order]) for target in group) for group in example.targets)
    return replace(example, pairs=replace(example.pairs, image=example.pairs.image[:, order]), targets=targets)


def _target(picture: PersonPicture, scale: float) -> Target:
    """Return the crop around the person, its camera moved to the network's scene."""
    camera = picture.camera
    shown = picture.mask > 0
    rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    if not len(rows):
        rows, columns = np.arange(camera.height), np.arange(camera.width)
    top, bottom = max(0, rows[0] - MARGIN), min(camera.height, rows[-1] + 1 + MARGIN)
    left, right = max(0, columns[0] - MARGIN), min(camera.width, columns[-1] + 1 + MARGIN)
    pose = camera.world_to_camera.copy()
    pose[:3, 3] *= scale
    cropped = replace(camera.crop(left, top, right - left, bottom - top), world_to_camera=pose)
    rgb = (picture.rgb * picture.mask[..., None])[top:bottom, left:right]
    return Target(cropped, torch.from_numpy(np.ascontiguousarray(rgb.transpose(2, 0, 1))))
