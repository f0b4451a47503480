"""IDR, NeuS and VolSDF: ``cameras.npz`` or ``cameras_sphere.npz``, beside a folder of pictures and one of masks.

``world_mat_i`` is the projection of the scene to the pixels of picture i (K [R | t], 3 x 4 or 4 x 4, OpenCV axes, of
any scale); ``scale_mat_i`` takes the unit sphere that the object is in to that scene. The capture has the scene in
which the object is in the unit sphere, as all programs that read this format have it, and the sphere's depths. Pixels
have their centres at whole numbers, so that half a pixel is added here. Pictures and masks belong to the cameras by
their order.

Sure, from the readers of these programs and from the scripts that write the files, which put the middle of a picture
at (width - 1) / 2.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...camera import Camera
from ...errors import CameraError, CaptureError, PictureError
from ...view import Capture, View
from ..intrinsic_matrix import pinhole
from ..located import by_number, missing_pictures, pictures_in
from ..names import unique_names
from ..numpy_files import names_in_npz, read_npz
from ..picture_files import picture_size

FORMAT = "IDR"
ACCEPTS = "a cameras.npz of IDR or NeuS"

_NAMES = ("cameras_sphere.npz", "cameras.npz")
_PICTURES = ("image", "rgb", "images")
_MASKS = ("mask", "masks")
_WORLD = re.compile(r"world_mat_(0|[1-9][0-9]{0,5})")


def find(path: Path) -> Path | None:
    """Return a cameras.npz: the file, or the one in a folder, or ``None``."""
    if path.is_dir():
        return next((path / name for name in _NAMES if _numbers(path / name)), None)
    return path if path.suffix.lower() == ".npz" and _numbers(path) else None


def read(path: Path) -> Capture:
    """Read a cameras.npz.

    Returns:
        The capture, with masks where there are as many as pictures, or one of the number of a picture.

    Raises:
        CaptureError: If the file is damaged, or it cannot be told which pictures belong to it.
        CameraError: If a camera makes no sense.
        PictureError: If no picture is there, or one cannot be read.
    """
    numbers = _numbers(path)
    names = names_in_npz(path)
    scaled = all(f"scale_mat_{number}" in names for number in numbers)
    kinds = ("world_mat", "scale_mat") if scaled else ("world_mat",)
    matrices = read_npz(path, [f"{kind}_{number}" for kind in kinds for number in numbers])
    scale = _scale([matrices[f"scale_mat_{number}"] for number in numbers], path) if scaled else np.eye(4)
    images, masks = _pictures(path, numbers)
    titles = unique_names(images)
    skipped = missing_pictures(titles, images, path)
    views = []
    for number, image, name in zip(numbers, images, titles, strict=True):
        if name in skipped:
            continue
        try:
            camera = _camera(matrices[f"world_mat_{number}"], scale, image)
        except CameraError as error:
            raise CameraError(f"The camera of '{name}' in {path} cannot be used: {error}") from None
        views.append(View(name, camera, image, masks.get(image)))
    depths = [float(view.camera.translation[2]) for view in views]
    # Of the unit sphere; a camera inside it has no nearest depth.
    near, far = (min(depths) - 1, max(depths) + 1) if scaled and min(depths) > 1 else (None, None)
    return Capture(tuple(views), depth_near=near, depth_far=far, format=FORMAT, path=path, skipped=skipped)


def _numbers(path: Path) -> list[int]:
    """Return the numbers of the cameras in a file; none where it is of another kind."""
    found = (_WORLD.fullmatch(name) for name in names_in_npz(path))
    return sorted({int(match[1]) for match in found if match})


def _scale(matrices: list[NDArray[np.float64]], path: Path) -> NDArray[np.float64]:
    first = matrices[0]
    if first.shape != (4, 4) or not np.isfinite(first).all():
        raise CaptureError(f"scale_mat in {path} is no matrix of 4 x 4 finite numbers; write it again.")
    if not all(other.shape == (4, 4) and np.allclose(other, first, rtol=1e-4) for other in matrices):
        raise CaptureError(
            f"The cameras of {path} have different scale_mat, and so no scene in common; write it again."
        )
    return first


def _pictures(path: Path, numbers: list[int]) -> tuple[list[Path], dict[Path, Path]]:
    """Return the pictures of the cameras, which may be missing, and their masks."""
    folder = next((path.parent / name for name in _PICTURES if pictures_in(path.parent / name)), None)
    if folder is None:
        raise PictureError(f"{path.parent} has no pictures in a folder 'image' or 'rgb'; put them there.")
    inside = pictures_in(folder)
    numbered = by_number(inside)
    if len(inside) == len(numbers):
        images = inside
    # Without the first, a count from 1 would pass for one from 0.
    elif len(numbered) == len(inside) and set(numbered) <= set(numbers) and numbers[0] in numbered:
        images = [numbered.get(number, folder / f"{number:06d}.png") for number in numbers]
    else:
        raise CaptureError(
            f"{folder} has {len(inside)} pictures, but {path} has {len(numbers)} cameras, which belong to them by "
            "their order; put in those that are missing, or number the pictures as the cameras are."
        )
    masks = next((found for name in _MASKS if (found := pictures_in(path.parent / name))), [])
    if len(masks) == len(inside):
        return images, dict(zip(inside, masks, strict=True))
    of_number = by_number(masks)
    return images, {image: of_number[number] for number, image in numbered.items() if number in of_number}


def _camera(world: NDArray[np.float64], scale: NDArray[np.float64], image: Path) -> Camera:
    """Return the camera of a projection: the triangular and the rotation that its left part is made of."""
    if world.shape not in ((3, 4), (4, 4)) or not np.isfinite(world).all():
        raise CameraError("Its world_mat is no projection of 3 x 4 finite numbers.")
    projection = world[:3] @ scale
    # A projection means the same with any factor, negative ones too.
    projection = projection / (np.abs(projection).max() or 1.0)
    left = projection[:, :3]
    projection = -projection if np.linalg.det(left) < 0 else projection
    left = projection[:, :3]
    try:
        centre = -np.linalg.solve(left, projection[:, 3])
        turned, triangle = np.linalg.qr(left[::-1].T)
    except np.linalg.LinAlgError:
        raise CameraError("Its world_mat is no projection: it has no centre.") from None
    matrix, rotation = triangle.T[::-1, ::-1], turned.T[::-1]
    signs = np.where(np.diag(matrix) < 0, -1.0, 1.0)
    matrix, rotation = matrix * signs, signs[:, None] * rotation
    fx, fy, cx, cy = pinhole(matrix / (matrix[2, 2] or 1.0))
    width, height = picture_size(image, f"picture '{image.name}'")
    pose = np.column_stack([rotation, -rotation @ centre])
    return Camera(width, height, fx, fy, cx + 0.5, cy + 0.5, pose)
