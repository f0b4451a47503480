"""Gaussians from files: one cloud, or a sequence of them."""

from __future__ import annotations

from pathlib import Path

import bpy

from ..inference.errors import GaussiansError
from ..inference.gaussian_ply import read_gaussians
from .gaussian_sequences import follow, pattern_of
from .gaussians import create_object
from .results import stored


def import_gaussians(context: bpy.types.Context, path: Path, sequence: bool = False) -> bpy.types.Object:
    """Add the Gaussians of a PLY file to the scene, where the file has them.

    Args:
        context: Says the collection, the view layer and the frame.
        path: The file.
        sequence: Whether it is one of many, of which the object shows that of the current frame from then on.

    Raises:
        GaussiansError: If it cannot be read, or is to be one of a sequence and has no number in its name.
    """
    if not sequence:
        return create_object(context, read_gaussians(path), path.stem)
    pattern = pattern_of(path)
    if pattern is None:
        raise GaussiansError(f"The name {path.name} has no number of a frame; import it without Sequence.")
    obj = create_object(context, read_gaussians(path), pattern.stem.strip("#._- ") or pattern.parent.name)
    follow(obj, stored(pattern), context.scene.frame_current)
    return obj
