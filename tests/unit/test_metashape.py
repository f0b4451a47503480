from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from inference.capture import read_capture
from inference.capture.formats import metashape
from inference.errors import CameraError, CaptureError, PictureError
from tests.unit.capture_fuzz import check_damage
from tests.unit.capture_samples import HEIGHT, WIDTH, found_by, local, pose, save_picture, seen

PINHOLE = {"f": 60.0, "cx": -1.5, "cy": 0.75}
RADIAL = {"k1": 0.05, "k2": -0.02, "k3": 0.003}
LENSES: dict[str, tuple[str, dict[str, float]]] = {
    "pinhole": ("frame", PINHOLE),
    "frame": ("frame", {**PINHOLE, **RADIAL, "p1": 0.002, "p2": -0.004, "b1": 3.0, "b2": 0.0}),
    "four terms": ("frame", {**PINHOLE, **RADIAL, "k4": -0.004, "p1": 0.002, "p2": -0.004}),
    "fisheye": ("fisheye", {**PINHOLE, **RADIAL, "k4": 0.001, "p1": 0.0, "p2": 0.0, "b1": -2.0}),
    "equidistant": ("equidistant_fisheye", {**PINHOLE, **RADIAL}),
}
GEOGRAPHIC = 'GEOGCS["WGS 84",DATUM["World Geodetic System 1984",SPHEROID["WGS 84",6378137,298.257223563]]]'
LOCAL = 'LOCAL_CS["Local Coordinates (m)",LOCAL_DATUM["Local Datum",0],UNIT["metre",1,AUTHORITY["EPSG","9001"]]]'
# Where the world of the chunk is in that of the user: rotation, translation, scale.
IDENTITY = (np.eye(3), np.zeros(3), 1.0)
TURNED = (cv2.Rodrigues(np.array([0.4, -0.7, 1.9]))[0], np.array([3.0, -2.0, 5.0]), 2.5)


def text(values: Any) -> str:
    return " ".join(repr(float(value)) for value in np.ravel(values))


def transform(place: Any) -> str:
    rotation, translation, scale = place
    return (
        f'<transform><rotation locked="true">{text(rotation)}</rotation>'
        f"<translation>{text(translation)}</translation><scale>{scale!r}</scale></transform>"
    )


def camera(index: int, place: Any, label: str | None = None, attributes: str = "", inner: str = "") -> str:
    """Return a camera that is at pose(index) in the user's world."""
    rotation, translation = pose(index)
    turn, shift, scale = place
    in_chunk = np.eye(4)
    in_chunk[:3, :3] = turn.T @ rotation.T
    in_chunk[:3, 3] = turn.T @ (-rotation.T @ translation - shift) / scale
    return (
        f'<camera id="{index}" sensor_id="0" {attributes} label="{label or f"IMG_{index}"}">'
        f"<transform>{text(in_chunk)}</transform><orientation>1</orientation>{inner}</camera>"
    )


def sensor(lens: str = "frame", identity: int = 0) -> str:
    kind, values = LENSES[lens]
    entries = "".join(f"<{key}>{value!r}</{key}>" for key, value in values.items())
    size = f'<resolution width="{WIDTH}" height="{HEIGHT}"/>'
    return (
        f'<sensor id="{identity}" label="unknown" type="{kind}">{size}<property name="layer_index" value="0"/>'
        f'<calibration type="{kind}" class="initial">{size}<f>1.0</f></calibration>'
        f'<calibration type="{kind}" class="adjusted">{size}{entries}</calibration></sensor>'
    )


def document(cameras: str, sensors: str, places: str = "", system: str = "") -> str:
    reference = f"<reference>{system}</reference>" if system else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<document version="2.0.0">\n  <chunk label="Chunk 1" enabled="true">\n'
        f"<sensors>{sensors}</sensors>{places}<cameras>{cameras}</cameras>{reference}</chunk></document>\n"
    )


def scene(lens: str = "frame", place: Any = TURNED, system: str = LOCAL, inner: str = "") -> str:
    """Return three cameras, the last of them in a group, and a fourth that is not aligned."""
    cameras = [camera(index, place, inner=inner) for index in range(3)]
    return document(
        f'{cameras[0]}{cameras[1]}<group id="0" label="g" type="folder">{cameras[2]}</group>'
        '<camera id="3" sensor_id="0" label="IMG_3"/>',
        sensor(lens),
        transform(place),
        system,
    )


def write(folder: Path, content: str) -> Path:
    for index in range(4):
        save_picture(folder / "images" / f"IMG_{index}.JPG")
    path = folder / "cameras.xml"
    path.write_text(content)
    return path


