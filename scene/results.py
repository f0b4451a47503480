"""Results: files that never replace somebody else's, image data-blocks, the target's background."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import bpy

from ..inference.errors import OutputError
from .backend import preferences, user_folder
from .enumerations import METHODS
from .names import RESULT_KEY
from .properties import of_scene
from .words import counted

# What a result's custom property says of its file, so that a file somebody else has touched is known.
_FILE_SIZE, _FILE_CHANGED = "file_size", "file_changed_ns"


def output_folder(scene: bpy.types.Scene) -> Path:
    """Return where results go: the scene's folder, else the preferences'; the user's own files for an unsaved blend."""
    folder: str = of_scene(scene).output_folder or preferences().output_folder
    if folder.startswith("//") and not bpy.data.filepath:
        return user_folder("results")
    return Path(bpy.path.abspath(folder))


def reserve(scene: bpy.types.Scene, target: str) -> Path:
    """Return the file for the result of the camera named ``target``: its last result's, or a new one, made empty.

    Raises:
        OutputError: If no file can be made there.
    """
    folder = output_folder(scene)
    for image in bpy.data.images:
        if is_result(image) and image.source == "FILE" and metadata_of(image).get("target") == target:
            path = file_of(image)
            if path.parent == folder and _untouched(path, image):
                return path
    return reserve_new(folder, target, ".png")


def reserve_new(folder: Path, name: str, suffix: str) -> Path:
    """Return a new file, made empty: its folder is made, and a number follows the name where that is taken.

    Raises:
        OutputError: If no file can be made there.
    """
    make_folder(folder)
    try:
        for number in range(10000):
            path = folder / f"{numbered_name(name, number)}{suffix}"
            try:
                path.open("xb").close()
            except FileExistsError:
                continue
            return path
    except OSError as error:
        raise _unwritable(folder, error) from None
    raise OutputError(f"There are too many results of '{name}' in '{folder}'; choose another folder.")


def make_folder(folder: Path) -> Path:
    """Make a folder for results where it is not there yet.

    Raises:
        OutputError: If that is not possible.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from None
    return folder


def numbered_name(name: str, number: int) -> str:
    """Return the stem of a file for something of a name; ``number`` tells it from others, 0 is the first."""
    stem = re.sub(r'[\\/:*?"<>|#\x00-\x1f]', "_", name).strip(". ") or "view"
    return stem if number == 0 else f"{stem}_{number:03d}"


def give_up(path: Path) -> None:
    """Remove a reserved file that was never filled."""
    if path.exists() and path.stat().st_size == 0:
        path.unlink()


def adopt(path: Path, metadata: dict[str, Any]) -> bpy.types.Image:
    """Return the image data-block of a written result, new or loaded again, with its metadata.

    Blender decodes the file only when it draws it. The file is sRGB as its sources are, and so is the image's colour
    space: under the Standard view transform it looks like them to one in 255.
    """
    image = next((image for image in bpy.data.images if is_result(image) and file_of(image) == path), None)
    if image is None:
        image = bpy.data.images.load(str(path), check_existing=False)
        image.filepath = stored(path)
        image.colorspace_settings.name = "sRGB"  # type: ignore[assignment]
        image.alpha_mode = "STRAIGHT"
    else:
        image.reload()
    stat = path.stat()
    record = metadata | {_FILE_SIZE: stat.st_size, _FILE_CHANGED: stat.st_mtime_ns}
    image[RESULT_KEY] = json.dumps(record)
    return image


def show_as_background(image: bpy.types.Image, target: bpy.types.Object) -> None:
    """Show a result behind what ``target`` sees, in the place of the last one; other backgrounds stay as they are."""
    data = target.data
    assert isinstance(data, bpy.types.Camera)
    background = background_result(data)
    if background is None:
        background = data.background_images.new()
        background.alpha = 1.0
        background.frame_method = "FIT"
        background.display_depth = "BACK"
    background.image = image
    _follow_frames(background.image_user, image)
    background.show_background_image = True
    data.show_background_images = True


def show_in_editor(image: bpy.types.Image) -> bool:
    """Show a result in the first open Image Editor; return whether there is one. No area is changed."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            space = area.spaces.active
            if area.ui_type == "IMAGE_EDITOR" and isinstance(space, bpy.types.SpaceImageEditor):
                space.image = image
                _follow_frames(space.image_user, image)
                return True
    return False


