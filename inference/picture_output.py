"""Writing pictures."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from .errors import OutputError
from .file_output import write_bytes

_ENDINGS = (".png", ".jpg", ".jpeg")


def check_ending(path: Path) -> None:
    """Check that a picture can be written under this name, before the work is done.

    Raises:
        OutputError: If the ending is none of a format that is written.
    """
    if path.suffix.lower() not in _ENDINGS:
        raise OutputError(f"{path} cannot be written: the file must end in .png or .jpg.")


def write_picture(
    path: Path,
    rgb: NDArray[np.float32],
    alpha: NDArray[np.float32] | None = None,
    *,
    bits: int | None = None,
    quality: int = 95,
) -> None:
    """Write an sRGB picture as PNG or JPEG, as the file's ending says.

    Args:
        path: Ends in .png, .jpg or .jpeg.
        rgb: H x W x 3 display-referred sRGB in [0, 1], or H x W grey; values outside are clipped.
        alpha: H x W in [0, 1], straight; PNG only, left out of a JPEG.
        bits: 8 or 16 a channel; by default 16 for PNG. JPEG has 8.
        quality: Of a JPEG, 0 to 100.

    Raises:
        OutputError: If the ending is another one, or the file cannot be written.
    """
    check_ending(path)
    suffix = path.suffix.lower()
    depth = 8 if suffix != ".png" or bits == 8 else 16
    channels = rgb[..., ::-1] if rgb.ndim == 3 else rgb
    if alpha is not None and suffix == ".png" and rgb.ndim == 3:
        channels = np.dstack([channels, alpha])
    limit = 255 if depth == 8 else 65535
    pixels = np.round(np.clip(np.nan_to_num(channels), 0.0, 1.0) * limit).astype(np.uint8 if depth == 8 else np.uint16)
    settings = [cv2.IMWRITE_PNG_COMPRESSION, 4]
    if suffix != ".png":
        # Full chroma: a result is compared with others, and a source is sampled by depth.
        settings = [
            cv2.IMWRITE_JPEG_QUALITY,
            quality,
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
        ]
    done, encoded = cv2.imencode(suffix, np.ascontiguousarray(pixels), settings)
    if not done:
        raise OutputError(f"{path} cannot be written: a picture of shape {pixels.shape} cannot be encoded.")
    write_bytes(path, encoded.tobytes())
