"""COLMAP models, text and binary, read by pycolmap.

Poses are world-to-camera in OpenCV axes and pixels have their edges at 0..width, as everywhere here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..camera import Camera, Distortion
from ..errors import BackendError, CameraError, CaptureError
from ..view import Capture, View
from ..worker.failures import missing_package
from .colmap_check import check_model
from .located import check_present, locate
from .names import unique_names

FORMAT = "COLMAP"
MODEL_FOLDERS = ("", "sparse/0", "sparse", "colmap", "colmap/sparse/0")
# A point that two views agree on by chance is common, one of three is rare.
MIN_TRACK = 3
MIN_POINTS = 100

# Where a model's parameters hold fx, fy, cx, cy, and the lens model of those that follow.
_MODELS: dict[str, tuple[tuple[int, int, int, int], str | None]] = {
    "SIMPLE_PINHOLE": ((0, 0, 1, 2), None),
    "PINHOLE": ((0, 1, 2, 3), None),
    "SIMPLE_RADIAL": ((0, 0, 1, 2), "opencv"),
    "RADIAL": ((0, 0, 1, 2), "opencv"),
    "OPENCV": ((0, 1, 2, 3), "opencv"),
    "FULL_OPENCV": ((0, 1, 2, 3), "opencv"),
    "OPENCV_FISHEYE": ((0, 1, 2, 3), "fisheye"),
    "SIMPLE_RADIAL_FISHEYE": ((0, 0, 1, 2), "fisheye"),
    "RADIAL_FISHEYE": ((0, 0, 1, 2), "fisheye"),
}


def find_model(folder: Path) -> Path | None:
    """Return the folder of a COLMAP model in ``folder`` or where COLMAP and its friends put it, or ``None``."""
    for place in MODEL_FOLDERS:
        model = folder / place
        if any((model / f"cameras{ending}").is_file() for ending in (".bin", ".txt")):
            return model
    return None


def read_colmap(folder: Path) -> Capture:
    """Read a COLMAP model.

    Args:
        folder: Holds cameras, images and points3D, as .bin or .txt. The pictures lie in a folder ``images`` beside it
            or further up, or in one of these folders themselves.

    Returns:
        The capture. Its points are those seen by three views or more, unless there are too few of them.

    Raises:
        CaptureError: If a file is missing, cut short or inconsistent, or a name leads out of the capture.
        CameraError: If a camera model is not supported or a camera makes no sense.
        PictureError: If a picture is missing.
        BackendError: If pycolmap is not installed.
    """
    try:
        import pycolmap
    except ImportError as error:
        raise BackendError(missing_package(error)) from None

    def parameters(model: int | str) -> int:
        try:
            identity = (
                pycolmap.CameraModelId(model) if isinstance(model, int) else getattr(pycolmap.CameraModelId, model)
            )
            return len(pycolmap.Camera.create_from_model_id(1, identity, 1.0, 2, 2).params)
        except (ValueError, AttributeError, TypeError):
            raise KeyError(model) from None

    ending = ".bin" if (folder / "cameras.bin").is_file() else ".txt"
    check_model(folder, ending, parameters)
    model = pycolmap.Reconstruction()
    try:
        read = model.read_binary if ending == ".bin" else model.read_text
        read(str(folder))
    except (ValueError, IndexError, KeyError, RuntimeError, MemoryError) as error:
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise CaptureError(f"The COLMAP model in {folder} is damaged ({reason}); export it again.") from None
    try:
        images = sorted((image for image in model.images.values() if image.has_pose), key=lambda image: image.name)
    except UnicodeDecodeError:
        raise CaptureError(
            f"The COLMAP model in {folder} has an image name that is not UTF-8; rename the image."
        ) from None
    if not images:
        raise CaptureError(f"The COLMAP model in {folder} has no registered images; reconstruct the scene again.")
    pictures = _find_pictures(folder.absolute(), [image.name for image in images])
    check_present(pictures, folder)
    views = []
    for image, picture, name in zip(images, pictures, unique_names(pictures), strict=True):
        try:
            views.append(View(name, _camera(image, model.cameras[image.camera_id]), picture))
        except CameraError as error:
            raise CameraError(f"Image '{image.name}' of {folder} cannot be used: {error}") from None
    return Capture(views=tuple(views), points=_points(model), format=FORMAT, path=folder)


def _camera(image: Any, camera: Any) -> Camera:
    name = camera.model.name
    if name not in _MODELS:
        raise CameraError(
            f"The COLMAP camera model {name} is not supported; undistort the images to PINHOLE with COLMAP."
        )
    places, lens = _MODELS[name]
    values = [float(value) for value in camera.params]
    fx, fy, cx, cy = (values[place] for place in places)
    coefficients = tuple(values[max(places) + 1 :])
    return Camera(
        width=camera.width,
        height=camera.height,
        fx=fx,
        fy=fy,
        cx=cx,
        cy=cy,
        world_to_camera=image.cam_from_world().matrix(),
        distortion=None if lens is None else Distortion(lens, coefficients),
    )


def _points(model: Any) -> NDArray[np.float64] | None:
    if not len(model.points3D):
        return None
    points = np.array([point.xyz for point in model.points3D.values()], dtype=np.float64)
    tracks = np.array([point.track.length() for point in model.points3D.values()])
    often = points[tracks >= MIN_TRACK]
    return often if len(often) >= MIN_POINTS else points


def _find_pictures(folder: Path, names: list[str]) -> list[Path]:
    """Return the pictures in that one of the usual places where most of them are."""
    parents = [folder, *list(folder.parents)[:2]]
    best: list[Path] = []
    most = -1
    for parent in parents:
        for place in (parent / "images", parent):
            pictures = [locate(place, name, place) for name in names]
            present = sum(picture.is_file() for picture in pictures)
            if present > most:
                best, most = pictures, present
            if present == len(names):
                return best
    return best
