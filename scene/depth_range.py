"""The depth range of a capture, kept on its collection as long as its cameras lie as they did."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
import numpy as np

from .properties import of_collection
from .sources import IS_TARGET, NO_PICTURE, Source

# Moving or turning the whole capture does not change its depths; scaling it does.
_SAME_EXTENT = 1e-3


def known(collection: bpy.types.Collection, sources: Sequence[Source]) -> tuple[float, float] | None:
    """Return the (near, far) that was found for this arrangement of cameras, or ``None``."""
    settings = of_collection(collection)
    if not 0 < settings.depth_near < settings.depth_far:
        return None
    count, extent = _arrangement(sources)
    same = count == settings.depth_cameras and abs(extent - settings.depth_extent) <= _SAME_EXTENT * extent
    return (settings.depth_near, settings.depth_far) if same else None


def remember(collection: bpy.types.Collection, sources: Sequence[Source], near: float, far: float, origin: str) -> None:
    """Keep what was found, and where it came from."""
    settings = of_collection(collection)
    settings.depth_near, settings.depth_far, settings.depth_origin = near, far, origin
    settings.depth_cameras, settings.depth_extent = _arrangement(sources)


def _arrangement(sources: Sequence[Source]) -> tuple[int, float]:
    """Return the number of cameras with pictures and the root mean square distance from their middle."""
    places = np.array([source.position for source in sources if source.reason not in {IS_TARGET, NO_PICTURE}])
    if len(places) == 0:
        return 0, 0.0
    return len(places), float(np.sqrt(np.square(places - places.mean(axis=0)).sum(axis=1).mean()))
