"""The photograph of a source camera: where it is, how large it is, and how it becomes a file for the worker."""

from __future__ import annotations

import glob
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import bpy
import numpy as np
from numpy.typing import NDArray

from ..inference.colour import from_linear
from ..inference.errors import PictureError
from .handles import Handle
from .names import RESULT_KEY
from .picture_size import picture_size

# Pixels converted at a time, so that no step of a job takes long.
PIXELS_PER_STEP = 2**17


@dataclass(frozen=True)
class Photograph:
    """A picture on disk (``path``), or one that only Blender has (``image``) and that must be written first.

    Where the file is a movie, ``movie_frame`` says which of its frames, counted from 0.
    """

    width: int
    height: int
    path: Path | None
    image: Handle[bpy.types.Image] | None = None
    movie_frame: int | None = None


def background_of(camera: bpy.types.Camera) -> bpy.types.CameraBackgroundImage | None:
    """Return the first background that shows a photograph (not one of our results), or ``None``."""
    for background in camera.background_images:
        if background.source == "IMAGE" and background.image is not None and background.image.get(RESULT_KEY) is None:
            return background
        if background.source == "MOVIE_CLIP" and background.clip is not None:
            return background
    return None


def photograph_of(camera: bpy.types.Camera, frame: int) -> Photograph | None:
    """Return the photograph of a camera at a scene frame; ``None`` where it has none.

    Raises:
        PictureError: If it has one that cannot be used: missing, damaged, or a clip that shows nothing at that frame.
    """
    background = background_of(camera)
    if background is None:
        return None
    if background.source == "MOVIE_CLIP":
        return clip_photograph(background.clip, camera.name, frame)
    return image_photograph(background.image, camera.name, frame, background.image_user)


def mask_photograph(image: bpy.types.Image, camera: bpy.types.Camera, frame: int) -> Photograph:
    """Return the picture of a camera's mask at a scene frame. One that moves keeps step with the camera's photograph.

    Raises:
        PictureError: As :func:`image_photograph`.
    """
    background = background_of(camera)
    user = None
    if background is not None and background.source == "MOVIE_CLIP":
        frame = frame - background.clip.frame_start + background.clip.frame_offset + 1
    elif background is not None and background.image.source in {"SEQUENCE", "MOVIE"}:
        user = background.image_user
    return image_photograph(image, f"{camera.name} (mask)", frame, user)


def image_photograph(
    image: bpy.types.Image, owner: str, frame: int, user: bpy.types.ImageUser | None = None
) -> Photograph:
    """Return the photograph that an image data-block holds.

    Args:
        image: Still, sequence, movie, generated, painted or packed.
        owner: Who uses it, for the messages.
        frame: The scene's frame, for sequences and movies.
        user: Timing of a sequence or movie.

    Raises:
        PictureError: If there is no such file, it is damaged, or the image is a render or tiled.
    """
    if image.source in {"VIEWER", "TILED"}:
        raise PictureError(f"The background of '{owner}' is no photograph; choose an image file.")
    if image.source == "GENERATED" or image.is_dirty or image.packed_file is not None:
        width, height = image.size
        if not width or not height:
            raise PictureError(f"The image '{image.name}' of '{owner}' is empty or damaged; load it again.")
        return Photograph(width, height, None, Handle.to(image, "images"))
    path = Path(bpy.path.abspath(image.filepath, library=image.library))
    if image.source == "MOVIE":
        # Blender counts from 1, and stays on the first and the last frame before and after them.
        _check_movie(path, owner, *image.size)
        number = min(_sequence_number(user, frame), image.frame_duration)
        return Photograph(image.size[0], image.size[1], path, movie_frame=max(0, number - 1))
    if image.source == "SEQUENCE":
        path = _numbered(path, _sequence_number(user, frame))
    return _file(path, owner, image)


def clip_photograph(clip: bpy.types.MovieClip, owner: str, frame: int) -> Photograph:
    """Return what a movie clip, a movie or an image sequence, shows at a scene frame.

    Raises:
        PictureError: If it shows nothing there, or its file is missing or damaged.
    """
    path = Path(bpy.path.abspath(clip.filepath, library=clip.library))
    number = frame - clip.frame_start + clip.frame_offset
    if clip.source != "SEQUENCE":
        _check_movie(path, owner, *clip.size)
        if not 0 <= number < clip.frame_duration:
            raise PictureError(
                f"The movie clip of '{owner}' shows nothing at frame {frame}: it has {clip.frame_duration} frames, the "
                f"first at {clip.frame_start - clip.frame_offset}."
            )
        return Photograph(clip.size[0], clip.size[1], path, movie_frame=number)
    first = re.search(r"(\d+)\D*$", path.stem)
    return _file(_numbered(path, number + (int(first.group(1)) if first else 0)), owner)


