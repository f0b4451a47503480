"""Photographs as the methods read them: of an ideal camera, float32 sRGB, at the scale that is asked for."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np

from ..camera import Camera
from ..colour import corrected
from ..errors import CameraError, PictureError
from ..mattes import CleanPlate, Matte
from ..picture_output import write_picture
from ..view import MovieFrame, Picture, Stored, View
from .movies import close_movies
from .names import file_stem
from .rectification import rectified_camera, rectify
from .stored_pictures import same_aspect, stored_photograph, stored_size

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


def load_photograph(
    view: View, scale: float = 1.0, square_pixels: bool = False, *, unmixed: bool = False
) -> Photograph:
    """Read a view's picture, remove its lens distortion, scale it down, and correct its colours.

    Args:
        view: With a file or an array. A file may have another size than its camera says, if it has the aspect ratio.
        scale: Size of the result relative to the stored picture, in (0, 1]; rounded to whole pixels (the camera is
            exact).
        square_pixels: Also resample to equal focal lengths (see :func:`rectified_camera`), before scaling.
        unmixed: Where there is a mask, keep the background out of the colours of its soft edges, and go on with the
            subject's colours around them.

    Returns:
        The photograph. Do not write to its arrays: :class:`Photographs` hands them out again.

    Raises:
        PictureError: If a file is missing, damaged, or does not fit the camera.
        CameraError: If the lens distortion cannot be removed.
    """
    if not 0 < scale <= 1:
        raise ValueError(f"scale is {scale}, expected 0 < scale <= 1")
    rgb, mask = stored_photograph(view, unmixed)
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
    if view.colour is not None:
        rgb = corrected(rgb, view.colour)
    return Photograph(rectified, rgb, None if mask is None else np.clip(mask, 0.0, 1.0))


def fitting_scale(view: View, longer_side: int | None) -> float:
    """Return the scale at which the longer side of a view's stored picture has at most ``longer_side`` pixels.

    Raises:
        PictureError: If the picture is missing or damaged.
    """
    if longer_side is None:
        return 1.0
    if isinstance(view.image, Stored):
        stored = max(stored_size(view.image, f"picture of '{view.name}'"))
    else:
        stored = max(view.image.shape[:2])
    return min(1.0, longer_side / stored)


class Photographs:
    """A cache of photographs, bounded by the memory of their pixels; the least recently used go first."""

    def __init__(self, limit_bytes: int = DEFAULT_CACHE_BYTES) -> None:
        self._limit = limit_bytes
        self._kept: OrderedDict[str, Photograph] = OrderedDict()
        self._bytes = 0

    def get(self, view: View, scale: float = 1.0, *, unmixed: bool = False) -> Photograph:
        """Return :func:`load_photograph` of the view, from memory where files, camera and scale are the same as before.

        Raises:
            PictureError, CameraError: As :func:`load_photograph`.
        """
        key = f"{identity(view, scale)} {unmixed}"
        photograph = self._kept.get(key)
        if photograph is not None:
            self._kept.move_to_end(key)
            return photograph
        photograph = load_photograph(view, scale, unmixed=unmixed)
        self._kept[key] = photograph
        self._bytes += photograph.nbytes
        # The newest stays, even where it is larger than the limit: its caller holds it anyway.
        while self._bytes > self._limit and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= dropped.nbytes
        return photograph

    def clear(self) -> None:
        """Forget every photograph, and close the movies that they came from."""
        close_movies()
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
    if isinstance(view.image, Stored):
        camera = _camera_of_picture(view, *stored_size(view.image, f"picture of '{view.name}'"))
        if rectified_camera(camera, square_pixels) is camera and not isinstance(view.mask, np.ndarray):
            return view if camera is view.camera else replace(view, camera=camera)
    # A colour correction stays what it is: a setting of the view, which the file knows nothing of.
    photograph = load_photograph(replace(view, colour=None), square_pixels=square_pixels)
    stem = file_stem(view.name)
    lossy = isinstance(view.image, Path) and view.image.suffix.lower() in (".jpg", ".jpeg")
    image = folder / f"{stem}{'.jpg' if lossy else '.png'}"
    write_picture(image, photograph.rgb, quality=97)
    mask = None
    if photograph.mask is not None:
        mask = folder / f"{stem}.mask.png"
        write_picture(mask, photograph.mask, bits=8)
    return View(view.name, photograph.camera, image, mask, view.colour)


def _scaled(pixels: Picture, size: tuple[int, int], interpolation: int) -> Picture:
    return np.asarray(cv2.resize(pixels, size, interpolation=interpolation), dtype=np.float32)


def _camera_of_picture(view: View, width: int, height: int) -> Camera:
    """Return the view's camera for its picture's real size."""
    camera = view.camera
    if (width, height) == (camera.width, camera.height):
        return camera
    if not same_aspect((camera.width, camera.height), (width, height)):
        raise PictureError(
            f"The picture of '{view.name}' is {width} x {height} pixels, but its camera is calibrated for "
            f"{camera.width} x {camera.height}; use the picture that was calibrated."
        )
    return camera.resized(width, height)


def identity(view: View, scale: float = 1.0) -> str:
    """Return a digest of all that decides what a photograph looks like."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(repr((view.camera.to_json(), scale, view.colour)).encode())
    for label, content in (("picture", view.image), ("mask", view.mask)):
        if content is None or isinstance(content, Stored | Matte):
            digest.update(repr((content, _state(content, f"{label} of '{view.name}'"))).encode())
        else:
            digest.update(repr(content.shape).encode())
            digest.update(np.ascontiguousarray(content).data)
    return digest.hexdigest()


def _state(content: Stored | Matte | None, owner: str) -> tuple[int, int] | None:
    """Return size and time of the file that something rests on, ``None`` where it rests on none.

    Raises:
        PictureError: If the file is missing.
    """
    if isinstance(content, MovieFrame):
        path = content.path
    elif isinstance(content, CleanPlate):
        path = content.plate
    elif isinstance(content, Path):
        path = content
    else:
        return None
    try:
        status = path.stat()
    except OSError as error:
        raise PictureError(f"The {owner} is missing: {path} ({error.strerror or error}).") from None
    return status.st_size, status.st_mtime_ns
