"""What buttons do; thin."""

from . import alignment, animation, capture, fixes, gaussians, housekeeping, masks, result, synthesize, timing

CLASSES: tuple[type, ...] = (
    *capture.CLASSES,
    *alignment.CLASSES,
    *timing.CLASSES,
    *masks.CLASSES,
    *synthesize.CLASSES,
    *animation.CLASSES,
    *result.CLASSES,
    *gaussians.CLASSES,
    *fixes.CLASSES,
    *housekeeping.CLASSES,
)
