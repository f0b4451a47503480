"""Agisoft Metashape: the XML of *Export Cameras*.

A camera's ``transform`` is camera-to-world of 4 x 4, row by row, in OpenCV axes; the world is that of its component (or
chunk), whose own ``transform`` (rotation, translation, scale) leads to the world that the user has set up. Where that
world is geocentric, as it is with a geographic or projected coordinate system, the scene is brought to a local frame of
metres: x east, y north, z up, with its origin in the middle of the cameras.

A sensor has f and the principal point in pixels, cx and cy from the middle of the picture; pixels have their edges at
0..width. fx is f + b1, fy is f, b2 is a skew. A ``frame`` sensor has Brown's lens with four radial terms and p1, p2,
which are OpenCV's p2, p1; a ``fisheye`` is OpenCV's, with the same four terms, as long as its p1 and p2 are zero.

Sure: Agisoft's manual has the axes, the pixels and the formulas (appendix on camera models), and that of ``fisheye`` is
the equidistant one in all versions. The layout of the XML is documented nowhere, and is known from files: what the type
of the equidistant fisheye is called there since version 2.3 is likely, not sure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from ...camera import Camera, Distortion
from ...errors import CameraError, CaptureError
from ...view import Capture
from ..brown_lens import brown_lens
from ..calibration_files import head, load_xml
from ..entries import number, numbers, whole
from ..geocentric import local_frame
from ..intrinsic_matrix import pinhole
from ..shots import Shot, views_of

FORMAT = "Metashape"
ACCEPTS = "an XML of Metashape's Export Cameras"

_FISHEYES = ("fisheye", "equidistant_fisheye")
_OFF = ("0", "false")
# Why cameras are left out.
_ELSEWHERE = "it belongs to another of the components of the chunk, which do not hang together"
_SLAVE = "its place is that of a rig's first camera, and rigs of Metashape are not read"

Array = NDArray[np.float64]


class _World(NamedTuple):
    """Where the world of a chunk or component is in that of the user."""

    rotation: Array
    translation: Array
    scale: float

    def place(self, pose: Array) -> Array:
        """Return camera-to-world in the user's world from that in the chunk's."""
        turned = self.rotation @ pose[:3, :3]
        return np.column_stack([turned, self.scale * self.rotation @ pose[:3, 3] + self.translation])


def find(path: Path) -> Path | None:
    """Return the XML: the file, or the first in a folder, or ``None``."""
    if path.is_dir():
        return next((file for file in sorted(path.glob("*.xml")) if _is_export(file)), None)
    return path if _is_export(path) else None


def read(path: Path) -> Capture:
    """Read the XML of Export Cameras.

    Returns:
        The capture, in metres where the chunk is referenced. Cameras that are not aligned, switched off, or belong to
        another component than most are skipped.

    Raises:
        CaptureError: If the file is damaged, or no camera is aligned.
        CameraError: If a camera makes no sense or its lens cannot be expressed.
        PictureError: If the pictures are missing.
        BackendError: If defusedxml is not installed.
    """
    chunk = load_xml(path).find("chunk")
    cameras = [] if chunk is None else chunk.findall("./cameras//camera")
    if chunk is None or not cameras:
        raise CaptureError(f"{path} has no chunk with cameras; export it with File > Export > Export Cameras.")
    sensors = {sensor.get("id"): sensor for sensor in chunk.iterfind("./sensors/sensor")}
    aligned = [camera for camera in cameras if _reason(camera) is None]
    worlds = _worlds(chunk, path)
    poses = {camera: _pose(camera, path) for camera in aligned}
    counted = Counter(camera.get("component_id") for camera in aligned)
    # Components share a world only where each is told its place.
    apart = len(counted) > 1 and not all(component in worlds for component in counted)
    largest = counted.most_common(1)[0][0] if counted else None
    shown = [camera for camera in aligned if not apart or camera.get("component_id") == largest]
    world = worlds.get(None, _World(np.eye(3), np.zeros(3), 1.0))
    placed = {camera: worlds.get(camera.get("component_id"), world).place(poses[camera]) for camera in shown}
    _to_ground(placed, _coordinate_system(chunk))
    labels = Counter(_label(camera) for camera in cameras)
    shots = []
    for camera in cameras:
        reason = _reason(camera)
        if reason is None and camera not in placed:
            reason = _ELSEWHERE
        if labels[_label(camera)] > 1:
            reason = f"{labels[_label(camera)]} cameras have its label, so that its picture is not certain"
        made = partial(_camera, sensors.get(camera.get("sensor_id")), placed.get(camera))
        shots.append(Shot(_label(camera), made if reason is None else reason))
    views, skipped = views_of(shots, path)
    return Capture(views, format=FORMAT, path=path, skipped=skipped, units=_units(chunk, bool(worlds)))


def _is_export(path: Path) -> bool:
    start = head(path)
    return start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") and b"<document" in start and b"<chunk" in start


def _label(camera: Element) -> str:
    return camera.get("label") or f"camera {camera.get('id')}"


def _reason(camera: Element) -> str | None:
    """Return why a camera cannot be used; ``None`` where it can."""
    if camera.get("enabled", "true") in _OFF:
        return "it is switched off in Metashape"
    if camera.get("master_id") is not None:
        return _SLAVE
    return None if camera.find("transform") is not None else "Metashape has not aligned it"


def _pose(camera: Element, path: Path) -> Array:
    """Return the 4 x 4 camera-to-world of a camera in the world of its chunk or component."""
    try:
        pose = _numbers(camera, "transform", 16).reshape(4, 4)
        if not np.allclose(pose[3], [0.0, 0.0, 0.0, 1.0], rtol=0.0, atol=1e-9):
            raise CameraError("The last row of its transform is not 0 0 0 1; export it again.")
    except CameraError as error:
        raise CameraError(f"The camera of '{_label(camera)}' in {path} cannot be used: {error}") from None
    return pose


def _worlds(chunk: Element, path: Path) -> dict[str | None, _World]:
    """Return the places of components by their number, and that of the chunk by ``None``, where they have any."""
    found: list[tuple[str | None, Element | None]] = [(None, chunk.find("transform"))]
    found += [(part.get("id"), part.find("transform")) for part in chunk.iterfind("./components/component")]
    worlds = {}
    for key, element in found:
        if element is None or not (len(element) or (element.text or "").strip()):
            continue
        try:
            rotation = _numbers(element, "rotation", 9).reshape(3, 3)
            translation = _numbers(element, "translation", 3)
            scale = float(_numbers(element, "scale", 1)[0])
            if scale <= 0:
                raise CameraError(f"Its scale is {scale:g}; it must be positive.")
        except CameraError as error:
            owner = "chunk" if key is None else f"component {key}"
            raise CaptureError(f"The transform of the {owner} in {path} cannot be used: {error}") from None
        worlds[key] = _World(rotation, translation, scale)
    return worlds


def _to_ground(placed: dict[Element, Array], system: str) -> None:
    """Bring cameras from geocentric coordinates to the ground beneath them."""
    if not placed or not system or system.startswith("LOCAL_CS"):
        return
    frame = local_frame(np.array([pose[:, 3] for pose in placed.values()]))
    if frame is not None:
        rotation, origin = frame
        for camera, pose in placed.items():
            placed[camera] = np.column_stack([rotation @ pose[:, :3], rotation @ (pose[:, 3] - origin)])


def _coordinate_system(chunk: Element) -> str:
    """Return the chunk's coordinate system, as well-known text; empty where it has none."""
    return (chunk.findtext("reference") or "").strip().upper()


