"""What there is to say about a capture: one source for the command line, the worker and Blender's panel."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ..camera import Distortion
from ..view import Capture

IDEAL = "no lens distortion"


def report(capture: Capture) -> dict[str, Any]:
    """Return what is known of a capture, as plain values.

    Returns:
        ``format``; ``views``, the number of cameras with pictures; ``left_out``, a reason by the name of every other
        camera; ``lenses``, a number of cameras by :func:`lens_words`; ``points``; ``units`` and ``residual`` (mean
        reprojection error in pixels) where they are stated, else empty and ``None``; ``depth_near``, ``depth_far`` and
        ``depth_origin``, or ``None``; ``undistorted``, how many pictures were straightened, and ``moved_from``, the
        place in the calibration that is the origin now (0 and ``None`` here).
    """
    return {
        "format": capture.format,
        "views": len(capture),
        "left_out": dict(capture.skipped),
        "lenses": dict(Counter(lens_words(view.camera.distortion) for view in capture)),
        "points": 0 if capture.points is None else len(capture.points),
        "units": capture.units,
        "residual": capture.residual,
        "depth_near": capture.depth_near,
        "depth_far": capture.depth_far,
        "depth_origin": None if capture.depth_near is None else "given",
        "undistorted": 0,
        "moved_from": None,
    }


def lens_words(lens: Distortion | None) -> str:
    """Return what kind of lens it is, by the coefficients that count."""
    if lens is None:
        return IDEAL
    if lens.model == "fisheye":
        return "fisheye"
    values = (*lens.coefficients, *(0.0,) * 12)
    kinds = {"rational": values[5:8], "radial": (*values[:2], values[4]), "tangential": values[2:4]}
    kinds["thin prism"] = values[8:12]
    names = [name for name, coefficients in kinds.items() if any(coefficients)]
    if names[0] == "rational" and "radial" in names:
        names.remove("radial")
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


def report_lines(facts: dict[str, Any]) -> list[str]:
    """Return a report as short phrases, without the names of what is left out."""
    lines = [_counted(facts["views"], "camera") + (f", {len(facts['left_out'])} skipped" if facts["left_out"] else "")]
    lenses = {lens: count for lens, count in facts["lenses"].items() if lens != IDEAL}
    if lenses:
        several = len(facts["lenses"]) > 1
        words = ", ".join(f"{lens} ({count})" if several else lens for lens, count in lenses.items())
        lines.append(f"lenses: {words}")
    if facts["undistorted"]:
        lines.append(f"{_counted(facts['undistorted'], 'picture')} straightened")
    if facts["residual"] is not None:
        lines.append(f"mean error {facts['residual']:.2g} px")
    lines.append(f"unit: {facts['units'] or 'not stated'}")
    if facts["moved_from"]:
        lines.append(f"moved to the origin from {', '.join(f'{value:.12g}' for value in facts['moved_from'])}")
    if facts["points"]:
        lines.append(_counted(facts["points"], "sparse point"))
    if facts["depth_near"] is not None:
        origin = f" ({facts['depth_origin']})" if facts["depth_origin"] else ""
        lines.append(f"depth {facts['depth_near']:.4g} to {facts['depth_far']:.4g}{origin}")
    return lines


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
