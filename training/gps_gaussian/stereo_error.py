"""How far flows are from the truth: of people in rendered rings, and of real stereo pairs as a check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from inference.capture import read_capture
from inference.capture.photographs import Photographs
from inference.errors import CaptureError
from inference.gps_gaussian.forward import Pairs
from inference.gps_gaussian.matching import MULTIPLE
from inference.gps_gaussian.network import GPSGaussian
from inference.stereo.matching import semi_global_disparity
from inference.stereo.pairs import neighbouring_pairs, subject_centre

from ..people.sample import PersonPicture, PersonSample
from .example import prepare
from .stages import flows_of

BETWEEN = "mid_"  # views of a ring that stand between its cameras


@dataclass(frozen=True)
class StereoError:
    """Absolute flow errors in pixels: medians over all known pixels.

    Args:
        name: Of the ring or pair.
        guided: Of semi-global matching.
        network: Of the network that starts from it.
        pixels: How many they are of.
    """

    name: str
    guided: float
    network: float
    pixels: int


def ring_error(folder: Path, network: GPSGaussian, longest: int) -> StereoError:
    """Measure all neighbouring pairs of a ring that ``python -m training people-ring`` wrote.

    Raises:
        CaptureError: If it is none, or a depth is missing.
        SightlineError: As its parts raise them, for pictures and cameras.
    """
    views = [view for view in read_capture(folder).views if not view.name.startswith(BETWEEN)]
    photographs = Photographs()
    pictures = []
    for view in views:
        photograph = photographs.get(view, unmixed=True)
        depth = folder / "depth" / f"{view.name}.npy"
        if photograph.mask is None or not depth.is_file():
            raise CaptureError(f"{folder} has no mask or no depth of '{view.name}'; write it with people-ring.")
        pictures.append(PersonPicture(photograph.camera, photograph.rgb, photograph.mask, np.load(depth)))
    centre = subject_centre([picture.camera for picture in pictures], [picture.mask for picture in pictures])
    guided: list[NDArray[np.float32]] = []
    learned: list[NDArray[np.float32]] = []
    for pair in neighbouring_pairs(views, centre):
        others = tuple(one for place, one in enumerate(pictures) if place not in (pair.left, pair.right))
        sample = PersonSample((pictures[pair.left], pictures[pair.right]), (), centre, others)
        example = prepare(sample, longest)
        assert example.pairs.initial is not None
        for flow, errors in ((example.pairs.initial, guided), (_flow(network, example.pairs), learned)):
            errors.append((flow - example.flow).abs()[example.valid].numpy())
    return _error(folder.name, guided, learned)


def real_error(folder: Path, network: GPSGaussian) -> StereoError:
    """Measure a rectified pair of photographs: ``left.*``, ``right.*`` and ``disparity_left.npy``.

    The search is over the range of the true disparities, as a user would give a nearest and a farthest depth.

    Raises:
        CaptureError: If one of the files is missing or damaged.
    """
    try:
        truth = -np.load(folder / "disparity_left.npy")
        left, right = (_read(next(folder.glob(f"{side}.*"))) for side in ("left", "right"))
    except (OSError, StopIteration, ValueError):
        raise CaptureError(f"{folder} holds no pair of pictures with disparity_left.npy.") from None
    flows = semi_global_disparity(left, right, (float(np.nanmin(truth)), float(np.nanmax(truth))))
    known = np.isfinite(truth)
    height, width = truth.shape
    rim = (0, -width % MULTIPLE, 0, -height % MULTIPLE)
    image = functional.pad(torch.from_numpy(np.stack([left, right])).permute(0, 3, 1, 2), rim)
    initial = functional.pad(torch.from_numpy(np.stack([flow.flow for flow in flows]))[:, None], rim)
    mask = functional.pad(torch.ones(2, 1, height, width), rim)
    # No person stands anywhere here: what the flow does not depend on is left at nothing.
    nothing = torch.zeros(2)
    pairs = Pairs(image, mask, torch.zeros(2, 4), torch.zeros(2, 4, 4), nothing, nothing, initial)
    learned = _flow(network, pairs)[0, 0, :height, :width].numpy()
    return _error(
        folder.name, [np.abs(flows[0].flow - truth)[known]], [np.abs(learned - truth)[known].astype(np.float32)]
    )


def stereo_table(errors: Sequence[StereoError]) -> str:
    """Return a Markdown table."""
    lines = ["| pair | guided start | network | pixels |", "| --- | --- | --- | --- |"]
    lines += [f"| {error.name} | {error.guided:.3f} | {error.network:.3f} | {error.pixels} |" for error in errors]
    return "\n".join(lines)


@torch.inference_mode()
def _flow(network: GPSGaussian, pairs: Pairs) -> Tensor:
    return flows_of(network, pairs)[-1]


def _error(name: str, guided: Sequence[NDArray[np.float32]], learned: Sequence[NDArray[np.float32]]) -> StereoError:
    before, after = np.concatenate(guided), np.concatenate(learned)
    return StereoError(name, float(np.median(before)), float(np.median(after)), len(before))


def _read(path: Path) -> NDArray[np.float32]:
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None:
        raise ValueError(f"{path} is no picture")
    return np.ascontiguousarray(pixels[..., ::-1] / np.float32(255), dtype=np.float32)
