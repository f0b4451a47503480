"""The sources of a capture: cameras with photographs, each usable or not, with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import bpy

from ..inference.camera import Camera
from ..inference.colour_correction import ColourCorrection
from ..inference.errors import PictureError, SightlineError
from ..inference.mattes import ChromaKey, CleanPlate, Matte
from ..inference.view import MovieFrame, Stored, View
from .cameras import source_camera
from .pictures import Photograph, mask_photograph, photograph_of, write_image
from .properties import CameraSettings, of_camera
from .timing import recorded_frame

NO_PICTURE = "has no picture as its background"
DISABLED = "switched off"
IS_TARGET = "is the target"


@dataclass(frozen=True)
class Plate:
    """The picture of a camera without the subject, as a mask."""

    photograph: Photograph
    threshold: float


@dataclass(frozen=True)
class Source:
    """A camera of a capture as it stands in the scene.

    ``camera``, ``photograph`` and ``mask`` are there where ``reason`` is empty; else that says why it is not used.
    """

    name: str
    position: tuple[float, float, float]
    reason: str = ""
    camera: Camera | None = None
    photograph: Photograph | None = None
    mask: Photograph | Plate | ChromaKey | None = None
    colour: ColourCorrection | None = None

    @property
    def pictures(self) -> list[Photograph]:
        """Every picture that it needs: its photograph, and that of its mask."""
        mask = self.mask.photograph if isinstance(self.mask, Plate) else self.mask
        return [one for one in (self.photograph, mask) if isinstance(one, Photograph)]


def cameras_in(capture: bpy.types.Collection) -> list[bpy.types.Object]:
    """Return the camera objects of a collection and those in it, by name."""
    return sorted((obj for obj in capture.all_objects if obj.type == "CAMERA"), key=lambda obj: obj.name)


def examine(
    obj: bpy.types.Object, depsgraph: bpy.types.Depsgraph, frame: int, target: bpy.types.Object | None = None
) -> Source:
    """Return ``obj`` as a source at a scene frame; whatever is wrong with it becomes the reason."""
    data = obj.data
    assert isinstance(data, bpy.types.Camera)
    place = obj.evaluated_get(depsgraph).matrix_world.translation
    position = (place.x, place.y, place.z)
    if obj == target:
        return Source(obj.name, position, IS_TARGET)
    settings = of_camera(data)
    if not settings.enabled:
        return Source(obj.name, position, DISABLED)
    frame = recorded_frame(data, frame)
    try:
        photograph = photograph_of(data, frame)
        if photograph is None:
            return Source(obj.name, position, NO_PICTURE)
        mask = _mask_of(data, frame)
        camera = source_camera(obj, depsgraph, photograph.width, photograph.height)
    except SightlineError as error:
        return Source(obj.name, position, str(error))
    return Source(obj.name, position, "", camera, photograph, mask, _colour_of(settings))


def kind_of_mask(camera: bpy.types.Camera) -> str:
    """Return where a camera's mask comes from; a mask image counts until another kind is chosen."""
    settings = of_camera(camera)
    chosen = settings.is_property_set("mask_kind") or settings.mask is None
    return settings.mask_kind if chosen else "IMAGE"


def write_pictures(source: Source, files: dict[int, Path], folder: Path) -> Iterator[None]:
    """Write the pictures of a usable source that only Blender has into ``folder``, in small steps.

    Args:
        source: As :func:`examine` returned it.
        files: Takes what was written, by the image's session uid; what is there already is not written again.
        folder: Of this process, for temporary pictures.

    Raises:
        PictureError: If a picture was deleted meanwhile or cannot be written.
    """
    for photograph in source.pictures:
        if photograph.image is None or photograph.image.uid in files:
            continue
        image = photograph.image.resolve()
        if image is None:
            raise PictureError(f"The picture of '{source.name}' was deleted; start again.")
        for path in write_image(image, folder):
            yield
            if path is not None:
                files[photograph.image.uid] = path


def view_of(source: Source, files: dict[int, Path]) -> View:
    """Return a usable source as the worker takes it; ``files`` holds the pictures that were written."""
    assert source.camera is not None and source.photograph is not None
    mask: Stored | Matte | None
    if isinstance(source.mask, Photograph):
        mask = _stored(source.mask, files)
    elif isinstance(source.mask, Plate):
        plate = _stored(source.mask.photograph, files)
        assert isinstance(plate, Path)
        mask = CleanPlate(plate, source.mask.threshold)
    else:
        mask = source.mask
    return View(source.name, source.camera, _stored(source.photograph, files), mask, source.colour)


def _colour_of(settings: CameraSettings) -> ColourCorrection | None:
    """Return what is done to a camera's colours, ``None`` where that is nothing."""
    (red, green, blue), (dark_red, dark_green, dark_blue) = settings.gain, settings.offset
    correction = ColourCorrection((red, green, blue), (dark_red, dark_green, dark_blue))
    return None if correction.changes_nothing else correction


def _mask_of(camera: bpy.types.Camera, frame: int) -> Photograph | Plate | ChromaKey | None:
    """Return what tells a camera's subject from the background, beside an alpha channel.

    Raises:
        PictureError: If that is an image, and none is chosen or it cannot be used.
    """
    settings, kind = of_camera(camera), kind_of_mask(camera)
    if kind == "CHROMA_KEY":
        red, green, blue = settings.key_colour
        return ChromaKey((red, green, blue), settings.key_tolerance)
    if kind == "ALPHA":
        return None
    image = settings.mask if kind == "IMAGE" else settings.clean_plate
    if image is None:
        what = "mask image" if kind == "IMAGE" else "clean plate"
        raise PictureError(f"has no {what}; choose one, or another kind of mask")
    photograph = mask_photograph(image, camera, frame)
    if kind == "CLEAN_PLATE" and photograph.movie_frame is not None:
        raise PictureError(f"The clean plate of '{camera.name}' is a movie; choose a still picture.")
    return photograph if kind == "IMAGE" else Plate(photograph, settings.plate_threshold)


def _stored(photograph: Photograph, files: dict[int, Path]) -> Stored:
    """Return where a photograph is stored."""
    if photograph.image is not None:
        return files[photograph.image.uid]
    assert photograph.path is not None
    return photograph.path if photograph.movie_frame is None else MovieFrame(photograph.path, photograph.movie_frame)
