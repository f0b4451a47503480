"""Mistakes that calibrations are known for, each as what undoes it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..camera import Array
from .sights import Sight, Turn

OPENGL = np.diag([1.0, -1.0, -1.0])
# A principal point that is off the middle by less of the picture's size is there.
OFF_CENTRE = 0.01
# Lengths that programs mix up: millimetres, centimetres, metres, inches, feet.
LENGTH_FACTORS = (1000.0, 100.0, 10.0, 39.3701, 3.28084, 0.1, 0.01, 0.001, 0.0254, 0.3048)


@dataclass(frozen=True, eq=False)
class Correction:
    """What undoes a mistake.

    Args:
        kind: Its short name.
        apply: Gives the right sight for a wrong one; ``None`` where the mistake cannot have been made there.
        fault, remedy: The mistake and the way out, as parts of :meth:`sentence`.
    """

    kind: str
    apply: Callable[[Sight], Sight | None]
    fault: str
    remedy: str

    def sentence(self, camera: str | None) -> str:
        """Return what to tell of one camera, or of all."""
        if self.kind in ("rotated", "mirrored"):
            whose = "All pictures are" if camera is None else f"The picture of '{camera}' is"
            against = "their cameras" if camera is None else "its camera"
            return f"{whose} {self.fault} against {against}: {self.remedy.format(it='it' if camera else 'them')}."
        whose = "All cameras" if camera is None else f"Camera '{camera}'"
        return f"{whose}: the {self.fault}; {self.remedy}."


def with_pose(sight: Sight, rotation: Array, translation: Array) -> Sight:
    """Return a sight with another pose."""
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation, translation
    return replace(sight, camera=replace(sight.camera, world_to_camera=pose))


def with_focal(sight: Sight, factor: float) -> Sight:
    """Return a sight whose focal lengths are multiplied."""
    return replace(sight, camera=replace(sight.camera, fx=sight.camera.fx * factor, fy=sight.camera.fy * factor))


def with_shift(sight: Sight, dx: float, dy: float) -> Sight:
    """Return a sight whose principal point is moved by shares of the picture's width and height."""
    camera = sight.camera
    return replace(sight, camera=replace(camera, cx=camera.cx + dx * camera.width, cy=camera.cy + dy * camera.height))


def axes_corrections() -> Iterator[Correction]:
    """Yield what undoes poses that were written in one convention and read in another."""
    yield Correction(
        "axes",
        partial(_axes, axes=OPENGL),
        "axes are swapped (OpenGL's, y up and looking along -z, were read as OpenCV's, y down and looking along z, "
        "or the reverse)",
        "turn the y and z axes of the poses round",
    )
    yield Correction(
        "inverted",
        partial(_inverted, axes=np.eye(3)),
        "poses are inverted (world-to-camera was read as camera-to-world, or the reverse)",
        "invert the matrices",
    )
    yield Correction(
        "inverted axes",
        partial(_inverted, axes=OPENGL),
        "poses are inverted and their axes swapped (world-to-camera matrices with OpenCV's axes were read as "
        "camera-to-world with OpenGL's, or the reverse)",
        "invert the matrices, and turn the y and z axes round",
    )


def other_axes() -> Iterator[Correction]:
    """Yield what undoes any other mix-up of the three axes of a camera."""
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((1.0, -1.0), repeat=3):
            matrix = np.zeros((3, 3))
            matrix[range(3), order] = signs
            if np.linalg.det(matrix) < 0 or np.array_equal(matrix, OPENGL) or np.array_equal(matrix, np.eye(3)):
                continue
            named = ", ".join(
                f"{'-' if sign < 0 else ''}{'xyz'[axis]}" for sign, axis in zip(signs, order, strict=True)
            )
            for invert in (False, True):
                yield Correction(
                    "axes",
                    partial(_inverted if invert else _axes, axes=matrix),
                    f"axes are mixed up{' and the poses inverted' if invert else ''} (right, down and forward are "
                    f"{named})",
                    f"{'invert the matrices and ' if invert else ''}reorder the axes of the poses",
                )


