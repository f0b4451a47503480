"""The Gaussians of several pairs as one cloud."""

from __future__ import annotations

from collections.abc import Sequence

from ..gaussians import Gaussians, joined
from ..stereo.hull import inside_hull
from .pipeline import PairCloud
from .subject import Subject


def fuse(clouds: Sequence[PairCloud], subject: Subject) -> Gaussians:
    """Return the Gaussians of all pairs that lie inside every silhouette."""
    together = joined([cloud.gaussians for cloud in clouds])
    return together.chosen(inside_hull(together.means, subject.silhouettes))