def write_image(image: bpy.types.Image, folder: Path) -> Iterator[Path | None]:
    """Write an image that only Blender has into ``folder``, in small steps; the last one yields the file.

    A packed file is written as it is. Pixels become a binary PPM, 8 bits a channel for byte images and 16 for float
    ones (which Blender keeps scene-linear: they are encoded as sRGB). A file is named by its content, so that the
    worker knows the picture again. Blender hands out its pixels only all at once: that is the one step whose time
    grows with the picture (10 ms a million pixels).

    Raises:
        PictureError: If the image is empty, or the file cannot be written.
    """
    name = f"{image.session_uid}-{re.sub(r'[^A-Za-z0-9._-]', '_', image.name)[-60:]}"
    if image.packed_file is not None and not image.is_dirty:
        yield from _write([bytes(image.packed_file.data)], folder, name, Path(image.filepath).suffix)
        return
    width, height = image.size
    if not width or not height:
        raise PictureError(f"The image '{image.name}' is empty; paint it or choose a file.")
    channels, is_float = image.channels, image.is_float
    pixels = np.empty(width * height * channels, dtype=np.float32)
    image.pixels.foreach_get(pixels)  # type: ignore[attr-defined]
    yield None
    yield from _write(_ppm(pixels.reshape(height, width, channels)[::-1], is_float), folder, name, ".ppm")


def _ppm(pixels: NDArray[np.float32], is_float: bool) -> Iterator[bytes]:
    """Return the parts of a binary PPM of (H, W, C) pixels, top row first."""
    height, width, channels = pixels.shape
    yield f"P6\n{width} {height}\n{65535 if is_float else 255}\n".encode()
    rows = max(1, PIXELS_PER_STEP // width)
    for start in range(0, height, rows):
        block = pixels[start : start + rows]
        block = block[..., :3] if channels >= 3 else np.repeat(block[..., :1], 3, axis=2)
        if is_float:
            yield (from_linear(block) * 65535 + 0.5).astype(">u2").tobytes()
        else:
            yield (block * 255 + 0.5).astype(np.uint8).tobytes()


def _write(parts: Iterable[bytes], folder: Path, name: str, suffix: str) -> Iterator[Path | None]:
    """Write ``parts``, one a step, to a file named by ``name`` and its content; older contents of that name go."""
    unfinished = folder / f"{name}.part"
    digest = hashlib.sha256()
    try:
        with unfinished.open("wb") as file:
            for part in parts:
                digest.update(part)
                file.write(part)
                yield None
        path = folder / f"{name}-{digest.hexdigest()[:16]}{suffix}"
        if path.exists():
            unfinished.unlink()
        else:
            for older in folder.glob(f"{glob.escape(name)}-*"):
                older.unlink()
            unfinished.replace(path)
    except OSError as error:
        raise PictureError(f"'{unfinished}' cannot be written ({error.strerror}); make room for it.") from None
    yield path


@lru_cache(maxsize=4096)
def _known_size(path: Path, _changed: int, _length: int) -> tuple[int, int] | None:
    """Read the size of a picture file again only when the file is another: panels ask at every redraw."""
    return picture_size(path)


def _file(path: Path, owner: str, image: bpy.types.Image | None = None) -> Photograph:
    """Return the photograph in a file, its size from the header where possible."""
    try:
        stat = path.stat()
        size = _known_size(path, stat.st_mtime_ns, stat.st_size)
    except FileNotFoundError:
        raise PictureError(f"The picture of '{owner}' is missing: {path}; find it or disable the camera.") from None
    except OSError as error:
        raise PictureError(f"The picture of '{owner}' cannot be read ({error.strerror}): {path}.") from None
    if size is None and image is not None:  # another format: Blender decodes it
        width, height = image.size
        size = (width, height) if width and height else None
    if size is None:
        raise PictureError(f"The picture of '{owner}' is damaged or of an unknown format: {path}.")
    return Photograph(size[0], size[1], path)


def _check_movie(path: Path, owner: str, width: float, height: float) -> None:
    """Check that there is a movie and that Blender can read it.

    Raises:
        PictureError: If not.
    """
    if not path.is_file():
        raise PictureError(f"The movie of '{owner}' is missing: {path}; find it or disable the camera.")
    if not width or not height:
        raise PictureError(f"The movie of '{owner}' is damaged or of an unknown format: {path}.")


def _sequence_number(user: bpy.types.ImageUser | None, frame: int) -> int:
    """Return the file number of an image sequence at a scene frame (Blender's BKE_image_user_frame_get)."""
    if user is None or user.frame_duration == 0:
        return frame
    number = frame - user.frame_start + 1
    if user.use_cyclic:
        number = number % user.frame_duration or user.frame_duration
    return min(max(number, 0), user.frame_duration) + user.frame_offset


def _numbered(path: Path, number: int) -> Path:
    """Return ``path`` with the last number in its name replaced, as many digits wide."""
    match = re.search(r"(\d+)(\D*)$", path.stem)
    if match is None:
        return path
    return path.with_name(f"{path.stem[: match.start()]}{number:0{len(match[1])}d}{match[2]}{path.suffix}")
