"""A person in a rig of cameras: which pairs serve a target, their Gaussians, and the picture."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch

from ..camera import Camera
from ..capture.photographs import Photographs, identity
from ..clock import Clock
from ..frame import Frame
from ..gaussians import Gaussians
from ..progress import Progress, part, silent
from ..selection import Choice
from ..splatting.frame import frame_of
from ..stereo.pairs import Pair, choose_pair, neighbouring_pairs, pair_weights
from ..view import Capture
from ..weights import WeightsInfo
from .fusion import fuse
from .matching import MatchedPair, informed, match_pair
from .network import GPSGaussian
from .pipeline import PairCloud, pair_cloud
from .rendering import render_blended
from .subject import Subject, find_subject
from .weights import NAME, load_network

# Longer side of the rectified pictures in pixels, at most: the authors' size, and a quarter of its work.
LONGEST = {"full": 1024, "preview": 512}
# Degrees beside the nearest pair from which on a picture is likely poor.
FARTHEST_BESIDE = 25.0
# Pairs whose share in a picture is smaller are not worth their time.
LEAST_SHARE = 0.02
# At 1024 pixels, a matched pair takes about 40 MB, and its Gaussians as much.
MOST_MATCHES = 16
MOST_CLOUDS = 16
MOST_SUBJECTS = 4

Kept = TypeVar("Kept")


@dataclass(frozen=True)
class Settings:
    """How Gaussians are made.

    Args:
        device: Of the network and of splatting.
        weights: Name or file.
        quality: ``full`` or ``preview``.
    """

    device: torch.device
    weights: str
    quality: str = "full"


class Rig:
    """What stays in memory between frames: the network, the person's silhouettes, and the Gaussians of pairs."""

    def __init__(self, photographs: Photographs) -> None:
        self._photographs = photographs
        self._networks: dict[tuple[str, str], tuple[GPSGaussian, WeightsInfo]] = {}
        self._subjects: OrderedDict[str, Subject] = OrderedDict()
        self._matches: OrderedDict[tuple[str, ...], MatchedPair] = OrderedDict()
        self._clouds: OrderedDict[tuple[str, ...], PairCloud] = OrderedDict()

    def unload(self) -> None:
        """Drop everything that can be made again."""
        self._networks.clear()
        self._subjects.clear()
        self._matches.clear()
        self._clouds.clear()

    def synthesize(
        self, capture: Capture, target: Camera, settings: Settings, clock: Clock, progress: Progress = silent
    ) -> Frame:
        """Make the picture of a target from the pair around it, mixed with that of the next pair near their border.

        Raises:
            TargetError: If no pair can be rectified, or the target does not see the person.
            SightlineError: As its parts raise them, for pictures, masks and weights.
        """
        found = self._found(capture, settings, clock, part(progress, 0.0, 0.3))
        chosen = choose_pair(found.subject.views, target, found.subject.centre, found.pairs)
        pairs, shares = _sharing(found, target)
        clouds = self._pair_clouds(capture, found, pairs, settings, part(progress, 0.3, 0.9))
        progress(0.9, "Splatting")
        with clock.stage("splatting"):
            splat = render_blended([cloud.gaussians for cloud in clouds], shares, target, settings.device)
        metadata = _metadata(capture, found, pairs, shares, chosen.choices, settings)
        if chosen.beside > FARTHEST_BESIDE:
            metadata["warnings"].append(
                f"The target stands {chosen.beside:.0f}° beside the nearest pair of cameras, so parts of the person "
                "are missing or wrong; move it between two cameras."
            )
        return frame_of(splat, target, metadata)

    def reconstruct(
        self,
        capture: Capture,
        target: Camera | None,
        settings: Settings,
        clock: Clock,
        progress: Progress = silent,
    ) -> tuple[Gaussians, dict[str, Any]]:
        """Make the Gaussians of the whole person, or of what serves a target, with metadata.

        Raises:
            TargetError: If no pair can be rectified, or the target does not see the person.
            SightlineError: As its parts raise them, for pictures, masks and weights.
        """
        found = self._found(capture, settings, clock, part(progress, 0.0, 0.2))
        views, centre = found.subject.views, found.subject.centre
        choices: tuple[Choice, ...] = ()
        if target is None:
            pairs = list(found.pairs)
            if not pairs:
                # Its error says what is wrong with the pair that is nearest to working.
                choose_pair(views, views[0].camera, centre)
        else:
            choices = choose_pair(views, target, centre, found.pairs).choices
            pairs, _ = _sharing(found, target)
        clouds = self._pair_clouds(capture, found, pairs, settings, part(progress, 0.2, 0.9))
        progress(0.9, "Joining the Gaussians of all pairs")
        with clock.stage("fusion"):
            gaussians = fuse(clouds, pairs, found.subject)
        shares = [1 / len(pairs)] * len(pairs)
        return gaussians, _metadata(capture, found, pairs, shares, choices, settings)

    def _found(self, capture: Capture, settings: Settings, clock: Clock, progress: Progress) -> _Found:
        progress(0.0, "Loading the network")
        with clock.stage("network loading"):
            network, info = self._network(settings)
        key = " ".join(identity(view) for view in capture.views)
        with clock.stage("masks"):
            if key not in self._subjects:
                self._subjects[key] = find_subject(capture, self._photographs, progress)
            subject = self._subjects[key]
            self._subjects.move_to_end(key)
            while len(self._subjects) > MOST_SUBJECTS:
                self._subjects.popitem(last=False)
            pairs = neighbouring_pairs(subject.views, subject.centre)
        return _Found(network, info, key, subject, tuple(pairs), clock)

    def _network(self, settings: Settings) -> tuple[GPSGaussian, WeightsInfo]:
        key = (settings.weights, settings.device.type)
        if key not in self._networks:
            # One at a time, and what another one made is of no use any more.
            self._networks.clear()
            self._matches.clear()
            self._clouds.clear()
            self._networks[key] = load_network(settings.weights, settings.device)
        return self._networks[key]

    def _pair_clouds(
        self, capture: Capture, found: _Found, pairs: Sequence[Pair], settings: Settings, progress: Progress
    ) -> list[PairCloud]:
        """Return the Gaussians of pairs, each informed by the pairs that it shares a view with."""
        made = []
        for index, pair in enumerate(pairs):
            share = part(progress, index / len(pairs), (index + 1) / len(pairs))
            key = self._key(found, pair, settings)
            if key not in self._clouds:
                others = [other for other in found.pairs if _share_a_view(pair, other)]
                known = []
                for number, other in enumerate((pair, *(others if found.network.config.guided else ()))):
                    known.append(
                        self._matched(capture, found, other, settings, part(share, 0.15 * number, 0.15 * (number + 1)))
                    )
                matched = known[0]
                if matched.flows is not None:
                    with found.clock.stage("agreement"):
                        matched = informed(matched, known[1:])
                share(0.6, "Running the network")
                with found.clock.stage("network"):
                    self._clouds[key] = pair_cloud(found.network, matched, found.subject.centre)
            made.append(_recent(self._clouds, key, MOST_CLOUDS))
        return made

    def _matched(
        self, capture: Capture, found: _Found, pair: Pair, settings: Settings, progress: Progress
    ) -> MatchedPair:
        key = self._key(found, pair, settings)
        if key not in self._matches:
            longest = LONGEST[settings.quality]
            with found.clock.stage("photographs"):
                first, second = (
                    self._photographs.get(
                        capture.views[found.subject.indices[place]],
                        found.subject.scale_of(place, longest),
                        unmixed=True,
                    )
                    for place in (pair.left, pair.right)
                )
            with found.clock.stage("matching"):
                guided = found.network.config.guided
                self._matches[key] = match_pair(first, second, longest, guided, found.subject.silhouettes, progress)
        return _recent(self._matches, key, MOST_MATCHES)

    def _key(self, found: _Found, pair: Pair, settings: Settings) -> tuple[str, ...]:
        # What a pair looks like depends on the silhouettes of all, hence on the whole subject.
        return (found.key, settings.quality, found.subject.views[pair.left].name, found.subject.views[pair.right].name)


