"""Pictures of a capture as files that another program can open."""

from __future__ import annotations

import filecmp
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ..errors import OutputError
from ..picture_output import write_picture
from ..view import Capture, Picture, View
from .names import file_stem
from .stored_pictures import stored_photograph


def with_files(capture: Capture, folder: Path, tell: Callable[[int], None] = lambda _: None) -> Capture:
    """Return the capture with a file for every picture and mask.

    Args:
        capture: Frames of movies, and masks that are worked out from the pictures, are written.
        folder: Takes them, in ``images`` and ``masks``.
        tell: Is told the number of views that are done.

    Raises:
        PictureError: If a picture or mask cannot be read or made.
        OutputError: If a file cannot be written.
    """
    views = []
    for index, view in enumerate(capture):
        views.append(_with_files(view, folder))
        tell(index + 1)
    return replace(capture, views=tuple(views))


def copy_file(source: Path, target: Path) -> None:
    """Copy a file into a folder that may not be there yet.

    Raises:
        OutputError: If that is not possible, or another picture is there, which may be somebody's only one.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            shutil.copyfile(source, target)
        elif not filecmp.cmp(source, target, shallow=False):
            raise OutputError(f"{target} is there already and another picture; choose a new folder.")
    except OSError as error:
        raise OutputError(f"{target} cannot be written: {error.strerror or error}.") from None


def _with_files(view: View, folder: Path) -> View:
    if isinstance(view.image, Path) and isinstance(view.mask, Path | None):
        return view
    rgb, mask = stored_photograph(view)
    image, kept = view.image, view.mask
    if not isinstance(image, Path):
        image = folder / "images" / f"{file_stem(view.name)}.png"
        _save(image, rgb)
    if mask is not None and not isinstance(kept, Path):
        kept = folder / "masks" / f"{file_stem(view.name)}.png"
        _save(kept, mask)
    return replace(view, image=image, mask=kept)


def _save(path: Path, pixels: Picture) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / path.name
        write_picture(made, pixels, bits=8)
        copy_file(made, path)
