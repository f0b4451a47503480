"""What the user sees: the tab *Sightline* in the 3D view's sidebar, and the Render properties."""

from . import (
    alignment,
    animation,
    calibration,
    capture,
    farm,
    gaussians,
    method,
    render,
    result,
    sources,
    target,
)

CLASSES: tuple[type, ...] = (
    *capture.CLASSES,
    *calibration.CLASSES,
    *alignment.CLASSES,
    *sources.CLASSES,
    *target.CLASSES,
    *method.CLASSES,
    *result.CLASSES,
    *animation.CLASSES,
    *farm.CLASSES,
    *gaussians.CLASSES,
    *render.CLASSES,
)
