"""Whether files of frames are whole: everything in them is decoded, and held against what checksums there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from .capture.picture_files import JPEG_SIGNATURE, read_bytes, read_pixels
from .errors import GaussiansError, PictureError
from .file_stamp import is_unchanged_jpeg, read_stamp
from .gaussian_ply import read_gaussians


@dataclass(frozen=True)
class FinishedFile:
    """What is in a file.

    Args:
        problem: ``missing``, ``damaged``, or empty.
        size: Width and height of a picture; ``None`` of Gaussians, and where there is a problem.
        stamp: What :func:`inference.file_stamp.read_stamp` finds.
    """

    problem: str = ""
    size: tuple[int, int] | None = None
    stamp: str | None = None


def examine_files(paths: Sequence[Path]) -> Iterator[FinishedFile]:
    """Yield what is in PNG, JPEG, OpenEXR and PLY files, several at once, in the order of the paths."""
    with ThreadPoolExecutor(thread_name_prefix="examine") as threads:
        yield from threads.map(_examine, paths)


def _examine(path: Path) -> FinishedFile:
    if not path.exists():
        return FinishedFile("missing")
    try:
        return FinishedFile(size=_read(path), stamp=read_stamp(path))
    except (PictureError, GaussiansError, OSError, RuntimeError, ValueError, TypeError):  # OpenEXR raises all of these
        return FinishedFile("damaged")


def _read(path: Path) -> tuple[int, int] | None:
    """Decode a file whole and return a picture's size."""
    suffix = path.suffix.lower()
    if suffix == ".ply":
        read_gaussians(path)
        return None
    if suffix == ".exr":
        import OpenEXR  # no other format needs it

        channels = OpenEXR.File(str(path), separate_channels=True).channels()
        height, width = next(iter(channels.values())).pixels.shape
        return width, height
    data = read_bytes(path, "frame")
    if data.startswith(JPEG_SIGNATURE) and not is_unchanged_jpeg(data):
        raise PictureError(f"The frame is damaged: {path}.")
    height, width = read_pixels(path, "frame").shape[:2]
    return width, height
