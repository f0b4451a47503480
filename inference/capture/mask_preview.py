"""What a mask leaves of a picture, for the eye, and what is wrong with it."""

from __future__ import annotations

import numpy as np

from ..colour import from_linear, to_linear
from ..errors import PictureError
from ..masks.checks import check_mask
from ..view import Picture, View
from .photographs import Photograph, fitting_scale, load_photograph

# Two greys between which no subject's edge is lost.
_SHADES = (0.3, 0.6)
_SQUARES = 40  # across the longer side


def mask_preview(view: View, longer_side: int | None = None) -> tuple[Picture, list[str]]:
    """Return a view's subject over a checkerboard, and what is wrong with its mask.

    Args:
        view: With a mask, or a picture with an alpha channel.
        longer_side: Most pixels of the result; ``None``: as many as the picture has.

    Returns:
        (H, W, 3) sRGB in [0, 1], without lens distortion: the subject's own colours, as the methods for people see
        them; and sentences. A mask that shows nothing or everything is a sentence here.

    Raises:
        PictureError: If there is no mask, or a file is missing or damaged.
        CameraError: If the lens distortion cannot be removed.
    """
    photograph = load_photograph(view, fitting_scale(view, longer_side), unmixed=True)
    if photograph.mask is None:
        raise no_mask(view.name)
    try:
        warnings = mask_warnings(photograph, view.name)
    except PictureError as error:
        warnings = [str(error)]
    height, width = photograph.mask.shape
    square = max(1, max(height, width) // _SQUARES)
    dark = (np.arange(height)[:, None] // square + np.arange(width) // square) % 2 == 0
    board = np.where(dark[..., None], *(to_linear(np.full(3, shade, np.float32)) for shade in _SHADES))
    alpha = photograph.mask[..., None]
    return from_linear(alpha * to_linear(photograph.rgb) + (1.0 - alpha) * board), warnings


def mask_warnings(photograph: Photograph, name: str) -> list[str]:
    """Return warnings about the mask of a view's photograph, if it can be used.

    Raises:
        PictureError: If there is none, or it shows nothing or everything.
    """
    if photograph.mask is None:
        raise no_mask(name)
    return check_mask(photograph.mask, name, (photograph.camera.width, photograph.camera.height))


def no_mask(name: str) -> PictureError:
    """Return the error of a view without any mask."""
    return PictureError(
        f"'{name}' has no mask, so the subject cannot be told from the background; give it an alpha channel, a mask "
        "image, a clean plate or a chroma key."
    )
