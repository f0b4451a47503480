"""What buttons do; thin."""

from . import capture, fixes, gaussians, housekeeping, result, synthesize

CLASSES: tuple[type, ...] = (
    *capture.CLASSES,
    *synthesize.CLASSES,
    *result.CLASSES,
    *gaussians.CLASSES,
    *fixes.CLASSES,
    *housekeeping.CLASSES,
)
