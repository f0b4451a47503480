"""What the user sees: the tab *Sightline* in the 3D view's sidebar."""

from . import capture, gaussians, method, result, sources, target

CLASSES: tuple[type, ...] = (
    *capture.CLASSES,
    *sources.CLASSES,
    *target.CLASSES,
    *method.CLASSES,
    *result.CLASSES,
    *gaussians.CLASSES,
)