def _units(chunk: Element, placed: bool) -> str:
    """Return "m" where coordinates or lengths in metres have given the chunk its scale."""
    used = any(
        reference.get("enabled", "true") not in _OFF and ("x" in reference.attrib or "distance" in reference.attrib)
        for kind in ("cameras", "markers", "scalebars")
        for reference in chunk.iterfind(f"./{kind}//reference")
    )
    system = _coordinate_system(chunk)
    return "m" if placed and used and (not system.startswith("LOCAL_CS") or 'UNIT["METRE"' in system) else ""


def _camera(sensor: Element | None, pose: Array | None) -> Camera:
    if sensor is None or pose is None:
        raise CameraError("The file has no sensor for it; export it again.")
    calibrations = {calibration.get("class", ""): calibration for calibration in sensor.iterfind("calibration")}
    calibration = calibrations.get("adjusted", next(iter(calibrations.values()), None))
    if calibration is None:
        raise CameraError("Its sensor has no calibration; export it again.")
    size = calibration.find("resolution")
    size = sensor.find("resolution") if size is None else size
    if size is None:
        raise CameraError("Its sensor has no resolution; export it again.")
    width, height = whole(size.attrib, "width"), whole(size.attrib, "height")
    values = {entry.tag: entry.text for entry in calibration}
    f, b1, b2 = number(values, "f"), number(values, "b1", 0.0), number(values, "b2", 0.0)
    cx, cy = (number(values, name, 0.0) + side / 2 for name, side in (("cx", width), ("cy", height)))
    fx, fy, cx, cy = pinhole([[f + b1, b2, cx], [0.0, f, cy], [0.0, 0.0, 1.0]])
    corner = float(np.hypot(max(cx, width - cx), max(cy, height - cy)))
    return Camera(
        width=width,
        height=height,
        fx=fx,
        fy=fy,
        cx=cx,
        cy=cy,
        world_to_camera=np.column_stack([pose[:, :3].T, -pose[:, :3].T @ pose[:, 3]]),
        distortion=_lens(calibration.get("type") or sensor.get("type") or "frame", values, f, corner),
    )


def _lens(kind: str, values: Mapping[str, str | None], focal: float, corner: float) -> Distortion:
    k1, k2, k3, k4 = (number(values, f"k{index}", 0.0) for index in range(1, 5))
    p1, p2, p3, p4 = (number(values, f"p{index}", 0.0) for index in range(1, 5))
    if p3 != 0 or p4 != 0:
        raise CameraError("Its lens has p3 or p4, which cannot be expressed; optimize the cameras without them.")
    if kind == "frame":
        return brown_lens((k1, k2, k3, k4), (p2, p1), focal, corner)
    if kind not in _FISHEYES:
        raise CameraError(f"Its sensor is of the type '{kind}', which cannot be expressed; undistort the pictures.")
    if p1 != 0 or p2 != 0:
        raise CameraError(
            "Its fisheye has p1 or p2, which cannot be expressed; optimize the cameras in Metashape without them."
        )
    return Distortion("fisheye", (k1, k2, k3, k4))


def _numbers(element: Element, key: str, count: int) -> Array:
    """Return the numbers in the text of an entry."""
    found = numbers({entry.tag: (entry.text or "").split() for entry in element}, key, count)
    if not np.isfinite(found).all():
        raise CameraError(f"Its entry '{key}' holds what is not finite; it is damaged.")
    return found
