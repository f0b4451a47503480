"""Which mistake a calibration has: every known one is undone, and the matches say whether that helps."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from ..progress import Progress, silent
from .corrections import (
    Correction,
    axes_corrections,
    intrinsics_corrections,
    length_corrections,
    other_axes,
    picture_corrections,
    with_focal,
    with_shift,
)
from .fitting import best_factor, best_pose, best_shift
from .observations import PairMatches, PictureFeatures
from .sights import Sight, error_of

# Median errors in pixels of pictures of at most 800: matches are exact to half a pixel.
GOOD_PIXELS, BAD_PIXELS = 1.0, 2.0
# An explanation must leave at most this share of a bad error, and of a good one, which noise is a part of.
RELIEF, STRONG_RELIEF = 0.5, 1 / 3
# Where neighbours stand close together, a large mistake makes a small error; below this there is nothing to explain.
NOISE_PIXELS = 0.25
# An earlier, simpler explanation is believed unless a later one is better by more than this factor and these pixels.
SIMPLER, SIMPLER_PIXELS = 1.3, 0.2
# A factor or a shift (share of the picture) nearer to none is none.
LEAST_FACTOR, LEAST_SHIFT = 0.01, 0.005
# Pairs that all cameras' mistakes are judged by.
JUDGED_PAIRS = 16


S = TypeVar("S")


@dataclass(frozen=True)
class Diagnosis:
    """A mistake that was found.

    Args:
        kind: axes, inverted, inverted axes, rotated, mirrored, principal point, size, focal length, scale, pose,
            swapped pictures, picture size, matches, unit, unexplained.
        camera: The view that has it; ``None``: all of them.
        sentence: The mistake and the way out.
        before, after: Median epipolar error in pixels with it and without, where that was measured.
    """

    kind: str
    camera: str | None
    sentence: str
    before: float | None = None
    after: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return a record of plain values."""
        return {name: getattr(self, name) for name in ("kind", "camera", "sentence", "before", "after")}


@dataclass(eq=False)
class Case:
    """A calibration under suspicion.

    Args:
        names: Of the views.
        sights, pictures: Of the views; sights are replaced by better ones as mistakes are found.
        pairs: Matches between the pictures.
    """

    names: Sequence[str]
    sights: list[Sight]
    pictures: Sequence[PictureFeatures]
    pairs: Sequence[PairMatches]

    def errors(self) -> list[float]:
        """Return the median error of every pair."""
        return [error_of(pair, self.sights, self.pictures) for pair in self.pairs]

    def corrected(self, index: int, apply: Callable[[Sight], Sight | None]) -> Sight | None:
        """Return the sight of a view after a correction; ``None`` where there is none, or its picture does not fit."""
        sight = apply(self.sights[index])
        if sight is None or (sight.turn.quarters % 2 and not sight.fits(self.pictures[index])):
            return None
        return sight

    def error_with(self, changed: dict[int, Sight], pairs: Sequence[PairMatches]) -> float:
        """Return the median of some pairs' errors with other sights of some views."""
        sights = [changed.get(index, sight) for index, sight in enumerate(self.sights)]
        return float(np.median([error_of(pair, sights, self.pictures) for pair in pairs]))


def diagnose_all(case: Case, progress: Progress = silent) -> Diagnosis | None:
    """Return the mistake that all cameras have in common, and undo it in ``case``; ``None`` where there is none."""
    if not case.pairs:
        return None
    pairs = [case.pairs[index] for index in np.unique(np.linspace(0, len(case.pairs) - 1, JUDGED_PAIRS).astype(int))]
    before = case.error_with({}, pairs)
    if before <= NOISE_PIXELS:
        return None
    everyone = range(len(case.sights))

    def changed(apply: Callable[[Sight], Sight | None]) -> dict[int, Sight]:
        return {index: sight for index in everyone if (sight := case.corrected(index, apply)) is not None}

    def judge(corrections: Iterator[Correction]) -> tuple[Correction, dict[int, Sight], float] | None:
        tried = []
        for correction in corrections:
            progress(0.0, "Looking for the mistake")
            if sights := changed(correction.apply):
                tried.append((correction, sights, case.error_with(sights, pairs)))
        return _believed(tried, before)

    def measured() -> Iterator[Correction]:
        yield _focal(best_factor(lambda factor: case.error_with(changed(lambda s: with_focal(s, factor)), pairs)))
        dx, dy = best_shift(lambda dx, dy: case.error_with(changed(lambda s: with_shift(s, dx, dy)), pairs))
        if max(abs(dx), abs(dy)) > LEAST_SHIFT:
            camera = case.sights[0].camera
            yield Correction(
                "principal point",
                lambda sight: with_shift(sight, dx, dy),
                f"principal point is off by {-dx * camera.width:.0f} x {-dy * camera.height:.0f} pixels",
                "move it back, or calibrate the lens again",
            )

    known = itertools.chain(axes_corrections(), picture_corrections(), intrinsics_corrections())
    found = judge(known) or judge(measured()) or judge(other_axes())
    if found is None:
        return None
    correction, sights, after = found
    for index, sight in sights.items():
        case.sights[index] = sight
    return Diagnosis(correction.kind, None, correction.sentence(None), before, after)


