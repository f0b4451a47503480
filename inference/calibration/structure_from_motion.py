"""Calibration from photographs alone: structure from motion by COLMAP."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..capture.formats.colmap import camera_of, points_of
from ..capture.names import unique_names
from ..capture.picture_files import read_pixels
from ..capture.transforms_output import write_transforms
from ..errors import CameraError, CaptureError, OutputError, PictureError
from ..progress import Progress, part, silent
from ..view import Capture, View
from .advice import advise, why_left_out, why_nothing
from .mapping import group_by_camera, map_pictures
from .pictures import gather_pictures
from .sharpness import sharpness

FORMAT = "COLMAP"
MODEL_FOLDER = "colmap"


@dataclass(frozen=True)
class CalibrationResult:
    """How a calibration from photographs went.

    Args:
        registered: Names of the views that have a camera now.
        left_out: The others, with the reason.
        points: Number of scene points.
        reprojection_error: Mean, in pixels of the photographs.
        advice: What to photograph better, a sentence each.
    """

    registered: tuple[str, ...]
    left_out: Mapping[str, str]
    points: int
    reprojection_error: float
    advice: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return a record of plain values."""
        return asdict(self) | {"registered": list(self.registered), "advice": list(self.advice)}


def calibrate(images: Sequence[Path], out: Path, progress: Progress = silent) -> tuple[Capture, CalibrationResult]:
    """Find the cameras of photographs, and write them as a transforms.json and a COLMAP model.

    The same photographs give the same cameras. Photographs of one size and focal length (EXIF) share one lens with one
    radial coefficient. The scale of the scene is arbitrary: photographs do not show it.

    Args:
        images: A folder, picture files, a movie, or the movies of a synchronised rig, of the same start and frame rate.
        out: The transforms.json to write. The COLMAP model (binary) goes into a folder ``colmap`` beside it,
            frames of movies and pictures from elsewhere into ``images``. Files there are only replaced by whole ones.
        progress: Told several times a second; the work ends within seconds after it raises.

    Returns:
        The capture as it is read back from ``out``, and how it went.

    Raises:
        CaptureError: If there are fewer than two photographs, or nothing fits together; the sentence says what to do.
        PictureError: If a movie is damaged.
        OutputError: If a file cannot be written.
    """
    from ..capture import read_capture

    out = Path(os.path.normpath(out.absolute()))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".calibration-", dir=out.parent))
    except OSError as error:
        raise OutputError(f"{out} cannot be written: {error.strerror or error}.") from None
    try:
        files = [Path(os.path.normpath(image.absolute())) for image in images]
        files = gather_pictures(files, out.parent / "images", part(progress, 0.0, 0.1))
        names = dict(zip(files, unique_names(files), strict=True))
        sharp, left_out = _sharpness(names, part(progress, 0.1, 0.15))
        staged, unreadable = _staged(list(sharp), work / "pictures")
        left_out |= {names[file]: "its format is not known to COLMAP; save it as JPEG or PNG" for file in unreadable}
        if len(staged) < 2:
            reason = f" ('{next(iter(left_out))}': {next(iter(left_out.values()))})" if left_out else ""
            raise CaptureError(
                f"Only {len(staged)} of the photographs can be used{reason}; name two or more of a scene."
            )
        groups, _ = group_by_camera(work / "pictures", list(staged))
        mapped = map_pictures(work / "pictures", groups, work, part(progress, 0.15, 1.0))
        named = {picture: names[file] for picture, file in staged.items()}
        sharp_by_name = {names[file]: value for file, value in sharp.items()}
        if not mapped.models:
            raise CaptureError(why_nothing(mapped, named))
        model = mapped.models[0]
        capture = _capture(model, staged, names)
        registered = [view.name for view in capture]
        left_out |= why_left_out(mapped, named, sharp_by_name, registered)
        write_transforms(capture, out)
        capture = read_capture(out)
        _write_model(model, capture, named, work / MODEL_FOLDER, out.parent / MODEL_FOLDER)
        result = CalibrationResult(
            registered=tuple(registered),
            left_out=left_out,
            points=model.num_points3D(),
            reprojection_error=float(model.compute_mean_reprojection_error()),
            advice=tuple(advise(mapped, named, sharp_by_name, registered)),
        )
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return capture, result


def _sharpness(names: Mapping[Path, str], progress: Progress) -> tuple[dict[Path, float], dict[str, str]]:
    """Return the sharpness of pictures that can be read, and why others cannot."""
    sharp: dict[Path, float] = {}
    left_out: dict[str, str] = {}
    for done, (file, name) in enumerate(names.items()):
        progress(done / len(names), "Reading the photographs")
        try:
            sharp[file] = sharpness(read_pixels(file, f"picture of '{name}'"))
        except PictureError as error:
            left_out[name] = str(error)
    return sharp, left_out


def _staged(files: Sequence[Path], folder: Path) -> tuple[dict[str, Path], list[Path]]:
    """Give files plain names in one folder, without copying where possible; return them, and those of no use.

    COLMAP wants all pictures below one folder, and its list of pairs takes no names with spaces.
    """
    folder.mkdir()
    staged = {f"{index:05d}{file.suffix.lower()}": file for index, file in enumerate(files)}
    for name, file in staged.items():
        for place in (os.symlink, os.link, shutil.copyfile):
            try:
                place(file, folder / name)
                break
            except OSError as error:
                problem = error
        else:
            raise OutputError(f"{folder / name} cannot be written: {problem.strerror or problem}.")
    _, unreadable = group_by_camera(folder, list(staged))
    return {name: file for name, file in staged.items() if name not in unreadable}, [
        staged[name] for name in unreadable
    ]


def _capture(model: Any, staged: Mapping[str, Path], names: Mapping[Path, str]) -> Capture:
    views = []
    for image in sorted((image for image in model.images.values() if image.has_pose), key=lambda image: image.name):
        file = staged[image.name]
        try:
            views.append(View(names[file], camera_of(image, model.cameras[image.camera_id]), file))
        except CameraError as error:
            raise CaptureError(
                f"The camera that was found for '{names[file]}' makes no sense ({error}); photograph with more overlap."
            ) from None
    return Capture(tuple(views), points_of(model), format=FORMAT)


def _write_model(model: Any, capture: Capture, named: Mapping[str, str], aside: Path, place: Path) -> None:
    """Write a model with the pictures' names as they are from the folder above it, whole or not at all."""
    pictures = {view.name: view.image for view in capture}
    for image in list(model.images.values()):
        file = pictures.get(named[image.name])
        if isinstance(file, Path):
            image.name = Path(os.path.relpath(file, place.parent)).as_posix()
    old = aside.with_name("replaced")
    try:
        aside.mkdir()
        # As text, a name would end at its first space.
        model.write_binary(str(aside))
        if place.exists():
            place.replace(old)
        aside.replace(place)
    except (OSError, ValueError, RuntimeError) as error:
        raise OutputError(f"{place} cannot be written: {getattr(error, 'strerror', None) or error}.") from None
