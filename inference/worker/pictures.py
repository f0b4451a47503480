"""The answer of a request for a picture: from the cache where it is there, else made, kept, and saved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import OutputError
from ..frame import Frame
from ..frame_cache import FrameCache, StoredFrame, from_sixteen_bits
from .server import Context


def picture_answer(params: Mapping[str, Any], context: Context, make: Callable[[], Frame]) -> dict[str, Any]:
    """Return a frame's arrays, rows bottom-up, after its warnings.

    Args:
        params: Of the request: ``cache`` (folder, key, limit in bytes) of a picture that is kept, ``save`` (file) of
            one that is written, ``stamp`` (text) that goes into the file.
        context: The request's.
        make: Makes the frame; not called where the cache has it.

    Raises:
        SightlineError: As ``make``.
        OutputError: If it cannot be saved; that it cannot be kept is a warning.
    """
    saved = None
    if params.get("save") is not None:
        from ..picture_output import check_ending

        saved = absolute_path(params, "save")
        check_ending(saved)
    answer = _kept(params.get("cache"), context, make)
    tell_warnings(answer["metadata"], context)
    if saved is not None:
        from ..picture_output import write_picture

        rgba, depth = answer["rgba"][::-1], answer["depth"]
        depth = None if depth is None else depth[::-1]
        write_picture(saved, rgba[..., :3], rgba[..., 3], depth=depth, stamp=params.get("stamp"))
    return {**answer, "saved": saved}


def tell_warnings(metadata: Mapping[str, Any], context: Context) -> None:
    """Pass on what a result warns of."""
    for warning in metadata.get("warnings", ()):
        context.warning(str(warning))


def absolute_path(params: Mapping[str, Any], name: str) -> Path:
    """Return a path among the parameters.

    Raises:
        OutputError: If it is not absolute: the worker has a working directory of its own.
    """
    path = Path(params[name])
    if not path.is_absolute():
        raise OutputError(f"The path '{path}' is relative; the worker needs absolute ones.")
    return path


def _kept(place: Mapping[str, Any] | None, context: Context, make: Callable[[], Frame]) -> dict[str, Any]:
    """Return the arrays and metadata of a frame that is in the cache, at the latest when this returns."""
    if place is None:
        return _of_frame(make())
    cache, key = FrameCache(absolute_path(place, "folder"), int(place["limit"])), str(place["key"])
    stored = cache.read(key)
    if stored is not None:
        return _of_stored(stored)
    frame = make()
    try:
        cache.write(key, frame)
    except OutputError as error:
        context.warning(f"The picture is not kept for the next time: {error}")
    return _of_frame(frame)


def _of_frame(frame: Frame) -> dict[str, Any]:
    return {
        "rgba": np.ascontiguousarray(np.dstack([frame.rgb, frame.alpha])[::-1]),
        "depth": np.ascontiguousarray(frame.depth[::-1]),
        "confidence": np.ascontiguousarray(frame.confidence[::-1]),
        "metadata": frame.metadata,
    }


def _of_stored(frame: StoredFrame) -> dict[str, Any]:
    return {
        "rgba": from_sixteen_bits(frame.rgba),
        "depth": frame.depth,
        "confidence": None,
        "metadata": {**frame.metadata, "cached": True},
    }