def projected(index: int, lens: str) -> np.ndarray:
    """Return where a camera sees the points, as the appendix of Metashape's manual has it."""
    kind, k = LENSES[lens]
    x, y = (local(index)[:, :2] / local(index)[:, 2:]).T
    if kind != "frame":
        r0 = np.hypot(x, y)
        x, y = x * np.arctan(r0) / r0, y * np.arctan(r0) / r0
    r2 = x * x + y * y
    factor = 1 + sum(k.get(f"k{order}", 0.0) * r2**order for order in range(1, 5))
    p1, p2 = k.get("p1", 0.0), k.get("p2", 0.0)
    u = x * factor + p1 * (r2 + 2 * x * x) + 2 * p2 * x * y
    v = y * factor + p2 * (r2 + 2 * y * y) + 2 * p1 * x * y
    return np.column_stack(
        [
            WIDTH * 0.5 + k["cx"] + u * k["f"] + u * k.get("b1", 0.0) + v * k.get("b2", 0.0),
            HEIGHT * 0.5 + k["cy"] + v * k["f"],
        ]
    )


@pytest.mark.parametrize("lens", LENSES)
@pytest.mark.parametrize("place", [IDENTITY, TURNED], ids=["identity", "turned"])
def test_cameras_see_as_metashape_says(tmp_path: Path, lens: str, place: Any) -> None:
    capture = read_capture(write(tmp_path, scene(lens, place)))
    assert capture.format == "Metashape" and [view.name for view in capture] == ["IMG_0", "IMG_1", "IMG_2"]
    for index, view in enumerate(capture):
        rotation, translation = pose(index)
        assert np.abs(view.camera.world_to_camera[:3] - np.column_stack([rotation, translation])).max() < 1e-9
        # Metashape's pixels have their edges at 0..width.
        assert np.abs(seen(view.camera) - projected(index, lens)).max() < (1e-4 if lens == "four terms" else 1e-9)
        assert (view.camera.distortion is None) == (lens == "pinhole")
    assert capture.skipped == {"IMG_3": "Metashape has not aligned it"}


def test_components_have_places_of_their_own(tmp_path: Path) -> None:
    cameras = camera(0, TURNED, attributes='component_id="0"') + "".join(
        camera(index, IDENTITY, attributes='component_id="1"') for index in (1, 2)
    )
    places = (
        f'<components><component id="0">{transform(TURNED)}</component><component id="1">{{}}</component></components>'
    )
    both = write(tmp_path, document(cameras, sensor(), places.format(transform(IDENTITY))))
    for index, view in enumerate(read_capture(both)):
        assert np.abs(view.camera.world_to_camera[:3] - np.column_stack(pose(index))).max() < 1e-9
    # Where one is told no place, the two do not hang together, and the larger one is taken.
    capture = read_capture(write(tmp_path, document(cameras, sensor(), places.format(""))))
    assert [view.name for view in capture] == ["IMG_1", "IMG_2"] and "components" in capture.skipped["IMG_0"]


def test_geocentric_scenes_come_to_the_ground(tmp_path: Path) -> None:
    """The reference is the transform from geocentric to topocentric coordinates at 47.37 N, 8.55 E, 430 m."""
    latitude, longitude, height, a, e2 = np.radians(47.37), np.radians(8.55), 430.0, 6378137.0, 0.00669437999014
    normal = a / np.sqrt(1 - e2 * np.sin(latitude) ** 2)
    up = np.array([np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)])
    origin = np.array([(normal + height) * up[0], (normal + height) * up[1], (normal * (1 - e2) + height) * up[2]])
    east = np.array([-np.sin(longitude), np.cos(longitude), 0.0])
    to_ground = np.array([east, np.cross(up, east), up])
    # The samples' world is the ground there; the chunk is in geocentric coordinates.
    place = (to_ground.T, origin, 1.0)
    cameras = "".join(camera(index, IDENTITY) for index in range(3))
    path = write(tmp_path, document(cameras, sensor(), transform(place), GEOGRAPHIC))
    middle = np.mean([-rotation.T @ translation for rotation, translation in map(pose, range(3))], axis=0)
    for index, view in enumerate(read_capture(path)):
        rotation, translation = pose(index)
        # The middle of the cameras is a few decimetres from there: the ground turns by that over the Earth's radius.
        assert np.abs(view.camera.rotation - rotation).max() < 1e-6
        assert np.abs(view.camera.centre - (-rotation.T @ translation - middle)).max() < 1e-6
    # A local coordinate system is left as it is, whatever its numbers.
    path.write_text(document(cameras, sensor(), transform(place), LOCAL))
    assert np.linalg.norm(read_capture(path).views[0].camera.centre) > 6e6


@pytest.mark.parametrize(
    ("system", "inner", "units"),
    [
        (LOCAL, '<reference x="1" y="2" z="3" enabled="true"/>', "m"),
        (GEOGRAPHIC, '<reference x="8" y="47" z="400" enabled="1"/>', "m"),
        (LOCAL.replace("metre", "foot"), '<reference x="1" y="2" z="3" enabled="true"/>', ""),
        (LOCAL, '<reference x="1" y="2" z="3" enabled="false"/>', ""),
        (LOCAL, "", ""),
    ],
)
def test_units_are_those_of_the_reference(tmp_path: Path, system: str, inner: str, units: str) -> None:
    assert read_capture(write(tmp_path, scene(system=system, inner=inner))).units == units