def picture_corrections() -> Iterator[Correction]:
    """Yield what undoes pictures that were turned or mirrored after the calibration."""
    for quarters, mirrored, named, remedy in (
        (2, False, "rotated by 180 degrees", "rotate {it} by 180 degrees"),
        (1, False, "rotated by 90 degrees counterclockwise", "rotate {it} by 90 degrees clockwise"),
        (3, False, "rotated by 90 degrees clockwise", "rotate {it} by 90 degrees counterclockwise"),
        (0, True, "mirrored", "mirror {it} left to right"),
        (2, True, "mirrored upside down", "mirror {it} top to bottom"),
    ):
        yield Correction(
            "mirrored" if mirrored else "rotated", partial(replace, turn=Turn(quarters, mirrored)), named, remedy
        )


def intrinsics_corrections() -> Iterator[Correction]:
    """Yield what undoes principal points and sizes that were written in another convention."""
    for x, y, named in (
        (True, False, "mirrored left to right"),
        (False, True, "measured from the bottom of the picture"),
        (True, True, "mirrored in both directions"),
    ):
        yield Correction(
            "principal point",
            partial(_mirrored_principal_point, x=x, y=y),
            f"principal point is {named}",
            "mirror it" if x else "measure it from the top",
        )
    yield Correction(
        "size",
        _other_size,
        "focal length and principal point belong to pictures of another size",
        "scale them with the pictures",
    )
    yield Correction(
        "principal point",
        _centred,
        "principal point is not where the calibration has it, but in the middle of the picture",
        "put it there",
    )


def length_corrections() -> Iterator[Correction]:
    """Yield what undoes a position in another unit."""
    for factor in LENGTH_FACTORS:
        yield Correction(
            "scale",
            partial(_moved, factor=factor),
            f"position is in another unit than the others' (it must be multiplied by {factor:g})",
            "bring all to one unit",
        )


def _moved(sight: Sight, factor: float) -> Sight:
    return with_pose(sight, sight.camera.rotation, sight.camera.translation * factor)


def _axes(sight: Sight, axes: Array) -> Sight:
    camera = sight.camera
    return with_pose(sight, axes @ camera.rotation, axes @ camera.translation)


def _inverted(sight: Sight, axes: Array) -> Sight:
    pose = sight.camera.camera_to_world
    return with_pose(sight, axes @ pose[:3, :3], axes @ pose[:3, 3])


def _offset(sight: Sight) -> NDArray[np.float64]:
    """Return the principal point's distance from the middle as shares of the picture's size."""
    camera = sight.camera
    return np.array([camera.cx / camera.width, camera.cy / camera.height]) - 0.5


def _mirrored_principal_point(sight: Sight, x: bool, y: bool) -> Sight | None:
    offset = _offset(sight)
    if (x and abs(offset[0]) < OFF_CENTRE) or (y and abs(offset[1]) < OFF_CENTRE):
        return None
    return with_shift(sight, -2 * offset[0] * x, -2 * offset[1] * y)


def _other_size(sight: Sight) -> Sight | None:
    camera = sight.camera
    share = _offset(sight) + 0.5
    # The principal point is near the middle of the pictures that it was calibrated on.
    if abs(share[0] - share[1]) > 0.2 * share.max() or not 0.05 < share.mean() < 20 or abs(share.mean() - 0.5) < 0.05:
        return None
    factor = 0.5 / float(share.mean())
    scaled = replace(camera, fx=camera.fx * factor, fy=camera.fy * factor, cx=camera.cx * factor, cy=camera.cy * factor)
    return replace(sight, camera=scaled)


def _centred(sight: Sight) -> Sight | None:
    offset = _offset(sight)
    return None if np.abs(offset).max() < OFF_CENTRE else with_shift(sight, -offset[0], -offset[1])
