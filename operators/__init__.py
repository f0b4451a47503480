"""What buttons do; thin."""

from . import capture, fixes, housekeeping, result, synthesize

CLASSES: tuple[type, ...] = (
    *capture.CLASSES,
    *synthesize.CLASSES,
    *result.CLASSES,
    *fixes.CLASSES,
    *housekeeping.CLASSES,
)
