"""RealityScan (RealityCapture): a file ``name.xmp`` beside each picture, by *Metadata (XMP)*.

``xcr:Rotation`` is world-to-camera row by row in OpenCV axes, ``xcr:Position`` the centre of the camera in the scene;
what follows for the picture is in :mod:`.realityscan_camera`. Each entry is an attribute or an element, and sizes are
those of the pictures. No unit is stated. Positions that are ``relative`` hold for one component: with several of them,
the one of most pictures is taken.

Sure: Epic's reference of RealityScan's camera geometry. The files are taken to describe the pictures beside them: those
of an export of undistorted pictures belong to these.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from ...camera import Camera
from ...errors import CameraError, CaptureError
from ...view import Capture
from ..calibration_files import head, load_xml
from ..entries import number, numbers
from ..located import find_pictures
from ..picture_files import picture_size
from ..shots import Shot, views_of
from .realityscan_camera import FILM, realityscan_camera

FORMAT = "RealityScan XMP"
ACCEPTS = "a folder of RealityScan's .xmp files"

_SPACE = "http://www.capturingreality.com/ns/xcr/1.1#"
_PICTURES = ("", "images")
# So many files of other programs, which write .xmp as well, are looked into for one of RealityScan.
_LOOKED_AT = 50


def find(path: Path) -> Path | None:
    """Return the folder of the .xmp files that a folder holds, or that a file belongs to, or ``None``."""
    if path.is_dir():
        return next((path / name for name in _PICTURES if _has_sidecars(path / name)), None)
    return path.parent if path.suffix.lower() == ".xmp" and _is_sidecar(path) else None


def read(folder: Path) -> Capture:
    """Read the .xmp files of a folder.

    Raises:
        CaptureError: If a file is damaged, or none has a pose.
        CameraError: If a camera makes no sense or its lens cannot be expressed.
        PictureError: If the pictures are missing, or one cannot be read.
        BackendError: If defusedxml is not installed.
    """
    files = [file for file in sorted(folder.glob("*.[xX][mM][pP]")) if _is_sidecar(file)]
    found = [_entries(file) for file in files]
    counted = Counter(_component(entries) for entries in found if _has_pose(entries))
    largest = counted.most_common(1)[0][0] if counted else ""
    # Named without an ending, as they are bound to their pictures.
    names = [file.stem for file in files]
    shots = []
    for name, entries, image in zip(names, found, find_pictures(folder, names), strict=True):
        if not _has_pose(entries):
            shots.append(Shot(name, "RealityScan has not aligned it"))
        elif _component(entries) != largest:
            shots.append(
                Shot(name, f"it belongs to another of the {len(counted)} components, which do not hang together")
            )
        else:
            shots.append(Shot(name, partial(_camera, entries, image)))
    views, skipped = views_of(shots, folder / files[0].name)
    return Capture(views, format=FORMAT, path=folder, skipped=skipped)


def _is_sidecar(path: Path) -> bool:
    return _SPACE.encode() in head(path)


def _has_sidecars(folder: Path) -> bool:
    return any(_is_sidecar(file) for file in islice(folder.glob("*.[xX][mM][pP]"), _LOOKED_AT))


def _entries(path: Path) -> dict[str, str]:
    """Return what is in RealityScan's name space, be it written as attributes or elements."""
    found = {}
    for element in load_xml(path).iter():
        pairs = [*element.attrib.items(), (element.tag, element.text or "")]
        found.update(
            {key.removeprefix(f"{{{_SPACE}}}"): value for key, value in pairs if key.startswith(f"{{{_SPACE}}}")}
        )
    if not found:
        raise CaptureError(f"{path} holds nothing of RealityScan; it is damaged, or of another program.")
    return found


def _has_pose(entries: Mapping[str, str]) -> bool:
    return "Rotation" in entries and "Position" in entries


def _component(entries: Mapping[str, str]) -> str:
    """Return the component that a pose is relative to; empty where it is absolute."""
    return "" if entries.get("Coordinates", "absolute") == "absolute" else entries.get("ComponentId", "")


def _camera(entries: Mapping[str, str], image: Path) -> Camera:
    if number(entries, "Skew", 0.0) != 0 or number(entries, "AspectRatio", 1.0) != 1:
        raise CameraError(
            "It has a skew or an aspect ratio, whose meaning is documented nowhere; align the pictures with a "
            "distortion model without K."
        )
    lists = {key: value.split() for key, value in entries.items()}
    rotation, position = numbers(lists, "Rotation", 9).reshape(3, 3), numbers(lists, "Position", 3)
    # Without coefficients there is no lens, as RealityScan has it.
    model = entries.get("DistortionModel", "none") if "DistortionCoeficients" in entries else "none"
    coefficients = numbers(lists, "DistortionCoeficients", 6) if model != "none" else np.zeros(6)
    return realityscan_camera(
        picture_size(image, f"picture of '{image.stem}'"),
        number(entries, "FocalLength35mm") / FILM,
        (number(entries, "PrincipalPointU", 0.0), number(entries, "PrincipalPointV", 0.0)),
        (model, coefficients.tolist()),
        np.column_stack([rotation, -rotation @ position]),
    )
