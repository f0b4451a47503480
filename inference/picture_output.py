"""Writing pictures."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from .colour import to_linear
from .errors import OutputError
from .file_output import write_bytes
from .file_stamp import KEYWORD, stamped

_ENDINGS = (".png", ".jpg", ".jpeg", ".exr")

# The depth where there is nothing, as Blender's own renders have it.
_EXR_NOTHING = np.float32(1e10)

_DEPTH_PASS = "Depth.Z"


def check_ending(path: Path) -> None:
    """Check that a picture can be written under this name, before the work is done.

    Raises:
        OutputError: If the ending is none of a format that is written.
        ImportError: If the package that writes this format is missing.
    """
    suffix = path.suffix.lower()
    if suffix not in _ENDINGS:
        raise OutputError(f"{path} cannot be written: the file must end in .png, .jpg or .exr.")
    if suffix == ".exr":
        import OpenEXR  # noqa: F401


def write_picture(
    path: Path,
    rgb: NDArray[np.float32],
    alpha: NDArray[np.float32] | None = None,
    *,
    depth: NDArray[np.float32] | None = None,
    bits: int | None = None,
    quality: int = 95,
    stamp: str | None = None,
) -> None:
    """Write a picture as PNG, JPEG or OpenEXR, as the file's ending says.

    PNG and JPEG are sRGB. OpenEXR is scene-linear with the primaries of sRGB: half floats, multiplied by alpha.

    Args:
        path: Ends in .png, .jpg, .jpeg or .exr.
        rgb: H x W x 3 display-referred sRGB in [0, 1], or H x W grey; values outside are clipped.
        alpha: H x W in [0, 1], straight; left out of a JPEG.
        depth: H x W along the optical axis, infinite where there is nothing; the channel Z of OpenEXR, no other's.
        bits: 8 or 16 a channel; by default 16 for PNG. JPEG has 8.
        quality: Of a JPEG, 0 to 100.
        stamp: A text that :func:`inference.file_stamp.read_stamp` finds in the file.

    Raises:
        OutputError: If the ending is another one, or the file cannot be written.
    """
    check_ending(path)
    suffix = path.suffix.lower()
    if suffix == ".exr":
        write_bytes(path, _encoded_exr(rgb, alpha, depth, stamp))
        return
    bits = 8 if suffix != ".png" or bits == 8 else 16
    channels = rgb[..., ::-1] if rgb.ndim == 3 else rgb
    if alpha is not None and suffix == ".png" and rgb.ndim == 3:
        channels = np.dstack([channels, alpha])
    limit = 255 if bits == 8 else 65535
    pixels = np.round(_clipped(channels) * limit).astype(np.uint8 if bits == 8 else np.uint16)
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
    data = encoded.tobytes()
    write_bytes(path, data if stamp is None else stamped(data, suffix, stamp))


def layer_depth(path: Path) -> None:
    """Make the channel Z of an OpenEXR file the pass Depth of its layer without a name.

    Blender's compositor finds depth in passes alone. A file that has it there is left as it is.

    Raises:
        OutputError: If the file has no depth, or cannot be written.
    """
    import OpenEXR

    file = OpenEXR.File(str(path), separate_channels=True)
    channels = {name: channel.pixels for name, channel in file.channels().items()}
    if _DEPTH_PASS in channels:
        return
    if "Z" not in channels:
        raise OutputError(f"{path} has no depth; make it again.")
    channels[_DEPTH_PASS] = channels.pop("Z")
    header = {name: value for name, value in file.header().items() if name != "channels"}
    data = io.BytesIO()
    OpenEXR.File(header, channels).write(data)
    write_bytes(path, data.getvalue())


def _encoded_exr(
    rgb: NDArray[np.float32],
    alpha: NDArray[np.float32] | None,
    depth: NDArray[np.float32] | None,
    stamp: str | None,
) -> bytes:
    """Return an OpenEXR file of one part: R, G, B (or Y of a grey picture), A and Z as far as they are given."""
    import OpenEXR  # no other format needs it

    cover = np.ones(rgb.shape[:2], np.float32) if alpha is None else _clipped(alpha)
    linear = to_linear(_clipped(rgb.reshape(*cover.shape, -1))) * cover[..., None]
    names = "RGB" if rgb.ndim == 3 else "Y"
    channels = {name: linear[..., index].astype(np.float16) for index, name in enumerate(names)}
    if alpha is not None:
        channels["A"] = cover.astype(np.float16)
    if depth is not None:
        channels["Z"] = np.where(np.isfinite(depth), depth, _EXR_NOTHING)
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    if stamp is not None:
        header[KEYWORD] = stamp
    data = io.BytesIO()
    OpenEXR.File(header, {name: np.ascontiguousarray(channel) for name, channel in channels.items()}).write(data)
    return data.getvalue()


def _clipped(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.clip(np.nan_to_num(values), 0.0, 1.0)