def background_result(camera: bpy.types.Camera) -> bpy.types.CameraBackgroundImage | None:
    """Return the background of a camera that holds a result of ours."""
    for background in camera.background_images:
        if background.source == "IMAGE" and background.image is not None and is_result(background.image):
            return background
    return None


def result_of(target: bpy.types.Object | None) -> bpy.types.Image | None:
    """Return the last result of a target camera, or ``None``."""
    if target is None or not isinstance(target.data, bpy.types.Camera):
        return None
    background = background_result(target.data)
    return None if background is None else background.image


def is_result(image: bpy.types.Image) -> bool:
    """Whether an image data-block is a result of ours."""
    return image.get(RESULT_KEY) is not None


def metadata_of(result: bpy.types.Image | bpy.types.Object) -> dict[str, Any]:
    """Return what a result was made from; empty where it is none, or somebody has changed that into something else."""
    try:
        record = json.loads(result[RESULT_KEY])
    except (KeyError, TypeError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def summary(metadata: dict[str, Any]) -> str:
    """Return what a result was made by, from and in which time, in a few words."""
    labels = {identifier: label for identifier, label, _ in METHODS}
    words = [labels.get(metadata.get("method", ""), str(metadata.get("method", "")).capitalize())]
    if "frames" in metadata:
        words.append(counted(metadata["frames"], "frame"))
        return ", ".join(word for word in words if word)
    if "objects" in metadata:
        number = len(metadata["objects"])
        words.append("1 object" if number == 1 else f"{number} objects")
    else:
        sources = metadata.get("sources", [])
        used = [entry for entry in sources if not isinstance(entry, dict) or entry.get("used", True)]
        words.append(f"{len(used)} sources")
    seconds = metadata.get("seconds")
    if isinstance(seconds, dict):
        words.append(f"{sum(value for value in seconds.values() if isinstance(value, int | float)):.1f} s")
    return ", ".join(word for word in words if word)


def file_of(image: bpy.types.Image) -> Path:
    """Return the file of an image data-block."""
    return Path(bpy.path.abspath(image.filepath, library=image.library))


def _follow_frames(user: bpy.types.ImageUser, image: bpy.types.Image) -> None:
    """Let whoever shows a sequence of results show each at its own frame; nothing changes for a still."""
    record = metadata_of(image)
    if image.source == "SEQUENCE" and "first" in record:
        first, last = int(record["first"]), int(record["last"])
        user.frame_start, user.frame_duration, user.frame_offset = first, last - first + 1, first - 1
        user.use_cyclic, user.use_auto_refresh = False, True


def _unwritable(folder: Path, error: OSError) -> OutputError:
    return OutputError(f"Results cannot be written to '{folder}' ({error.strerror}); choose another folder.")


def _untouched(path: Path, image: bpy.types.Image) -> bool:
    """Whether the file is still as it was written, or gone."""
    record = metadata_of(image)
    try:
        stat = path.stat()
    except FileNotFoundError:
        return True
    return bool(stat.st_size == record.get(_FILE_SIZE) and stat.st_mtime_ns == record.get(_FILE_CHANGED))


def stored(path: Path) -> str:
    """Return the path as the blend file should hold it: relative to it where the user wants that."""
    if not bpy.data.filepath or not bpy.context.preferences.filepaths.use_relative_paths:
        return str(path)
    try:
        return bpy.path.relpath(str(path))
    except ValueError:  # another drive
        return str(path)
