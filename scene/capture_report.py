"""What is known of a capture, kept on its collection for the panel."""

from __future__ import annotations

from typing import Any

import bpy

from .hanging import root_of
from .properties import of_collection

# Lengths that calibrations are in, in metres.
_METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001, "km": 1000.0, "in": 0.0254, "ft": 0.3048}

# A scale that differs by less is meant to be the same.
_SAME_SCALE = 0.01


def remember(collection: bpy.types.Collection, report: dict[str, Any]) -> None:
    """Keep what the worker told of a capture (:func:`inference.capture.report.report`)."""
    settings = of_collection(collection)
    settings.format, settings.units = report["format"], report["units"]
    settings.report = "\n".join(report["lines"])
    settings.left_out = "\n".join(f"{name}: {reason}" for name, reason in report["left_out"].items())


def lines(collection: bpy.types.Collection) -> list[str]:
    """Return what is known, in short lines; nothing of a collection that was not imported."""
    return of_collection(collection).report.splitlines()


def left_out(collection: bpy.types.Collection) -> list[str]:
    """Return the cameras that were left out, each with the reason."""
    return of_collection(collection).left_out.splitlines()


def unit_note(scene: bpy.types.Scene, collection: bpy.types.Collection) -> str | None:
    """Return that the calibration's unit is another than the scene's and its empty does not make up for that."""
    unit, root = of_collection(collection).units, root_of(collection)
    metres = _METRES.get(unit.lower())
    if metres is None or root is None or scene.unit_settings.system == "NONE":
        return None
    wanted, scale = metres / scene.unit_settings.scale_length, root.matrix_world.median_scale
    if abs(scale - wanted) <= _SAME_SCALE * wanted:
        return None
    return (
        f"The calibration is in {unit}, and a unit of this scene is {scene.unit_settings.scale_length:g} m: set the "
        f"scale of '{root.name}' to {wanted:.4g} for true lengths."
    )
