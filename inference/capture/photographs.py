"""Photographs as the methods read them: of an ideal camera, float32 sRGB, at the scale that is asked for."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..camera import Camera
from ..errors import CameraError, PictureError
from ..picture_output import write_picture
from ..view import Picture, View
from .names import file_stem
from .picture_files import picture_size, read_pixels
from .rectification import rectified_camera, rectify

DEFAULT_CACHE_BYTES = 1 << 30
# Scaled down to this and less, linear resampling is within 45 dB of the truth: its blur is smaller than the new pixels.
FINE_SCALE = 1 / 3


@dataclass(frozen=True, eq=False)
class Photograph:
    """The picture of an ideal pinhole camera.

    Args:
        camera: Without distortion, of the size of the picture.
        rgb: H x W x 3 sRGB display-referred RGB in [0, 1], float32.
        mask: H x W in [0, 1], 1 where the picture shows the scene; ``None``: everywhere.
    """

    camera: Camera
    rgb: Picture = field(repr=False)
    mask: Picture | None = field(default=None, repr=False)

    @property
    def nbytes(self) -> int:
        """Size of the pixels in memory."""
        return self.rgb.nbytes + (0 if self.mask is None else self.mask.nbytes)


def load_photograph(view: View, scale: float = 1.0, square_pixels: bool = False) -> Photograph:
    """Read a view's picture, remove its lens distortion, and scale it down.

    Args:
        view: With a file or an array. A file may have another size than its camera says, if it has the aspect ratio.
        scale: Size of the result relative to the stored picture, in (0, 1]; rounded to whole pixels (the camera is
            exact).
        square_pixels: Also resample to equal focal lengths (see :func:`rectified_camera`), before scaling.

    Returns:
        The photograph. Do not write to its arrays: :class:`Photographs` hands them out again.

    Raises:
        PictureError: If a file is missing, damaged, or does not fit the camera.
        CameraError: If the lens distortion cannot be removed.
    """
    if not 0 < scale <= 1:
        raise ValueError(f"scale is {scale}, expected 0 < scale <= 1")
    rgb, mask = _stored_pixels(view)
    camera = _camera_of_picture(view, rgb.shape[1], rgb.shape[0])
    try:
        rectified = rectified_camera(camera, square_pixels)
    except CameraError as error:
        raise CameraError(f"The camera of '{view.name}' cannot be used: {error}") from None
    rgb = rectify(rgb, camera, rectified, fine=scale > FINE_SCALE)
    mask = None if mask is None else rectify(mask, camera, rectified)
    if scale < 1:
        width, height = max(1, round(camera.width * scale)), max(1, round(camera.height * scale))
        rectified = rectified.resized(width, height)
        rgb = _scaled(rgb, (width, height), cv2.INTER_AREA)
        mask = None if mask is None else _scaled(mask, (width, height), cv2.INTER_AREA)
    # Lanczos samples overshoot at edges.
    rgb = np.clip(rgb, 0.0, 1.0)
    return Photograph(rectified, rgb, None if mask is None else np.clip(mask, 0.0, 1.0))


def fitting_scale(view: View, longer_side: int | None) -> float:
    """Return the scale at which the longer side of a view's stored picture has at most ``longer_side`` pixels.

    Raises:
        PictureError: If the picture is missing or damaged.
    """
    if longer_side is None:
        return 1.0
    if isinstance(view.image, Path):
        stored = max(picture_size(view.image, f"picture of '{view.name}'"))
    else:
        stored = max(view.image.shape[:2])
    return min(1.0, longer_side / stored)


class Photographs:
    """A cache of photographs, bounded by the memory of their pixels; the least recently used go first."""

    def __init__(self, limit_bytes: int = DEFAULT_CACHE_BYTES) -> None:
        self._limit = limit_bytes
        self._kept: OrderedDict[str, Photograph] = OrderedDict()
        self._bytes = 0

    def get(self, view: View, scale: float = 1.0) -> Photograph:
        """Return :func:`load_photograph` of the view, from memory where files, camera and scale are the same as before.

        Raises:
            PictureError, CameraError: As :func:`load_photograph`.
        """
        key = identity(view, scale)
        photograph = self._kept.get(key)
        if photograph is not None:
            self._kept.move_to_end(key)
            return photograph
        photograph = load_photograph(view, scale)
        self._kept[key] = photograph
        self._bytes += photograph.nbytes
        # The newest stays, even where it is larger than the limit: its caller holds it anyway.
        while self._bytes > self._limit and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= dropped.nbytes
        return photograph

    def clear(self) -> None:
        """Forget every photograph."""
        self._kept.clear()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def nbytes(self) -> int:
        """Size in memory of the pixels that are kept."""
        return self._bytes


def write_rectified(view: View, folder: Path, square_pixels: bool = True) -> View:
    """Save the picture of the ideal camera beside others, for programs that know no lens distortion.

    Args:
        view: With a file or an array.
        folder: Where the picture goes; made when something is written.
        square_pixels: Also make both focal lengths the same.

    Returns:
        The view of the saved picture (PNG, or JPEG of quality 97 where the stored one is JPEG; a mask as PNG), or
        ``view`` itself where its picture is a file of such a camera already.

    Raises:
        PictureError, CameraError: As :func:`load_photograph`.
        OutputError: If the picture cannot be saved.
    """
    if isinstance(view.image, Path):
        camera = _camera_of_picture(view, *picture_size(view.image, f"picture of '{view.name}'"))
        if rectified_camera(camera, square_pixels) is camera and not isinstance(view.mask, np.ndarray):
            return view if camera is view.camera else replace(view, camera=camera)
    photograph = load_photograph(view, square_pixels=square_pixels)
    stem = file_stem(view.name)
    lossy = isinstance(view.image, Path) and view.image.suffix.lower() in (".jpg", ".jpeg")
    image = folder / f"{stem}{'.jpg' if lossy else '.png'}"
    write_picture(image, photograph.rgb, quality=97)
    mask = None
    if photograph.mask is not None:
        mask = folder / f"{stem}.mask.png"
        write_picture(mask, photograph.mask, bits=8)
    return View(view.name, photograph.camera, image, mask)


def _stored_pixels(view: View) -> tuple[Picture, Picture | None]:
    """Return RGB and mask of the stored picture as float32 in [0, 1], both of the picture's size."""
    mask: Picture | None = None
    if isinstance(view.image, Path):
        rgb, mask = _split_alpha(_unit_range(read_pixels(view.image, f"picture of '{view.name}'")))
    else:
        rgb = view.image
    if view.mask is None:
        return rgb, mask
    if isinstance(view.mask, Path):
        colours, _ = _split_alpha(_unit_range(read_pixels(view.mask, f"mask of '{view.name}'")))
        given: Picture = colours.mean(axis=2)
    else:
        given = view.mask
    size = (rgb.shape[1], rgb.shape[0])
    if given.shape != (size[1], size[0]):
        if not _same_aspect(size, (given.shape[1], given.shape[0])):
            raise PictureError(
                f"The mask of '{view.name}' is {given.shape[1]} x {given.shape[0]} pixels, but its picture is "
                f"{size[0]} x {size[1]}; make them the same size."
            )
        smaller = given.shape[0] > size[1]
        given = _scaled(given, size, cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    return rgb, given if mask is None else mask * given


def _scaled(pixels: Picture, size: tuple[int, int], interpolation: int) -> Picture:
    return np.asarray(cv2.resize(pixels, size, interpolation=interpolation), dtype=np.float32)


def _unit_range(pixels: NDArray[Any]) -> Picture:
    return pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)