def blamed(case: Case, errors: Sequence[float]) -> list[int]:
    """Return the fewest views that have a part in all bad pairs, worst first (greedily): the others agree."""
    left = set(range(len(case.pairs)))
    fits = [sight.fits(picture) for sight, picture in zip(case.sights, case.pictures, strict=True)]
    unfit = 1.0 - np.array(fits, dtype=np.float64)
    found: list[int] = []
    while True:
        total, bad = np.zeros(len(case.sights)), np.zeros(len(case.sights))
        for index in left:
            for view in (case.pairs[index].first, case.pairs[index].second):
                total[view] += 1
                bad[view] += errors[index] > BAD_PIXELS
        if not bad.any():
            return found
        worst = int(np.lexsort((bad, unfit, bad / np.maximum(total, 1)))[-1])
        found.append(worst)
        left = {index for index in left if worst not in (case.pairs[index].first, case.pairs[index].second)}


def diagnose_one(case: Case, index: int, trusted: frozenset[int], claimed: Sequence[Sight]) -> Diagnosis:
    """Return what is wrong with one camera, judged by its matches with trusted ones, and undo it in ``case``.

    Args:
        case: With the mistakes of all cameras undone.
        index: Of the view.
        trusted: Views that agree with each other.
        claimed: The sights of all views before single cameras' mistakes were undone.
    """
    name, own = case.names[index], case.sights[index]
    pairs = [
        pair
        for pair in case.pairs
        if index in (pair.first, pair.second) and trusted & ({pair.first, pair.second} - {index})
    ]
    if not pairs:
        others = {
            view for pair in case.pairs for view in (pair.first, pair.second) if index in (pair.first, pair.second)
        }
        listed = " and ".join(f"'{case.names[view]}'" for view in sorted(others - {index}))
        return Diagnosis(
            "unexplained",
            name,
            f"Camera '{name}' contradicts {listed}, and no other camera tells which is wrong: "
            "disable one of them, or calibrate them again.",
        )
    before = case.error_with({}, pairs)

    def error(sight: Sight) -> float:
        return case.error_with({index: sight}, pairs)

    def corrections() -> Iterator[Correction]:
        yield from picture_corrections()
        for other, sight in enumerate(claimed):
            if other != index and sight.fits(case.pictures[index]):
                yield Correction("swapped pictures", lambda _, s=sight: s, case.names[other], "")  # type: ignore[misc]
        yield from axes_corrections()
        yield from intrinsics_corrections()
        yield from length_corrections()
        yield _focal(best_factor(lambda factor: error(with_focal(own, factor))))
        pose = best_pose(index, case.sights, case.pictures, case.pairs, trusted)
        if pose is not None:
            yield Correction("pose", lambda _: pose, _pose_fault(case, index, pose, trusted), "calibrate it again")

    tried = []
    for correction in corrections():
        sight = case.corrected(index, correction.apply)
        if sight is not None:
            tried.append((correction, sight, error(sight)))
    found = _believed(tried, before)
    if found is None:
        return Diagnosis(
            "unexplained",
            name,
            f"Camera '{name}' does not fit its picture, and no single mistake explains it: "
            "calibrate it again, or disable it.",
            before,
        )
    correction, case.sights[index], after = found
    sentence = correction.sentence(name)
    if correction.kind == "swapped pictures":
        sentence = f"The picture of '{name}' belongs to camera '{correction.fault}': give it to that one."
    return Diagnosis(correction.kind, name, sentence, before, after)


def _believed(tried: Sequence[tuple[Correction, S, float]], before: float) -> tuple[Correction, S, float] | None:
    """Return the first explanation that makes the error good and is about as good as the best one."""
    relief = RELIEF if before > GOOD_PIXELS else STRONG_RELIEF
    good = [each for each in tried if each[2] <= min(GOOD_PIXELS, relief * before)]
    best = min((error for *_, error in good), default=0.0)
    return next((each for each in good if each[2] <= SIMPLER * best + SIMPLER_PIXELS), None)


def _focal(factor: float) -> Correction:
    described = "too short" if factor > 1 else "too long"
    return Correction(
        "focal length",
        lambda sight: with_focal(sight, factor) if abs(factor - 1) > LEAST_FACTOR else None,
        f"focal length is {described}",
        f"multiply it by {factor:.3f}",
    )


def _pose_fault(case: Case, index: int, pose: Sight, trusted: frozenset[int]) -> str:
    camera, right = case.sights[index].camera, pose.camera
    cosine = (np.trace(right.rotation @ camera.rotation.T) - 1) / 2
    degrees = float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))
    moved = float(np.linalg.norm(right.centre - camera.centre))
    nearest = min(float(np.linalg.norm(right.centre - case.sights[other].camera.centre)) for other in trusted)
    share = f", {100 * moved / nearest:.0f} % of the way to its neighbour" if moved > 0.01 * nearest > 0 else ""
    return f"pose is off by {degrees:.1f} degrees and {moved:.3g} units{share}"
