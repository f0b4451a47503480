"""A person from two neighbouring photographs: each stage against the whole. On a GPU at the authors' sizes too."""

from __future__ import annotations

import torch

from inference.capture.photographs import Photographs
from inference.gps_gaussian.matching import MatchedPair, match_pair
from inference.gps_gaussian.pipeline import PairCloud, pair_cloud
from inference.gps_gaussian.subject import find_subject
from inference.gps_gaussian.weights import NAME, load_network
from inference.splatting import rasterize
from inference.stereo.pairs import neighbouring_pairs

from .example import PERSON, sources_of
from .measure import Row, compared, medians

WHOLE = "photographs to picture"


def run() -> list[Row]:
    """Measure 512 pixel sources to a picture of 1024 on the CPU; on a GPU 1024 to 2048."""
    rows = stages(torch.device("cpu"), 512, 1024)
    if torch.cuda.is_available():
        rows += stages(torch.device("cuda"), 1024, 2048)
    return rows


def stages(device: torch.device, longest: int, side: int) -> list[Row]:
    """Return the rows of one device.

    Args:
        device: Of the network and of splatting; matching is the CPU's.
        longest: Longer side of the rectified pictures.
        side: Of the target's picture.
    """
    capture, _ = sources_of(PERSON)
    photographs = Photographs()
    subject = find_subject(capture, photographs)
    pair = neighbouring_pairs(subject.views, subject.centre)[0]
    first, second = (
        photographs.get(capture.views[subject.indices[place]], subject.scale_of(place, longest), unmixed=True)
        for place in (pair.left, pair.right)
    )
    network, _ = load_network(NAME, device)
    target = first.camera.resized(side, side)

    def matched() -> MatchedPair:
        return match_pair(first, second, longest, True, subject.silhouettes)

    def cloud_of(found: MatchedPair) -> PairCloud:
        cloud = pair_cloud(network, found, subject.centre)
        if device.type == "cuda":
            torch.cuda.synchronize()
        return cloud

    found = matched()
    cloud = cloud_of(found)
    ways = {
        WHOLE: lambda: rasterize(cloud_of(matched()).gaussians, target, device=device),
        "    hull and matching": matched,
        "    network": lambda: cloud_of(found),
        "    splatting": lambda: rasterize(cloud.gaussians, target, device=device),
        "    memory copy of the pictures": lambda: [picture.copy() for picture in found.pictures],
    }
    subject_line = f"a pair of {longest} px to {side} px, {len(cloud.gaussians):,} Gaussians, {device.type}"
    return compared(subject_line, medians(ways, repeats=3), WHOLE)
