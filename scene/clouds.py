"""Gaussians of the scene as files for the worker, written once for as long as they stay as they are."""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import bpy
import numpy as np

from ..inference.errors import GaussiansError
from ..inference.gaussian_ply import write_gaussians
from ..inference.gaussians import Gaussians
from .backend import pictures_folder
from .gathering import there
from .gaussian_sequences import file_for
from .gaussians import own_gaussians
from .job import Step, aside
from .properties import of_object
from .recipes import Graph, Recipe


class _Written:
    """The files of this process by the data's session uid. It holds no scene's state: it can be lost at any time."""

    files: ClassVar[dict[int, Path]] = {}


def write_clouds(recipe: Recipe, frame: int, graph: Graph) -> Generator[Step, None, list[dict[str, Any]]]:
    """Return the file of each of a recipe's objects at a frame, and the matrix from there to the world.

    The one step whose time grows with a cloud reads it: Blender hands out attributes only all at once. An object that
    follows a sequence is not read: its files are there.

    Raises:
        GaussiansError: If an object was deleted, has no Gaussians any more, or they cannot be written.
    """
    clouds: list[dict[str, Any]] = []
    for index, handle in enumerate(recipe.objects):
        step = Step(index / len(recipe.objects), f"Reading {handle.name}")
        yield step
        obj = there(handle, "The object")
        path = _sequence_file(obj, frame)
        if path is None:
            path = _Written.files.get(obj.data.session_uid)
        if path is None or not path.exists():
            uid = obj.data.session_uid
            path = yield from aside(partial(_write, own_gaussians(obj), f"{uid}-{handle.name[-40:]}"), step)
            _Written.files[uid] = path
        obj = there(handle, "The object")
        matrix = np.array(obj.evaluated_get(graph()).matrix_world, dtype=np.float64)
        clouds.append({"path": str(path), "matrix": matrix.tolist()})
    return clouds


@bpy.app.handlers.persistent  # type: ignore[untyped-decorator]
def forget_edited(_scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    """Have clouds read again whose points somebody has changed (handler of ``depsgraph_update_post``)."""
    for update in depsgraph.updates:
        if update.is_updated_geometry:
            block: Any = update.id.original
            data = block.data if isinstance(block, bpy.types.Object) else block
            if data is not None:
                _Written.files.pop(data.session_uid, None)


@bpy.app.handlers.persistent  # type: ignore[untyped-decorator]
def forget_all(*_arguments: object) -> None:
    """Have every cloud read again: another file is open, or undo has brought other points back."""
    _Written.files.clear()


def _sequence_file(obj: bpy.types.Object, frame: int) -> Path | None:
    """Return the file that an object shows at a frame; ``None`` where it follows no sequence, or that has no files."""
    sequence = of_object(obj).sequence
    if not sequence:
        return None
    try:
        return file_for(Path(bpy.path.abspath(sequence)), frame)[0]
    except GaussiansError:
        return None


def _write(gaussians: Gaussians, name: str) -> Path:
    """Write Gaussians to a file that is named by its content, and return it."""
    folder = pictures_folder() / "clouds"
    folder.mkdir(exist_ok=True)
    unfinished = folder / f"{name}.part.ply"
    write_gaussians(unfinished, gaussians)
    with unfinished.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    return unfinished.replace(folder / f"{name}-{digest}.ply")
