"""What a batch is asked for on a command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import bpy

from ...inference.errors import SightlineError
from ..enumerations import FRAME_FORMATS, METHODS, QUALITIES
from ..frame_files import SUFFIXES, frame_pattern, free_pattern
from ..frame_ranges import frames_of, parse_frames
from ..job import at_once
from ..numbered_files import parts
from ..properties import of_scene
from ..results import output_folder
from ..synthesis import needed_target


class UsageError(SightlineError):
    """Arguments that do not go together or name nothing; the exit status is 2."""


@dataclass(frozen=True)
class Batch:
    """The scene of the open file with what was asked of it, and the place of its frames."""

    scene: bpy.types.Scene
    target: bpy.types.Object
    frames: tuple[int, ...]
    pattern: Path


def add_frame_options(parser: argparse.ArgumentParser, output: str = "--output") -> None:
    """Add what says which frames of the open file are meant, and where they lie, which is asked for as ``output``."""
    parser.add_argument("--scene", metavar="NAME", help="scene (default: the one the file was saved in)")
    parser.add_argument(
        "--camera", metavar="NAME", help="camera that frames are made for (default: the scene's target)"
    )
    add_range_option(parser)
    parser.add_argument("--quality", choices=[name for name, *_ in QUALITIES], help="how much time a frame may take")
    parser.add_argument(
        output,
        dest="output",
        metavar="PATH",
        help="folder for the frames, or their name with #### for the number (// is FILE's)",
    )


def add_range_option(parser: argparse.ArgumentParser) -> None:
    """Add what says which frames are meant."""
    parser.add_argument(
        "--frames", metavar="RANGE", type=_frames, help="as in 1-100,120 or 1-100x2 (default: the scene's range)"
    )


def add_picture_options(parser: argparse.ArgumentParser) -> None:
    """Add what says how pictures are made and written."""
    parser.add_argument("--method", choices=[name for name, *_ in METHODS], help="how the frames are made")
    parser.add_argument("--format", choices=[name for name, *_ in FRAME_FORMATS], help="format of the files")
    parser.add_argument("--size", metavar="PERCENT", type=_percent, help="of the scene's resolution, 50 for half of it")


def batch_of(arguments: argparse.Namespace) -> Batch:
    """Return what the open file has for the arguments; its settings change in memory, and only there.

    Raises:
        UsageError: If it has no such scene or camera, or the output's name says another format.
        TargetError: If it has no camera to make frames of.
    """
    scene = scene_asked(arguments)
    settings, render = of_scene(scene), scene.render
    target = needed_target(scene)
    for name in ("method", "quality"):
        if (value := getattr(arguments, name)) is not None:
            setattr(settings, name, value)
    if arguments.size is not None:
        render.resolution_percentage = arguments.size
    return Batch(scene, target, frames_asked(scene, arguments), _pattern(scene, target, arguments))


def scene_asked(arguments: argparse.Namespace) -> bpy.types.Scene:
    """Return the scene that is meant, with the camera that is meant as its target.

    Raises:
        UsageError: If there is no such scene or camera.
    """
    scene = _scene(arguments.scene)
    if arguments.camera is not None:
        of_scene(scene).target = _camera(scene, arguments.camera)
    return scene


def frames_asked(scene: bpy.types.Scene, arguments: argparse.Namespace) -> tuple[int, ...]:
    """Return the frames that are meant."""
    return arguments.frames or tuple(frames_of(scene))


def at_a_frame_of(scene: bpy.types.Scene) -> None:
    """Go to a frame of the scene's range: whatever was the current one when the file was saved, the result is one."""
    scene.frame_set(min(max(scene.frame_current, scene.frame_start), scene.frame_end))


def named_pattern(output: str, name: str, suffixes: Sequence[str]) -> Path:
    """Return the pattern of the files that ``--output`` names.

    Args:
        output: A folder, or files with # for their numbers.
        name: Of the files in a folder.
        suffixes: What their names may end in, lower case; the first one is added where they end otherwise.
    """
    place = Path(bpy.path.abspath(output)).absolute()
    if parts(place.name) is None:
        return place / name
    return place if place.suffix.lower() in suffixes else place.with_name(place.name + suffixes[0])


def _scene(name: str | None) -> bpy.types.Scene:
    if name is None:
        return bpy.context.scene
    scene: bpy.types.Scene | None = bpy.data.scenes.get(name)
    if scene is None:
        raise UsageError(f"There is no scene '{name}'; there {_listed(bpy.data.scenes.keys())}.")
    return scene


def _camera(scene: bpy.types.Scene, name: str) -> bpy.types.Object:
    obj: bpy.types.Object | None = scene.objects.get(name)
    if obj is None or obj.type != "CAMERA":
        names = sorted(obj.name for obj in scene.objects if obj.type == "CAMERA")
        raise UsageError(f"There is no camera '{name}' in the scene '{scene.name}'; there {_listed(names)}.")
    return obj


def _listed(names: Sequence[str]) -> str:
    if not names:
        return "is none"
    return f"{'is' if len(names) == 1 else 'are'} {', '.join(names)}"


def _pattern(scene: bpy.types.Scene, target: bpy.types.Object, arguments: argparse.Namespace) -> Path:
    """Return the pattern of the files. Without --output they go where Synthesize Animation puts them."""
    file_format = arguments.format or of_scene(scene).frame_format
    if arguments.output is None:
        return at_once(free_pattern(output_folder(scene), target.name, file_format, frames_asked(scene, arguments)))
    output = Path(arguments.output)
    named = None
    if parts(output.name) is not None:
        named = next((name for name, suffixes in SUFFIXES.items() if output.suffix.lower() in suffixes), None)
    if named is not None and arguments.format not in {None, named}:
        raise UsageError(f"--output names a file ending in {output.suffix}, and --format says {arguments.format}.")
    name = frame_pattern(Path(), target.name, file_format).name
    return named_pattern(arguments.output, name, SUFFIXES[named or file_format])


def _frames(text: str) -> tuple[int, ...]:
    try:
        return parse_frames(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _percent(text: str) -> int:
    if not text.removesuffix("%").isdecimal() or not 1 <= (value := int(text.removesuffix("%"))) <= 32767:
        raise argparse.ArgumentTypeError(f"'{text}' is no percentage; write 50 for half the size")
    return value
