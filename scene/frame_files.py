"""Where the frames of an animation go, whose the files there are, and whether they fit."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Sequence
from itertools import count
from pathlib import Path

from ..inference.errors import OutputError
from ..inference.file_stamp import bears_stamp
from .job import Step
from .numbered_files import file_at
from .results import numbered_name
from .words import counted, disk_size

# Endings of the formats in ``Scene.sightline.frame_format``; the first one is written.
SUFFIXES = {"PNG": (".png",), "JPEG": (".jpg", ".jpeg"), "OPEN_EXR": (".exr",)}

# What a pixel of a photograph takes at most on average: 16 bits a channel hardly compress.
_BYTES_PER_PIXEL = {"PNG": 6.5, "JPEG": 1.2, "OPEN_EXR": 10.0}


def frame_pattern(folder: Path, target: str, file_format: str, number: int = 0) -> Path:
    """Return the pattern of the frames of a target camera in a folder for results."""
    name = numbered_name(target, 0)
    return folder / numbered_name(f"{name} frames", number) / f"{name}.####{SUFFIXES[file_format][0]}"


def cloud_pattern(folder: Path, capture: str, number: int = 0) -> Path:
    """Return the pattern of a sequence of a capture's Gaussians in a folder for results."""
    return folder / f"{numbered_name(capture, number)}.####.ply"


def free_pattern(folder: Path, target: str, file_format: str, frames: Sequence[int]) -> Generator[Step, None, Path]:
    """Return the first pattern under which no wanted frame is somebody else's file."""
    for number in count():
        pattern = frame_pattern(folder, target, file_format, number)
        for frame in frames:
            if is_foreign(file_at(pattern, frame)):
                break
            yield Step(0.0, "Looking for finished frames")
        else:
            return pattern
    raise AssertionError


def is_foreign(path: Path) -> bool:
    """Whether there is something that Sightline did not write; an empty file is nobody's."""
    try:
        return path.stat().st_size > 0 and not bears_stamp(path)
    except OSError:  # not there; or out of reach, which writing will say
        return False


def check_space(pattern: Path, missing: int, size: tuple[int, int]) -> None:
    """Check that frames fit onto the disk.

    Args:
        pattern: Of the frames.
        missing: How many have no file yet.
        size: Width and height of each.

    Raises:
        OutputError: If they do not.
    """
    file_format = next(name for name, suffixes in SUFFIXES.items() if pattern.suffix in suffixes)
    folder = next(parent for parent in pattern.absolute().parents if parent.is_dir())
    needed = missing * size[0] * size[1] * _BYTES_PER_PIXEL[file_format]
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OutputError(
            f"{counted(missing, 'frame')} may take {disk_size(needed)}, and '{folder}' has {disk_size(free)} left; "
            "make room, or choose another output folder."
        )
