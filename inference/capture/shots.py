"""Views from the pictures that a calibration lists, aligned or not, there or not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from ..camera import Camera
from ..errors import CameraError, CaptureError
from ..view import View
from .located import find_pictures, missing_pictures
from .names import unique_names


class Shot(NamedTuple):
    """A picture that a calibration lists.

    Args:
        picture: As the calibration names it.
        camera: Makes its camera, or raises CameraError; or the reason why it has none.
    """

    picture: str
    camera: Callable[[], Camera] | str


def views_of(shots: Sequence[Shot], path: Path) -> tuple[tuple[View, ...], dict[str, str]]:
    """Return the views of a calibration, and the reasons of those that are left out by name.

    Args:
        shots: All that it lists.
        path: Of the calibration.

    Raises:
        CaptureError: If none has a camera.
        CameraError: If one cannot be used.
        PictureError: If all pictures are missing.
    """
    images = find_pictures(path.parent, [shot.picture for shot in shots])
    named = list(zip(shots, images, unique_names(images), strict=True))
    skipped = {name: shot.camera for shot, _, name in named if isinstance(shot.camera, str)}
    aligned = [(shot.camera, image, name) for shot, image, name in named if not isinstance(shot.camera, str)]
    if not aligned:
        raise CaptureError(f"{path} has no picture with a camera; align the pictures before you export them.")
    skipped |= missing_pictures([name for _, _, name in aligned], [image for _, image, _ in aligned], path)
    views = []
    for camera, image, name in aligned:
        if name in skipped:
            continue
        try:
            views.append(View(name, camera(), image))
        except CameraError as error:
            raise CameraError(f"The camera of '{name}' in {path} cannot be used: {error}") from None
    return tuple(views), skipped
