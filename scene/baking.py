"""A copy of the open file that any Blender renders, without Sightline: pictures and Gaussians are files beside it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from ..inference.errors import OutputError, SightlineError
from . import baked_gaussians, baked_pictures
from .backend import client
from .baked_pictures import Take
from .frame_run import make_frames
from .frames import Frames, Outcome
from .job import Job, Step, answer, part
from .recipes import recipe_of
from .results import make_folder
from .words import counted

# Of OpenEXR files that the worker rewrites in one question.
_AT_ONCE = 64

# Data whose files only something in a window or behind a camera may use.
_UNSEEN = ("SCREEN", "WINDOWMANAGER")


def copy_of(folder: Path) -> Path:
    """Return where the copy of the open file goes.

    Raises:
        OutputError: If that is the file itself.
    """
    file = Path(bpy.data.filepath)
    if folder.resolve() == file.parent.resolve():
        raise OutputError(f"The copy of {file.name} would take its place; choose another folder than '{folder}'.")
    return folder / file.name


@dataclass(frozen=True)
class Order:
    """What is to be baked.

    Args:
        folder: Of the copy and all its files.
        frames: ``None`` for those of the file's scenes.
        workers, device: As :class:`Frames` has them.
    """

    folder: Path
    frames: tuple[int, ...] | None = None
    workers: int | str = 1
    device: str = "auto"


def bake(job: Job, asked: Order, tell: Callable[[Outcome], None]) -> Generator[Step, None, list[Outcome]]:
    """Bake the open file, which is the copy from then on, and return what has become of each picture.

    Where a picture could not be made there is no copy; what was made stays, and is not made again.

    Args:
        job: The running one; takes warnings.
        asked: What and where.
        tell: Called with each picture's outcome.

    Raises:
        SightlineError: If something cannot be baked for a reason that has nothing to do with one frame.
    """
    copy = copy_of(asked.folder)
    followers = baked_gaussians.followers()
    takes = baked_pictures.takes(asked.frames)
    if any(min(take.frames) < 0 for take in takes):
        raise SightlineError("Frames below 0 cannot be baked: Blender's image sequences have none; name others.")
    if not takes and not followers:
        job.warnings.append(
            "Nothing in this file needs Sightline to be rendered; the copy is the file with its pictures."
        )
    outcomes: list[Outcome] = []
    patterns: list[tuple[Take, Path]] = []
    for index, take in enumerate(takes):
        if take.scene.render.use_border:
            job.warnings.append(
                f"The scene '{take.scene.name}' renders a region; its baked pictures show the whole frame."
            )
        taken = [pattern.name.partition(".####")[0] for _, pattern in patterns]
        pattern = asked.folder / baked_pictures.FOLDER / f"{baked_gaussians.free_name(take.name, taken)}.####.exr"
        patterns.append((take, pattern))
        start, end = 0.9 * index / len(takes), 0.9 * (index + 1) / len(takes)
        outcomes += yield from part(_pictures(job, asked, take, pattern, tell), start, end)
    if any(outcome.error is not None for outcome in outcomes):
        return outcomes
    baked: list[baked_gaussians.Baked] = []
    for obj in followers:
        name = baked_gaussians.free_name(obj.name, [entry.name for entry in baked])
        baked.append(
            (yield from part(baked_gaussians.write_sequence(obj, asked.folder, name, asked.frames), 0.9, 0.95))
        )
    yield Step(0.95, f"Writing {copy.name}")
    _drop_unseen()
    _pack(job)
    _write_copy(copy, patterns, baked)
    if outside := _outside(asked.folder):
        named = ", ".join(map(str, outside[:5]))
        job.warnings.append(f"The copy needs {counted(len(outside), 'file')} outside '{asked.folder}': {named}.")
    return outcomes


def _pictures(
    job: Job, order: Order, take: Take, pattern: Path, tell: Callable[[Outcome], None]
) -> Generator[Step, None, list[Outcome]]:
    """Make the pictures of a take, in full: a preview is smaller than what it stands for."""
    make_folder(pattern.parent)
    outcomes: list[Outcome] = []
    cameras = take.cameras()
    layer = take.scene.view_layers[take.layer]
    for index, (camera, frames) in enumerate(cameras.items()):
        recipe = recipe_of(take.scene, layer, camera, render=True, quality="full")
        asked = Frames(recipe, tuple(frames), pattern, workers=order.workers, device=order.device, attempts=2)
        steps = make_frames(job, asked, tell)
        outcomes += yield from part(steps, index / len(cameras), (index + 1) / len(cameras))
    paths = [str(outcome.path) for outcome in outcomes if outcome.error is None]
    for begin in range(0, len(paths) if take.depth else 0, _AT_ONCE):
        yield from answer(job, client(), "layer_depth", {"paths": paths[begin : begin + _AT_ONCE]}, 1.0, 1.0)
    return outcomes


def _drop_unseen() -> None:
    """Drop what no render shows: pictures behind cameras, photographs above all, and what nothing else uses."""
    for camera in bpy.data.cameras:
        if camera.library is None:
            camera.background_images.clear()
    for blocks in (bpy.data.images, bpy.data.movieclips):
        data: Any = blocks
        users = bpy.data.user_map(subset=set(data))
        for block in list(data):
            if block.library is None and all(user.id_type in _UNSEEN for user in users[block]):
                data.remove(block)


def _pack(job: Job) -> None:
    """Put files into the copy that are not baked, as far as Blender can: textures, sounds, fonts, linked files."""
    for pack in (bpy.ops.file.pack_all, bpy.ops.file.pack_libraries):
        try:
            pack()
        except RuntimeError as error:  # some file is not there; the others are packed
            job.warnings.append(" ".join(str(error).removeprefix("Error: ").split()))


def _write_copy(copy: Path, patterns: list[tuple[Take, Path]], baked: list[baked_gaussians.Baked]) -> None:
    """Save the open file as the copy, which shows files; aside first, and an older copy stays as Blender has it stay.

    Raises:
        OutputError: If that is not possible.
    """
    unfinished = copy.with_name(f".{copy.stem}.part.blend")
    try:
        bpy.ops.wm.save_as_mainfile(filepath=str(unfinished))  # from here on, paths are those from the copy
        baked_pictures.show_pictures(patterns)
        for entry in baked:
            baked_gaussians.show_files(entry)
        bpy.ops.file.make_paths_relative()
        unfinished.unlink()  # else it is kept as an older version
        bpy.ops.wm.save_mainfile()
        if copy.exists():
            copy.replace(copy.with_suffix(".blend1"))
        unfinished.replace(copy)
    except (RuntimeError, OSError) as error:
        unfinished.unlink(missing_ok=True)
        raise OutputError(f"{copy} cannot be written: {' '.join(str(error).split())}") from None


def _outside(folder: Path) -> list[Path]:
    """Return the files that the open file needs and that lie neither in a folder nor in Blender itself (brushes)."""
    utils: Any = bpy.utils
    inside = folder.resolve(), Path(utils.system_resource("DATAFILES")).resolve()
    paths = {Path(path).resolve() for path in utils.blend_paths(absolute=True, packed=False)}
    return sorted(path for path in paths if not any(path.is_relative_to(place) for place in inside))
