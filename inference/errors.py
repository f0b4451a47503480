"""Errors a person can act on: one sentence that names the thing at fault and the way out."""

from __future__ import annotations


class SightlineError(Exception):
    """Base of every error Sightline raises on purpose.

    ``code`` names the kind of trouble. It travels through the worker's protocol, so that a panel can draw the way out
    as a button and the command line can print the sentence alone.
    """

    code = "error"


class CameraError(SightlineError):
    """A camera that cannot be used or expressed: not finite, mirrored, orthographic, skewed."""

    code = "camera"


class PictureError(SightlineError):
    """A picture that is missing, damaged, or does not fit its camera."""

    code = "picture"


class CaptureError(SightlineError):
    """A capture that cannot be read, or has too little in it."""

    code = "capture"


class DepthRangeError(CaptureError):
    """No depth range is given and none can be found."""

    code = "depth_range"


class TargetError(SightlineError):
    """A target camera that no source can serve."""

    code = "target"


class WeightsError(SightlineError):
    """A weights file that is missing, damaged, or for another network."""

    code = "weights"


class BackendError(SightlineError):
    """The worker or a package it needs is missing, broken, or has died."""

    code = "backend"


class GaussiansError(SightlineError):
    """Gaussians that are missing, damaged, or cannot be used."""

    code = "gaussians"


class OutputError(SightlineError):
    """A result that cannot be written."""

    code = "output"


class Cancelled(SightlineError):  # noqa: N818 - no error, a wish
    """The user asked to stop."""

    code = "cancelled"

    def __init__(self, message: str = "Cancelled.") -> None:
        super().__init__(message)


def from_code(code: str, message: str) -> SightlineError:
    """Return the error of that ``code`` with its sentence; the base class where the code is unknown."""
    pending = [SightlineError]
    while pending:
        kind = pending.pop()
        if kind.code == code:
            return kind(message)
        pending.extend(kind.__subclasses__())
    return SightlineError(message)