def _split_alpha(pixels: Picture) -> tuple[Picture, Picture | None]:
    """Return H x W x 3 colours and the alpha of pixels with 1 to 4 channels."""
    channels = pixels.shape[2]
    alpha = np.ascontiguousarray(pixels[..., -1]) if channels in (2, 4) else None
    colours = pixels[..., :3] if channels >= 3 else np.repeat(pixels[..., :1], 3, axis=2)
    # An alpha that hides nothing is no mask.
    return np.ascontiguousarray(colours), None if alpha is None or alpha.min() == 1 else alpha


def _same_aspect(a: tuple[int, int], b: tuple[int, int]) -> bool:
    """Whether a picture of size ``a`` scaled to the width or height of ``b`` has the other side within a pixel."""
    return abs(a[1] * b[0] / a[0] - b[1]) <= 1 or abs(a[0] * b[1] / a[1] - b[0]) <= 1


def _camera_of_picture(view: View, width: int, height: int) -> Camera:
    """Return the view's camera for its picture's real size."""
    camera = view.camera
    if (width, height) == (camera.width, camera.height):
        return camera
    if not _same_aspect((camera.width, camera.height), (width, height)):
        raise PictureError(
            f"The picture of '{view.name}' is {width} x {height} pixels, but its camera is calibrated for "
            f"{camera.width} x {camera.height}; use the picture that was calibrated."
        )
    return camera.resized(width, height)


def identity(view: View, scale: float = 1.0) -> str:
    """Return a digest of all that decides what a photograph looks like."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(repr((view.camera.to_json(), scale)).encode())
    for label, content in (("picture", view.image), ("mask", view.mask)):
        if isinstance(content, Path):
            try:
                status = content.stat()
            except OSError as error:
                raise PictureError(
                    f"The {label} of '{view.name}' is missing: {content} ({error.strerror or error})."
                ) from None
            digest.update(repr((str(content), status.st_size, status.st_mtime_ns)).encode())
        elif content is not None:
            digest.update(repr(content.shape).encode())
            digest.update(np.ascontiguousarray(content).data)
        else:
            digest.update(b"none")
    return digest.hexdigest()
