"""Writing a capture as a COLMAP model in text, laid out as COLMAP's own dense workspaces are."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..camera import Array, Camera
from ..errors import CaptureError, OutputError
from ..file_output import write_bytes
from ..view import Capture, View
from .names import file_stem
from .picture_copies import copy_file

MODEL_FOLDER = Path("sparse") / "0"


def write_colmap(capture: Capture, folder: Path) -> Path:
    """Write a capture as ``sparse/0/cameras.txt``, ``images.txt`` and ``points3D.txt`` with its pictures beside.

    Pictures are copied into ``images``, unless they lie there already, and masks into ``masks``, where COLMAP looks for
    them: the picture's name with ``.png`` behind it. Points have no tracks. A model that was there is replaced.

    Args:
        capture: Views with files, not arrays.
        folder: Made where it is missing.

    Returns:
        The folder of the model.

    Raises:
        CaptureError: If a picture is an array, or a lens cannot be expressed.
        OutputError: If a file cannot be written or copied, or another program's model is in the way.
    """
    for view in capture:
        if not isinstance(view.image, Path) or not isinstance(view.mask, Path | None):
            raise CaptureError(f"The picture of '{view.name}' is not a file; save it before the capture is written.")
    model = folder.absolute() / MODEL_FOLDER
    if (model / "cameras.bin").exists():
        raise OutputError(f"{model} holds a binary COLMAP model, which programs would read first; choose a new folder.")
    lenses = [lens_line(view) for view in capture]
    # Cameras that are one and the same are written once.
    numbers = {line: index + 1 for index, line in enumerate(dict.fromkeys(lenses))}
    names = [_copied(view, folder.absolute()) for view in capture]
    images = []
    for index, (view, line, name) in enumerate(zip(capture, lenses, names, strict=True)):
        rotation = " ".join(map(repr, quaternion(view.camera.rotation).tolist()))
        translation = " ".join(map(repr, view.camera.translation.tolist()))
        # The second line of an image is that of its points, of which there are none.
        images.append(f"{index + 1} {rotation} {translation} {numbers[line]} {name}\n\n")
    points = np.empty((0, 3)) if capture.points is None else capture.points
    rows = [f"{i + 1} {x!r} {y!r} {z!r} 128 128 128 -1\n" for i, (x, y, z) in enumerate(points.tolist())]
    # A model is found by its cameras, which therefore come last.
    try:
        (model / "cameras.txt").unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{model / 'cameras.txt'} cannot be replaced: {error.strerror or error}.") from None
    write_bytes(model / "points3D.txt", "".join(["# POINT3D_ID X Y Z R G B ERROR TRACK[]\n", *rows]).encode())
    head = "# IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME\n# POINTS2D[]\n"
    write_bytes(model / "images.txt", "".join([head, *images]).encode())
    cameras = [f"{number} {line}\n" for line, number in numbers.items()]
    write_bytes(model / "cameras.txt", "".join(["# CAMERA_ID MODEL WIDTH HEIGHT PARAMS[]\n", *cameras]).encode())
    return model


def lens_line(view: View) -> str:
    """Return model, size and parameters of a view's camera as COLMAP writes them.

    Raises:
        CaptureError: If COLMAP has no model for its lens.
    """
    camera: Camera = view.camera
    values = [camera.fx, camera.fy, camera.cx, camera.cy]
    lens = camera.distortion
    if lens is None:
        model = "PINHOLE"
    elif lens.model == "fisheye":
        model = "OPENCV_FISHEYE"
        values += [*lens.coefficients, *(0.0,) * 4][:4]
    else:
        if any(lens.coefficients[8:]):
            raise CaptureError(f"The thin prism distortion of '{view.name}' has no place in a COLMAP model.")
        full = any(lens.coefficients[4:])
        model = "FULL_OPENCV" if full else "OPENCV"
        values += [*lens.coefficients, *(0.0,) * 8][: 8 if full else 4]
    return f"{model} {camera.width} {camera.height} {' '.join(map(repr, values))}"


def quaternion(rotation: Array) -> Array:
    """Return the unit quaternion (w, x, y, z), w >= 0, of a 3x3 rotation.

    It is the eigenvector of the largest eigenvalue of a symmetric matrix (Bar-Itzhack, "New method for extracting the
    quaternion from a rotation matrix", 2000), which is as exact near a half turn as elsewhere.
    """
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation
    symmetric = np.array(
        [
            [xx + yy + zz, zy - yz, xz - zx, yx - xy],
            [zy - yz, xx - yy - zz, xy + yx, xz + zx],
            [xz - zx, xy + yx, yy - xx - zz, yz + zy],
            [yx - xy, xz + zx, yz + zy, zz - xx - yy],
        ]
    )
    found: Array = np.linalg.eigh(symmetric)[1][:, -1]
    return -found if found[0] < 0 else found


def _copied(view: View, folder: Path) -> str:
    """Put a view's picture and mask where COLMAP looks for them; return the picture's name."""
    assert isinstance(view.image, Path)
    images = folder / "images"
    place = view.image.absolute()
    inside = place.is_relative_to(images)
    name = place.relative_to(images).as_posix() if inside else f"{file_stem(view.name)}{place.suffix}"
    if " " in name:  # ends a name in COLMAP's text
        name = f"{file_stem(name.removesuffix(place.suffix).replace(' ', '/'))}{place.suffix}"
    if place != images / name:
        copy_file(place, images / name)
    if isinstance(view.mask, Path):
        copy_file(view.mask, folder / "masks" / f"{name}.png")
    return name
