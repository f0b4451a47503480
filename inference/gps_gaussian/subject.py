"""The person in a rig: where it is, which views show it, and the hull of its silhouettes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..camera import Array, Camera
from ..capture.photographs import Photographs, fitting_scale
from ..capture.rectification import rectified_camera
from ..errors import CameraError, PictureError
from ..masks.checks import check_mask
from ..progress import Progress, silent
from ..stereo.pairs import subject_centre
from ..view import Capture, Picture, View

Flags = NDArray[np.bool_]

# Longer side of the silhouettes in pixels: enough to tell a limb from what is beside it.
SILHOUETTE_SIDE = 512
# Pixels of a silhouette that a point may lie outside of it: masks are a pixel off here and there.
_MARGIN = 2


@dataclass(frozen=True, eq=False)
class Silhouette:
    """What one camera shows of the person, at a small size.

    Args:
        camera: Without distortion, of the mask's size.
        mask: (h, w) in [0, 1].
        extent: Pixels that the person is high, or wide where that is more, in the stored picture.
    """

    camera: Camera
    mask: Picture = field(repr=False)
    extent: float


@dataclass(frozen=True, eq=False)
class Subject:
    """The person of a capture.

    Args:
        centre: (3,) its middle, in scene units.
        views: Those that show it, in the order of the capture, their cameras without distortion.
        indices: Of these views in the capture.
        silhouettes: Of these views.
        skipped: Why the others are left out, by their index.
        warnings: What is wrong with the masks that are used.
    """

    centre: Array
    views: tuple[View, ...]
    indices: tuple[int, ...]
    silhouettes: tuple[Silhouette, ...]
    skipped: Mapping[int, str]
    warnings: tuple[str, ...]

    def scale_of(self, place: int, longest: int) -> float:
        """Return the scale at which a view's photograph is as fine as pictures in which the person is ``longest`` long.

        In steps of a quarter octave, so that few sizes are kept in memory.
        """
        fineness = longest / self.silhouettes[place].extent
        return min(1.0, math.pow(2.0, math.ceil(4 * math.log2(fineness) - 1e-6) / 4))

    def holds(self, points: ArrayLike, besides: Sequence[Camera] = ()) -> Flags:
        """Return which points (N, 3) lie inside every silhouette: the others are no part of the person.

        What lies outside a picture, or behind its camera, may be.

        Args:
            points: In scene units.
            besides: Cameras (compared by centre) whose silhouettes are not asked.
        """
        points = np.asarray(points, dtype=np.float64)
        inside = np.ones(len(points), np.bool_)
        for silhouette in self.silhouettes:
            if any(np.allclose(silhouette.camera.centre, camera.centre, rtol=0, atol=1e-9) for camera in besides):
                continue
            inside &= _inside(silhouette, points)
        return inside


def find_subject(capture: Capture, photographs: Photographs, progress: Progress = silent) -> Subject:
    """Look at the masks of all views.

    Raises:
        PictureError: If fewer than two views have a mask that shows something; the first one's fault is named.
        CameraError: If the views look at nothing in common.
    """
    skipped: dict[int, str] = {}
    warnings: list[str] = []
    found: list[tuple[int, View, Silhouette]] = []
    faults: list[PictureError | CameraError] = []
    for index, view in enumerate(capture.views):
        progress(index / len(capture), "Looking at the masks")
        try:
            silhouette, told = _silhouette(view, photographs)
            found.append((index, replace(view, camera=rectified_camera(view.camera)), silhouette))
            warnings += told
        except (PictureError, CameraError) as error:
            faults.append(error)
            skipped[index] = str(error)
    if len(found) < 2:
        if faults:
            raise faults[0]
        raise PictureError("One view alone cannot be turned into Gaussians; enable a second camera beside it.")
    indices, views, silhouettes = (tuple(column) for column in zip(*found, strict=True))
    centre = subject_centre([view.camera for view in views], [silhouette.mask for silhouette in silhouettes])
    return Subject(centre, views, indices, silhouettes, skipped, tuple(warnings))


def _silhouette(view: View, photographs: Photographs) -> tuple[Silhouette, list[str]]:
    """Return a view's silhouette and what is wrong with it.

    Raises:
        PictureError: If there is no mask, or it shows nothing or everything.
    """
    scale = fitting_scale(view, SILHOUETTE_SIDE)
    photograph = photographs.get(view, scale)
    if photograph.mask is None:
        raise PictureError(
            f"'{view.name}' has no mask, so the person cannot be told from the background; give it an alpha channel, "
            "a mask image, a clean plate or a key colour."
        )
    size = (photograph.camera.width, photograph.camera.height)
    warnings = check_mask(photograph.mask, view.name, size)
    rows, columns = (np.flatnonzero((photograph.mask >= 0.5).any(axis=axis)) for axis in (1, 0))
    extent = max(float(np.ptp(rows)), float(np.ptp(columns))) + 1.0
    # In pixels of the stored picture.
    return Silhouette(photograph.camera, photograph.mask, extent / scale), warnings


def _inside(silhouette: Silhouette, points: Array) -> Flags:
    """Return which points lie inside a silhouette, or where its camera does not see."""
    pixels, depth = silhouette.camera.project(points)
    height, width = silhouette.mask.shape
    reach = 2 * _MARGIN + 1
    grown = cv2.dilate((silhouette.mask > 0.5).astype(np.uint8), np.ones((reach, reach), np.uint8))
    column, row = np.floor(np.where(np.isfinite(pixels), pixels, -1.0)).T
    outside = (depth <= 0) | (column < 0) | (row < 0) | (column >= width) | (row >= height)
    inside: Flags = outside | (
        grown[np.where(outside, 0, row).astype(int), np.where(outside, 0, column).astype(int)] > 0
    )
    return inside