def test_what_is_switched_off_doubtful_or_on_a_rig_is_skipped(tmp_path: Path) -> None:
    cameras = camera(0, IDENTITY) + camera(1, IDENTITY, attributes='enabled="false"') + camera(2, IDENTITY)
    cameras += camera(3, IDENTITY, label="IMG_2") + camera(4, IDENTITY, label="IMG_3", attributes='master_id="0"')
    capture = read_capture(write(tmp_path, document(cameras, sensor())))
    assert [view.name for view in capture] == ["IMG_0"]
    reasons = " / ".join(capture.skipped.values())
    assert "switched off" in reasons and "2 cameras have its label" in reasons and "rigs" in reasons


def test_it_is_found_by_its_content(tmp_path: Path) -> None:
    path = write(tmp_path, scene())
    assert found_by(path) == found_by(tmp_path) == ["Metashape"]
    (tmp_path / "a.xml").write_text("<calibration><projection>frame</projection></calibration>")
    assert read_capture(tmp_path).path == path and metashape.find(tmp_path / "a.xml") is None
    path.unlink()
    assert metashape.find(tmp_path) is None


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("<f>60.0</f>", "", "no entry 'f'"),
        ("<f>60.0</f>", "<f>-60.0</f>", "positive"),
        ("<f>60.0</f>", "<f>nan</f>", "not made of 3 x 3 finite numbers"),
        ("<k1>0.05</k1>", "<k1/>", "'k1' is no number"),
        ("<k1>0.05</k1>", "<k1>inf</k1>", "not a finite number"),
        ("<b2>0.0</b2>", "<b2>1.5</b2>", "skew of 1.5"),
        ("<b2>0.0</b2>", "<b2>0.0</b2><k4>-900.0</k4>", "k4 cannot be expressed"),
        ("<b2>0.0</b2>", "<b2>0.0</b2><p3>0.1</p3>", "p3 or p4"),
        ('"frame" class="adjusted"', '"equisolid_fisheye" class="adjusted"', "type 'equisolid_fisheye'"),
        ('"frame" class="adjusted"', '"fisheye" class="adjusted"', "fisheye has p1 or p2"),
        (f'width="{WIDTH}"', 'width="64.5"', "whole number"),
        (f'width="{WIDTH}"', 'width="0"', "from 1 to 65536"),
        ("<resolution", "<resolutio", "no resolution"),
        ("<calibration", "<calibratio", "no calibration"),
        ('<sensor id="0"', '<sensor id="1"', "no sensor"),
        ('"IMG_0"><transform>', '"IMG_0"><transform>1 ', "has 17 numbers"),
        ("0.0 0.0 0.0 1.0<", "0.0 0.0 0.0 2.0<", "last row of its transform"),
        ("0.0 0.0 0.0 1.0<", "0.0 0.0 0.0 inf<", "not finite"),
    ],
)
def test_cameras_that_make_no_sense_are_named(tmp_path: Path, old: str, new: str, words: str) -> None:
    content = scene()
    assert old in content
    content = content.replace(old, new).replace(f"</{old[1:]}", f"</{new[1:]}")
    with pytest.raises(CameraError, match=f"camera of 'IMG_0' in .*({words})"):
        read_capture(write(tmp_path, content))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (scene()[:-20], r"not valid XML \(line \d+\)"),
        (scene().replace("<cameras>", "<other>").replace("</cameras>", "</other>"), "no chunk with cameras"),
        (scene().replace("<document version", "<!DOCTYPE document []><document version"), "document type"),
        (scene().replace("<scale>2.5", "<scale>0.0"), "scale is 0; it must be positive"),
        (scene().replace("<scale>2.5", "<scale>x"), "'scale' is no number"),
        (scene().replace("<scale>2.5", "<scale>inf"), "'scale' holds what is not finite"),
        (scene().replace("scale>", "skale>"), "no entry 'scale'"),
        (scene().replace("<translation>3.0", "<translation>"), "'translation' has 2 numbers; it must have 3"),
        (document('<camera id="3" sensor_id="0" label="IMG_3"/>', sensor()), "no picture with a camera"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, content: str, words: str) -> None:
    with pytest.raises(CaptureError, match=rf"cameras\.xml.*{words}"):
        read_capture(write(tmp_path, content))


def test_missing_pictures_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, scene())
    (tmp_path / "images" / "IMG_1.JPG").unlink()
    capture = read_capture(path)
    assert [view.name for view in capture] == ["IMG_0", "IMG_2"] and "is missing" in capture.skipped["IMG_1"]
    for picture in (tmp_path / "images").iterdir():
        picture.unlink()
    with pytest.raises(PictureError, match=r"The 3 pictures .* are missing"):
        read_capture(path)


def test_damage_of_any_kind_is_said(tmp_path: Path) -> None:
    check_damage(tmp_path, write(tmp_path, scene()).read_bytes(), "cameras.xml", 150)
