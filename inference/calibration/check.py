"""How well a calibration fits its photographs, camera by camera, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..camera import Array
from ..capture.triangulation import intersect
from ..progress import Progress, part, silent
from ..view import Capture
from .diagnosis import BAD_PIXELS, GOOD_PIXELS, Case, Diagnosis, blamed, diagnose_all, diagnose_one
from .observations import LONGER_SIDE, PairMatches, observe
from .sights import Sight, measure
from .units import suspicious_units

# Matched points of a pair that are drawn over its pictures.
DRAWN = 60
# Cameras that agree with each other, and half of all at least, are right: what does not agree with them is wrong.
LEAST_TRUSTED = 2


@dataclass(frozen=True)
class CameraCheck:
    """How well one camera fits.

    Args:
        name: Of the view.
        matches: Number of matches with its neighbours.
        epipolar: Median distance of matches to epipolar lines in pixels of pictures scaled to at most 800; ``None``
            without matches. Where the fault is another camera's, that one's matches do not count.
        reprojection: Median reprojection error of points triangulated with its neighbours, likewise.
        verdict: good (1 pixel or less), fair (2 or less), bad, or unknown (too few matches).
    """

    name: str
    matches: int
    epipolar: float | None
    reprojection: float | None
    verdict: str


@dataclass(frozen=True, eq=False)
class PairCheck:
    """Some matched points of two pictures, to be drawn over them.

    Args:
        first, second: Names of the views.
        x1, x2: (N, 2) pixels of the stored pictures, edges at 0..width.
        errors: (N,) distance to epipolar lines in pixels of pictures scaled to at most 800.
    """

    first: str
    second: str
    x1: Array = field(repr=False)
    x2: Array = field(repr=False)
    errors: Array = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """Return a record of plain values, rounded to what can be drawn."""
        points = {name: np.round(getattr(self, name), 2).tolist() for name in ("x1", "x2", "errors")}
        return {"first": self.first, "second": self.second, **points}


@dataclass(frozen=True, eq=False)
class CalibrationReport:
    """What a check has found.

    Args:
        cameras: In the capture's order.
        pairs: Matched points of pairs of pictures.
        diagnoses: What is wrong; nothing where all is well.
        epipolar: Median over the pairs of their median epipolar distance; ``None`` where nothing matches.
    """

    cameras: tuple[CameraCheck, ...]
    pairs: tuple[PairCheck, ...]
    diagnoses: tuple[Diagnosis, ...]
    epipolar: float | None

    @property
    def ranking(self) -> list[CameraCheck]:
        """The cameras, worst first; those that cannot be judged come last."""
        return sorted(
            self.cameras, key=lambda camera: -1.0 if camera.epipolar is None else camera.epipolar, reverse=True
        )

    def to_json(self) -> dict[str, Any]:
        """Return a record of plain values."""
        return {
            "cameras": [vars(camera) for camera in self.cameras],
            "ranking": [camera.name for camera in self.ranking],
            "pairs": [pair.to_json() for pair in self.pairs],
            "diagnoses": [diagnosis.to_json() for diagnosis in self.diagnoses],
            "epipolar": self.epipolar,
            "longer_side": LONGER_SIDE,
        }


def check_calibration(capture: Capture, progress: Progress = silent) -> CalibrationReport:
    """Measure how well cameras fit the matches between their pictures, and name what is wrong.

    A mistake is named only where undoing it brings the median epipolar error from bad to good.

    Args:
        capture: Two views or more.
        progress: Told after every picture and pair.

    Raises:
        PictureError: If a picture cannot be read.
        CaptureError: If there is only one view.
    """
    pictures, pairs = observe(capture, part(progress, 0.0, 0.8))
    names = [view.name for view in capture]
    given = [Sight(view.camera) for view in capture]
    case = Case(names, list(given), pictures, pairs)
    diagnoses: list[Diagnosis] = []
    common = diagnose_all(case, part(progress, 0.8, 0.9))
    if common is not None:
        diagnoses.append(common)
    errors = case.errors()
    faulty = blamed(case, errors)
    trusted = frozenset(
        index for pair in pairs for index in (pair.first, pair.second) if not {pair.first, pair.second} & set(faulty)
    )
    if faulty and len(trusted) < max(LEAST_TRUSTED, len(trusted | set(faulty)) / 2):
        diagnoses.append(_unexplained(float(np.median(errors))))
    else:
        diagnoses += _single(case, faulty, trusted, part(progress, 0.9, 1.0))
    diagnoses += _sizes(case, diagnoses)
    diagnoses += suspicious_units(capture, case)
    outside = frozenset() if common is not None else frozenset(faulty)
    cameras = tuple(_camera(index, names, given, case, outside) for index in range(len(names)))
    if unknown := [camera.name for camera in cameras if camera.verdict == "unknown"]:
        diagnoses.append(_too_few_matches(unknown, len(names)))
    return CalibrationReport(
        cameras,
        tuple(_drawn(pair, names, given, case) for pair in pairs),
        tuple(diagnoses),
        common.before if common is not None else float(np.median(errors)) if errors else None,
    )


def _single(case: Case, faulty: Sequence[int], trusted: frozenset[int], progress: Progress) -> list[Diagnosis]:
    """Return what is wrong with single cameras."""
    claimed = tuple(case.sights)
    found = []
    for done, index in enumerate(faulty):
        progress(done / len(faulty), "Looking for the mistake")
        found.append(diagnose_one(case, index, trusted, claimed))
    return found


def _sizes(case: Case, known: Sequence[Diagnosis]) -> list[Diagnosis]:
    """Return the pictures that have not the shape of their cameras, mistakes undone, where nothing is said of them."""
    said = {diagnosis.camera for diagnosis in known if diagnosis.kind == "rotated"}
    found = []
    for name, sight, picture in zip(case.names, case.sights, case.pictures, strict=True):
        if sight.fits(picture) or name in said:
            continue
        camera = sight.camera
        found.append(
            Diagnosis(
                "picture size",
                name,
                f"The picture of '{name}' is {picture.stored[0]} x {picture.stored[1]} pixels, but its camera is "
                f"calibrated for {camera.width} x {camera.height}: use the picture that was calibrated.",
            )
        )
    return found


def _camera(
    index: int, names: Sequence[str], given: Sequence[Sight], case: Case, outside: frozenset[int]
) -> CameraCheck:
    own = [pair for pair in case.pairs if index in (pair.first, pair.second)]
    matches = sum(len(pair) for pair in own)
    # A neighbour's fault is not this one's.
    fair = [pair for pair in own if not ({pair.first, pair.second} - {index}) & outside] or own
    if not fair:
        return CameraCheck(names[index], matches, None, None, "unknown")
    epipolar = float(np.median(np.concatenate([measure(pair, given, case.pictures).errors for pair in fair])))
    residuals = np.concatenate([_residuals(pair, index, given, case) for pair in fair])
    verdict = "good" if epipolar <= GOOD_PIXELS else "fair" if epipolar <= BAD_PIXELS else "bad"
    return CameraCheck(
        names[index], matches, epipolar, float(np.median(residuals)) if len(residuals) else None, verdict
    )


def _residuals(pair: PairMatches, index: int, sights: Sequence[Sight], case: Case) -> Array:
    """Return the reprojection errors in one view of the points of a pair."""
    first, x1 = sights[pair.first].ideal(case.pictures[pair.first], pair.a)
    second, x2 = sights[pair.second].ideal(case.pictures[pair.second], pair.b)
    points, _ = intersect(first, second, x1, x2)
    camera, pixels = (first, x1) if index == pair.first else (second, x2)
    projected, depth = camera.project(points)
    distances: Array = np.linalg.norm(projected - pixels, axis=1)[(depth > 0) & np.isfinite(points).all(axis=1)]
    return distances


def _drawn(pair: PairMatches, names: Sequence[str], given: Sequence[Sight], case: Case) -> PairCheck:
    some = np.unique(np.linspace(0, len(pair) - 1, min(DRAWN, len(pair))).astype(int))
    errors = measure(pair, given, case.pictures).errors[some]
    stored = []
    for index, features in ((pair.first, pair.a), (pair.second, pair.b)):
        picture = case.pictures[index]
        scale = [picture.stored[0] / picture.width, picture.stored[1] / picture.height]
        stored.append(picture.pixels[features[some]] * scale)
    return PairCheck(names[pair.first], names[pair.second], stored[0], stored[1], errors)


def _unexplained(error: float) -> Diagnosis:
    return Diagnosis(
        "unexplained",
        None,
        f"The cameras do not fit the pictures (median epipolar error {error:.1f} pixels), and no single mistake "
        "explains it: make sure that these pictures were calibrated, or calibrate them with Calibrate Photographs.",
    )


def _too_few_matches(names: Sequence[str], count: int) -> Diagnosis:
    whom = f"'{names[0]}'" if len(names) == 1 else f"{len(names)} of {count} cameras"
    return Diagnosis(
        "matches",
        names[0] if len(names) == 1 else None,
        f"The pictures of {whom} share too few features with others to be judged: look at them yourself, "
        "or photograph in smaller steps.",
    )
