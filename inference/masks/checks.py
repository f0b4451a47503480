"""What is wrong with a mask, in one sentence."""

from __future__ import annotations

import numpy as np

from ..errors import PictureError
from ..view import Picture

# A subject of fewer pixels than this share of the picture is a speck.
_SMALLEST_SHARE = 1e-4
# A side of the picture that is covered for less than this share of its length is touched by noise only.
_TOUCHED = 0.01


def check_mask(mask: Picture, name: str, size: tuple[int, int]) -> list[str]:
    """Return warnings about a mask that can be used.

    Args:
        mask: (H, W) in [0, 1].
        name: The view's, for the sentences.
        size: Width and height of its picture.

    Returns:
        A sentence if the subject is cut by the picture's border; else nothing.

    Raises:
        PictureError: If the mask has another size than the picture, is empty, or covers all of the picture.
    """
    if mask.shape != (size[1], size[0]):
        found = " x ".join(str(side) for side in mask.shape[::-1])
        raise PictureError(
            f"The mask of '{name}' is {found} pixels, but its picture is {size[0]} x {size[1]}; make them the same "
            "size."
        )
    if not np.isfinite(mask).all():
        raise PictureError(f"The mask of '{name}' holds values that are no numbers; save it again.")
    shown = mask >= 0.5
    if shown.mean() < _SMALLEST_SHARE:
        raise PictureError(f"The mask of '{name}' is empty: nothing in it is the subject; check it or its settings.")
    if shown.all():
        raise PictureError(
            f"The mask of '{name}' covers the whole picture, so nothing is told from the background; check it or its "
            "settings."
        )
    sides = {"top": shown[0], "bottom": shown[-1], "left": shown[:, 0], "right": shown[:, -1]}
    cut = [side for side, pixels in sides.items() if pixels.mean() > _TOUCHED]
    if not cut:
        return []
    where = cut[0] if len(cut) == 1 else f"{', '.join(cut[:-1])} and {cut[-1]}"
    return [f"The subject in '{name}' is cut by the {where} border of the picture; what lies outside will be missing."]
