"""What buttons do; thin."""

from . import (
    alignment,
    animation,
    calibration,
    capture,
    capture_export,
    colours,
    coverage,
    farm,
    fixes,
    gaussians,
    housekeeping,
    masks,
    result,
    synthesize,
    timing,
)

CLASSES: tuple[type, ...] = (
    *capture.CLASSES,
    *capture_export.CLASSES,
    *calibration.CLASSES,
    *alignment.CLASSES,
    *timing.CLASSES,
    *masks.CLASSES,
    *colours.CLASSES,
    *coverage.CLASSES,
    *synthesize.CLASSES,
    *animation.CLASSES,
    *farm.CLASSES,
    *result.CLASSES,
    *gaussians.CLASSES,
    *fixes.CLASSES,
    *housekeeping.CLASSES,
)
