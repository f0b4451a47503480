"""COLMAP models, text and binary, read by pycolmap.

Poses are world-to-camera in OpenCV axes and pixels have their edges at 0..width, as everywhere here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...camera import Camera, Distortion
from ...errors import BackendError, CameraError, CaptureError
from ...view import Capture, View
from ...worker.failures import missing_package
from ..located import find_pictures, missing_pictures
from ..names import unique_names
from .colmap_check import check_model

FORMAT = "COLMAP"
ACCEPTS = "a COLMAP model (cameras, images and points3D, as .bin or .txt)"
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


def find(path: Path) -> Path | None:
    """Return the folder of the COLMAP model that a file belongs to or a folder holds, or ``None``."""
    if path.is_dir():
        return _model_in(path)
    if path.suffix.lower() not in (".bin", ".txt"):
        return None
    model = _model_in(path.parent)
    return model if model == path.parent else None


def read(folder: Path) -> Capture:
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
    pictures = find_pictures(folder, [image.name for image in images])
    names = unique_names(pictures)
    skipped = missing_pictures(names, pictures, folder)
    views = []
    for image, picture, name in zip(images, pictures, names, strict=True):
        if name in skipped:
            continue
        try:
            views.append(View(name, camera_of(image, model.cameras[image.camera_id]), picture))
        except CameraError as error:
            raise CameraError(f"Image '{image.name}' of {folder} cannot be used: {error}") from None
    return Capture(
        tuple(views), points_of(model), format=FORMAT, path=folder, skipped=skipped, residual=_residual(model)
    )


def camera_of(image: Any, camera: Any) -> Camera:
    """Return the camera of a registered image (pycolmap.Image) and its lens (pycolmap.Camera).

    Raises:
        CameraError: If its model is not supported, or it makes no sense.
    """
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


def _residual(model: Any) -> float | None:
    """Return the mean reprojection error that the model's points have written beside them."""
    errors = [point.error for point in model.points3D.values() if point.error >= 0]
    return float(np.mean(errors)) if errors else None


def points_of(model: Any) -> NDArray[np.float64] | None:
    """Return the (N, 3) points of a model that enough views have seen; ``None`` where it has none."""
    if not len(model.points3D):
        return None
    points = np.array([point.xyz for point in model.points3D.values()], dtype=np.float64)
    tracks = np.array([point.track.length() for point in model.points3D.values()])
    often = points[tracks >= MIN_TRACK]
    return often if len(often) >= MIN_POINTS else points


def _model_in(folder: Path) -> Path | None:
    """Return the folder of a COLMAP model in ``folder`` or where COLMAP and its friends put it, or ``None``."""
    for place in MODEL_FOLDERS:
        model = folder / place
        if any((model / f"cameras{ending}").is_file() for ending in (".bin", ".txt")):
            return model
    return None