def _recent(kept: OrderedDict[tuple[str, ...], Kept], key: tuple[str, ...], most: int) -> Kept:
    """Return an entry of a cache, as its newest; the oldest beyond ``most`` go."""
    kept.move_to_end(key)
    while len(kept) > most:
        kept.popitem(last=False)
    return kept[key]


def _share_a_view(pair: Pair, other: Pair) -> bool:
    """Whether two pairs are different and have one view in common."""
    return len({pair.left, pair.right} & {other.left, other.right}) == 1


@dataclass(frozen=True, eq=False)
class _Found:
    """What every request begins with."""

    network: GPSGaussian
    info: WeightsInfo
    key: str
    subject: Subject
    pairs: tuple[Pair, ...]
    clock: Clock


def _sharing(found: _Found, target: Camera) -> tuple[list[Pair], list[float]]:
    """Return the pairs that take part in a target's picture, and their shares, which sum to 1."""
    shares = pair_weights(target, found.pairs, found.subject.views, found.subject.centre)
    taking = np.flatnonzero(shares >= LEAST_SHARE)
    total = float(shares[taking].sum())
    return [found.pairs[index] for index in taking], [float(shares[index]) / total for index in taking]


def _metadata(
    capture: Capture,
    found: _Found,
    pairs: Sequence[Pair],
    shares: Sequence[float],
    choices: Sequence[Choice],
    settings: Settings,
) -> dict[str, Any]:
    """Return what makes a result reproducible; without a target, every view of a pair is a source."""
    subject = found.subject
    names = [view.name for view in subject.views]
    taking = {place for pair in pairs for place in (pair.left, pair.right)}
    # A view that another pair brings in near the border of two pairs was not among the chosen ones.
    reasons = {
        choice.index: choice.reason if choice.used or choice.index not in taking else "of the next pair, which is near"
        for choice in choices
    }
    skipped = [{"name": capture.views[index].name, "reason": reason} for index, reason in subject.skipped.items()]
    sources: list[dict[str, str]] = []
    for place in sorted(range(len(names)), key=lambda place: list(reasons).index(place) if reasons else place):
        entry = {"name": names[place], "reason": reasons.get(place, "a pair with its neighbour")}
        (sources if place in taking else skipped).append(entry)
    return {
        "method": NAME,
        "quality": settings.quality,
        "weights": found.info.hash,
        "device": settings.device.type,
        "sources": sources,
        "skipped": skipped,
        "pairs": [
            {"left": names[pair.left], "right": names[pair.right], "share": round(share, 4), "reason": pair.reason}
            for pair, share in zip(pairs, shares, strict=True)
        ],
        "warnings": list(subject.warnings),
        "seconds": found.clock.seconds,
    }
