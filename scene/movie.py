"""Finished frames as a movie, encoded by Blender itself."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy

from ..inference.errors import OutputError
from .frame_sequence import as_stored, strips_of
from .results import make_folder

# Containers by what the movie's name ends in.
CONTAINERS = {".mp4": "MPEG4", ".mov": "QUICKTIME", ".mkv": "MKV"}


def encode_movie(scene: bpy.types.Scene, frames: Sequence[Path], movie: Path) -> None:
    """Write frames one after the other as H.264, in the colours of the files, transparent ones over black.

    H.264 has even sizes: of an odd one, the last column or row is left out.

    Args:
        scene: Its frame rate is the movie's.
        frames: Pictures of one folder and one size.
        movie: Ends in one of ``CONTAINERS``; replaced where it is there.

    Raises:
        OutputError: If it cannot be written.
    """
    make_folder(movie.parent)
    own: Any = bpy.data.scenes.new("Sightline Movie")
    try:
        with tempfile.TemporaryDirectory(prefix=f".{movie.stem}.", dir=movie.parent) as folder:
            _configure(own, scene, Path(folder) / movie.name)
            _add_frames(own, frames)
            bpy.ops.render.render(animation=True, scene=own.name)
            written = next(iter(Path(folder).iterdir()), None)  # its name may have got the frames' numbers
            if written is None:
                raise OutputError(f"The movie {movie} was not written; Blender's own messages say why.")
            written.replace(movie)
    except RuntimeError as error:
        raise OutputError(f"The movie {movie} cannot be written: {' '.join(str(error).split())}") from None
    except OSError as error:
        raise OutputError(f"The movie {movie} cannot be written: {error.strerror or error}.") from None
    finally:
        bpy.data.scenes.remove(own)


def _configure(own: Any, scene: bpy.types.Scene, path: Path) -> None:
    render = own.render
    render.fps, render.fps_base = scene.render.fps, scene.render.fps_base
    render.filepath, render.use_file_extension = str(path), True
    render.use_sequencer, render.use_stamp, render.dither_intensity = True, False, 0.0
    own.view_settings.view_transform, own.view_settings.look = "Standard", "None"
    if hasattr(render.image_settings, "media_type"):  # Blender 5.0 and later
        render.image_settings.media_type = "VIDEO"
    render.image_settings.file_format = "FFMPEG"
    render.image_settings.color_mode = "RGB"
    video = render.ffmpeg
    video.format, video.codec = CONTAINERS[path.suffix.lower()], "H264"
    video.constant_rate_factor, video.ffmpeg_preset, video.audio_codec = "PERC_LOSSLESS", "GOOD", "NONE"


def _add_frames(own: Any, frames: Sequence[Path]) -> None:
    strip = strips_of(own).new_image("Frames", str(frames[0]), 1, 1, fit_method="ORIGINAL")
    for path in frames[1:]:
        strip.elements.append(path.name)
    as_stored(strip, frames[0])
    width, height = strip.elements[0].orig_width, strip.elements[0].orig_height
    own.render.resolution_x, own.render.resolution_y = width - width % 2, height - height % 2
    # What is larger than the movie lies in its middle: half a pixel too far on all sides.
    strip.transform.filter = "NEAREST"
    strip.transform.offset_x, strip.transform.offset_y = width % 2 / 2, -(height % 2) / 2
    own.frame_start, own.frame_end = 1, len(frames)
