"""The person in a rig: where it is, which views show it, and the hull of its silhouettes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ..camera import Array
from ..capture.mask_preview import mask_warnings
from ..capture.photographs import Photograph, Photographs, fitting_scale
from ..capture.rectification import rectified_camera
from ..errors import CameraError, PictureError
from ..progress import Progress, silent
from ..stereo.hull import Silhouettes, enclosing_radius
from ..stereo.pairs import subject_centre
from ..view import Capture, View

# Longer side of the silhouettes in pixels: enough to tell a limb from what is beside it.
SILHOUETTE_SIDE = 512


@dataclass(frozen=True, eq=False)
class Subject:
    """The person of a capture.

    Args:
        views: Those that show it, in the order of the capture, their cameras without distortion.
        indices: Of these views in the capture.
        silhouettes: Of these views, at a small size.
        extents: Pixels that the person is high, or wide where that is more, in each of the stored pictures.
        skipped: Why the others are left out, by their index.
        warnings: What is wrong with the masks that are used.
    """

    views: tuple[View, ...]
    indices: tuple[int, ...]
    silhouettes: Silhouettes
    extents: tuple[float, ...]
    skipped: Mapping[int, str]
    warnings: tuple[str, ...]

    @property
    def centre(self) -> Array:
        """(3,) its middle, in scene units."""
        return np.asarray(self.silhouettes.centre)

    def scale_of(self, place: int, longest: int) -> float:
        """Return the scale at which a view's photograph is as fine as pictures in which the person is ``longest`` long.

        In steps of a quarter octave, so that few sizes are kept in memory.
        """
        fineness = longest / self.extents[place]
        return min(1.0, math.pow(2.0, math.ceil(4 * math.log2(fineness) - 1e-6) / 4))


def find_subject(capture: Capture, photographs: Photographs, progress: Progress = silent) -> Subject:
    """Look at the masks of all views.

    Raises:
        PictureError: If fewer than two views have a mask that shows something; the first one's fault is named.
        CameraError: If the views look at nothing in common.
    """
    skipped: dict[int, str] = {}
    warnings: list[str] = []
    found: list[tuple[int, View, Photograph, float]] = []
    faults: list[PictureError | CameraError] = []
    for index, view in enumerate(capture.views):
        progress(index / len(capture), "Looking at the masks")
        try:
            scale = fitting_scale(view, SILHOUETTE_SIDE)
            small = photographs.get(view, scale)
            told = mask_warnings(small, view.name)
        except (PictureError, CameraError) as error:
            faults.append(error)
            skipped[index] = str(error)
            continue
        warnings += told
        found.append((index, replace(view, camera=rectified_camera(view.camera)), small, _extent(small) / scale))
    if len(found) < 2:
        if faults:
            raise faults[0]
        raise PictureError("One view alone cannot be turned into Gaussians; enable a second camera beside it.")
    if faults:
        left_out = ", ".join(f"'{capture.views[index].name}'" for index in skipped)
        warnings.append(f"Left out: {left_out}. {faults[0]}")
    indices, views, smalls, extents = (tuple(column) for column in zip(*found, strict=True))
    cameras, masks = [small.camera for small in smalls], [small.mask for small in smalls]
    centre = subject_centre([view.camera for view in views], masks)
    silhouettes = Silhouettes(cameras, masks, centre, enclosing_radius(cameras, masks, centre))
    return Subject(views, indices, silhouettes, extents, skipped, tuple(warnings))


def _extent(photograph: Photograph) -> float:
    """Return the longer side of the box around the mask, in pixels."""
    assert photograph.mask is not None
    shown = photograph.mask >= 0.5
    return max(float(np.ptp(np.flatnonzero(shown.any(axis=axis)))) + 1.0 for axis in (0, 1))
