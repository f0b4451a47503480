"""Scales that cannot be: pictures do not show a unit, but a stated one makes some sizes absurd."""

from __future__ import annotations

import numpy as np

from ..camera import Array
from ..capture.triangulation import intersect
from ..view import Capture
from .diagnosis import Case, Diagnosis

METRES = {"m": 1.0, "metre": 1.0, "meter": 1.0, "cm": 0.01, "mm": 0.001, "km": 1000.0, "in": 0.0254, "ft": 0.3048}
# Cameras nearer to each other, or farther, are none that people set up around a scene; likewise what they look at.
SMALLEST_SPACING, LARGEST_SPACING = 0.01, 1000.0
SMALLEST_DISTANCE, LARGEST_DISTANCE = 0.03, 5000.0
# A share of scene points below this lies within a right depth range.
LEAST_INSIDE = 0.5


def suspicious_units(capture: Capture, case: Case) -> list[Diagnosis]:
    """Return what is suspicious about a capture's scale.

    Args:
        capture: With its unit, if it states one, and its depth range.
        case: Its cameras, mistakes undone, and matches.
    """
    found = []
    depths = _depths(case)
    metres = METRES.get(capture.units.strip().lower())
    if metres is not None:
        centres = np.stack([sight.camera.centre for sight in case.sights])
        gaps = np.linalg.norm(centres[:, None] - centres[None], axis=-1)
        np.fill_diagonal(gaps, np.inf)
        spacing = float(np.median(gaps.min(axis=1))) * metres
        distance = float(np.median(depths)) * metres if len(depths) else None
        if not SMALLEST_SPACING <= spacing <= LARGEST_SPACING:
            found.append(
                f"If one unit is 1 {capture.units}, neighbouring cameras are {_length(spacing)} apart, which is "
                "unlikely"
            )
        elif distance is not None and not SMALLEST_DISTANCE <= distance <= LARGEST_DISTANCE:
            found.append(
                f"If one unit is 1 {capture.units}, the scene is {_length(distance)} away from the cameras, which is "
                "unlikely"
            )
    diagnoses = [
        Diagnosis("unit", None, f"{sentence}: scale the capture (a standing person is about 1.7 m tall).")
        for sentence in found
    ]
    if capture.depth_near is not None and capture.depth_far is not None and len(depths):
        inside = float(np.mean((depths >= capture.depth_near) & (depths <= capture.depth_far)))
        if inside < LEAST_INSIDE:
            near, far = np.percentile(depths, (2.0, 98.0))
            diagnoses.append(
                Diagnosis(
                    "unit",
                    None,
                    f"The depth range {capture.depth_near:.3g} to {capture.depth_far:.3g} does not fit the cameras, "
                    f"which see the scene at {near:.3g} to {far:.3g}: bring both to one unit.",
                )
            )
    return diagnoses


def _depths(case: Case) -> Array:
    """Return the depths of the scene points that pairs agree on, in both views."""
    depths = [np.empty(0)]
    for pair in case.pairs:
        first, x1 = case.sights[pair.first].ideal(case.pictures[pair.first], pair.a)
        second, x2 = case.sights[pair.second].ideal(case.pictures[pair.second], pair.b)
        points, good = intersect(first, second, x1, x2)
        depths += [camera.project(points[good])[1] for camera in (first, second)]
    return np.concatenate(depths)


def _length(metres: float) -> str:
    for name, size in (("km", 1000.0), ("m", 1.0), ("cm", 0.01)):
        if metres >= size:
            return f"{metres / size:.3g} {name}"
    return f"{metres * 1000:.3g} mm"
