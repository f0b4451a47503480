"""Pictures and masks as they are stored, before lenses and scales: colours, and what of them is the subject."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import PictureError
from ..masks.chroma_key import chroma_key_mask, suppress_spill
from ..masks.clean_plate import clean_plate_mask, matched_plate
from ..masks.foreground import subject_colours
from ..masks.stored import image_mask, unit_range
from ..mattes import ChromaKey, CleanPlate
from ..view import MovieFrame, Picture, Stored, View
from .movies import movie_size, read_movie_frame
from .picture_files import picture_size, read_pixels


def stored_photograph(view: View, unmixed: bool = False) -> tuple[Picture, Picture | None]:
    """Return RGB and mask of a view's stored picture as float32 in [0, 1], both of the picture's size.

    Args:
        view: With its mask from wherever; an alpha channel of the picture is combined with it.
        unmixed: Keep the background out of the colours of soft edges (see :func:`masks.foreground.subject_colours`).

    Raises:
        PictureError: If a file is missing or damaged, or the mask does not fit the picture.
    """
    alpha: Picture | None = None
    if isinstance(view.image, Stored):
        rgb, alpha = _split_alpha(_pixels(view.image, f"picture of '{view.name}'"))
    else:
        rgb = view.image
    plate: Picture | None = None
    if isinstance(view.mask, CleanPlate):
        plate, _ = _split_alpha(read_pixels(view.mask.plate, f"clean plate of '{view.name}'"))
    given = _given_mask(view, rgb, plate)
    mask = alpha if given is None else given if alpha is None else alpha * given
    if unmixed and mask is not None:
        rgb = _unmixed(view, rgb, mask, plate)
    return rgb, mask


def stored_size(stored: Stored, owner: str) -> tuple[int, int]:
    """Return width and height of a stored picture, without decoding it where its format allows that.

    Raises:
        PictureError: If the file is missing or damaged.
    """
    return movie_size(stored, owner) if isinstance(stored, MovieFrame) else picture_size(stored, owner)


def same_aspect(a: tuple[int, int], b: tuple[int, int]) -> bool:
    """Whether a picture of size ``a`` scaled to the width or height of ``b`` has the other side within a pixel."""
    return abs(a[1] * b[0] / a[0] - b[1]) <= 1 or abs(a[0] * b[1] / a[1] - b[0]) <= 1


def _given_mask(view: View, rgb: Picture, plate: Picture | None) -> Picture | None:
    """Return the mask that a view names, of its picture's size; ``None`` where it names none."""
    if view.mask is None:
        return None
    try:
        if isinstance(view.mask, ChromaKey):
            return chroma_key_mask(rgb, view.mask.colour, view.mask.tolerance)
        if isinstance(view.mask, CleanPlate):
            assert plate is not None
            return clean_plate_mask(rgb, plate, view.mask.threshold)
    except PictureError as error:
        raise PictureError(f"The mask of '{view.name}' cannot be made: {error}") from None
    pixels = _pixels(view.mask, f"mask of '{view.name}'") if isinstance(view.mask, Stored) else view.mask
    return image_mask(pixels, view.name, (rgb.shape[1], rgb.shape[0]))


def _unmixed(view: View, rgb: Picture, mask: Picture, plate: Picture | None) -> Picture:
    """Return the picture with the subject's own colours in its soft edges."""
    if isinstance(view.mask, ChromaKey):
        return suppress_spill(subject_colours(rgb, mask, mixed=True), view.mask.colour)
    if plate is not None:
        return subject_colours(rgb, mask, matched_plate(rgb, plate), mixed=True)
    return subject_colours(rgb, mask)


def _pixels(stored: Stored, owner: str) -> NDArray[Any]:
    return read_movie_frame(stored, owner) if isinstance(stored, MovieFrame) else read_pixels(stored, owner)


def _split_alpha(pixels: NDArray[Any]) -> tuple[Picture, Picture | None]:
    """Return H x W x 3 colours and the alpha of pixels with 1 to 4 channels."""
    values = unit_range(pixels)
    channels = values.shape[2]
    alpha = np.ascontiguousarray(values[..., -1]) if channels in (2, 4) else None
    colours = values[..., :3] if channels >= 3 else np.repeat(values[..., :1], 3, axis=2)
    # An alpha that hides nothing is no mask.
    return np.ascontiguousarray(colours), None if alpha is None or alpha.min() == 1 else alpha
