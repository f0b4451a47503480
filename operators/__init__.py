"""What buttons do; thin."""

from . import capture, fixes, gaussians, housekeeping, masks, result, synthesize

CLASSES: tuple[type, ...] = (
    *capture.CLASSES,
    *masks.CLASSES,
    *synthesize.CLASSES,
    *result.CLASSES,
    *gaussians.CLASSES,
    *fixes.CLASSES,
    *housekeeping.CLASSES,
)
