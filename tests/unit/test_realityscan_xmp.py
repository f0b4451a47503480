from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference.capture import read_capture
from inference.capture.formats import realityscan_xmp
from inference.errors import CameraError, CaptureError, PictureError
from tests.unit.capture_fuzz import check_damage
from tests.unit.capture_samples import found_by, pose, save_picture, seen
from tests.unit.realityscan_samples import FOCAL, LENSES, PRINCIPAL, bound, projected

# What the entry is called in RealityScan's files, spelling included.
COEFFICIENTS = "DistortionCoeficients"


def text(values: Any) -> str:
    return " ".join(repr(float(value)) for value in np.ravel(values))


def entries(index: int, lens: str = "brown3t2") -> dict[str, str]:
    rotation, translation = pose(index)
    return {
        "Version": "4",
        "CalibrationPrior": "exact",
        "PosePrior": "exact",
        "Coordinates": "absolute",
        "DistortionModel": lens,
        "FocalLength35mm": repr(36 * FOCAL),
        "Skew": "0",
        "AspectRatio": "1",
        "PrincipalPointU": repr(PRINCIPAL[0]),
        "PrincipalPointV": repr(PRINCIPAL[1]),
        "Rotation": text(rotation),
        "Position": text(-rotation.T @ translation),
        COEFFICIENTS: text(LENSES[lens]),
    }


def sidecar(values: dict[str, str], elements: tuple[str, ...] = ("Rotation", "Position", COEFFICIENTS)) -> str:
    attributes = " ".join(f'xcr:{key}="{value}"' for key, value in values.items() if key not in elements)
    inner = "".join(f"<xcr:{key}>{values[key]}</xcr:{key}>\n" for key in elements if key in values)
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">\n<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
        f'<rdf:Description xmlns:xcr="http://www.capturingreality.com/ns/xcr/1.1#" {attributes}>\n{inner}'
        "</rdf:Description></rdf:RDF></x:xmpmeta>\n"
    )


def write(folder: Path, lens: str = "brown3t2", elements: tuple[str, ...] = ("Rotation", "Position")) -> Path:
    for index in range(3):
        save_picture(folder / f"IMG_{index}.side.JPG")
        (folder / f"IMG_{index}.side.xmp").write_text(sidecar(entries(index, lens), elements))
    return folder


@pytest.mark.parametrize("lens", LENSES)
@pytest.mark.parametrize("elements", [(), ("Position",), ("Rotation", "Position", COEFFICIENTS)], ids=str)
def test_cameras_see_as_realityscan_says(tmp_path: Path, lens: str, elements: tuple[str, ...]) -> None:
    capture = read_capture(write(tmp_path, lens, elements))
    assert capture.format == "RealityScan XMP"
    assert [view.name for view in capture] == ["IMG_0.side", "IMG_1.side", "IMG_2.side"]
    for index, view in enumerate(capture):
        rotation, translation = pose(index)
        assert np.abs(view.camera.world_to_camera[:3] - np.column_stack([rotation, translation])).max() < 1e-9
        assert np.abs(seen(view.camera) - projected(index, lens)).max() < bound(lens)
        assert (view.camera.distortion is None) == (lens == "none")


def test_entries_that_are_left_out_have_the_documented_meaning(tmp_path: Path) -> None:
    write(tmp_path)
    for index, left_out in enumerate(["DistortionModel", COEFFICIENTS, "PrincipalPointU"]):
        values = entries(index)
        del values[left_out]
        (tmp_path / f"IMG_{index}.side.xmp").write_text(sidecar(values))
    first, second, third = (view.camera for view in read_capture(tmp_path))
    assert first.distortion is None and second.distortion is None and third.distortion is not None
    assert third.cx == third.width / 2


def test_what_is_not_aligned_or_apart_is_skipped(tmp_path: Path) -> None:
    write(tmp_path)
    save_picture(tmp_path / "IMG_3.JPG")
    (tmp_path / "IMG_3.xmp").write_text(sidecar({"Version": "3", "FocalLength35mm": "30"}))
    # Not RealityScan's.
    (tmp_path / "IMG_4.xmp").write_text('<x:xmpmeta xmlns:x="adobe:ns:meta/"/>')
    for index, component in enumerate("aab"):
        values = {**entries(index), "Coordinates": "relative", "ComponentId": component}
        (tmp_path / f"IMG_{index}.side.xmp").write_text(sidecar(values))
    capture = read_capture(tmp_path)
    assert [view.name for view in capture] == ["IMG_0.side", "IMG_1.side"]
    assert "not aligned" in capture.skipped["IMG_3"] and "of the 2 components" in capture.skipped["IMG_2.side"]
    assert "IMG_4" not in capture.skipped


def test_they_are_found_by_their_content(tmp_path: Path) -> None:
    write(tmp_path / "images")
    for path in (tmp_path, tmp_path / "images", tmp_path / "images" / "IMG_1.side.xmp"):
        assert read_capture(path).path == tmp_path / "images" and found_by(path) == ["RealityScan XMP"]
    for file in (tmp_path / "images").glob("*.xmp"):
        file.write_text('<x:xmpmeta xmlns:x="adobe:ns:meta/"/>')
    assert realityscan_xmp.find(tmp_path) is None and realityscan_xmp.find(file) is None


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("DistortionModel", "rationalP2D1", "lens 'rationalP2D1'"),
        ("DistortionModel", "brown4", "k4 cannot be expressed"),
        ("Skew", "0.01", "skew or an aspect ratio"),
        ("AspectRatio", "1.02", "skew or an aspect ratio"),
        ("FocalLength35mm", None, "no entry 'FocalLength35mm'"),
        ("FocalLength35mm", "0", "positive"),
        ("FocalLength35mm", "wide", "'FocalLength35mm' is no number"),
        ("Rotation", "1 0 0", "3 numbers; it must have 9"),
        ("Rotation", "1 0 0 0 1 0 0 0 -1", "mirrored"),
        ("Position", "1 2 nan", "not finite"),
        (COEFFICIENTS, "0.1", "1 numbers; it must have 6"),
    ],
)
def test_cameras_that_make_no_sense_are_named(tmp_path: Path, key: str, value: str | None, words: str) -> None:
    write(tmp_path)
    values = {**entries(1), COEFFICIENTS: text([0.1, 0.0, 0.0, -900.0, 0.0, 0.0])}
    values.pop(key)
    (tmp_path / "IMG_1.side.xmp").write_text(sidecar(values if value is None else {**values, key: value}))
    with pytest.raises(CameraError, match=rf"camera of 'IMG_1\.side' in .*({words})"):
        read_capture(tmp_path)


def test_damaged_files_are_named(tmp_path: Path) -> None:
    file = write(tmp_path) / "IMG_1.side.xmp"
    whole = file.read_text()
    file.write_text(whole[:-30])
    with pytest.raises(CaptureError, match=r"IMG_1\.side\.xmp is not valid XML"):
        read_capture(tmp_path)
    file.write_text(whole.replace("xmlns:xcr=", "xmlns:other=").replace("xcr:", "other:"))
    assert len(read_capture(tmp_path)) == 3
    file.write_text('<a title="http://www.capturingreality.com/ns/xcr/1.1#"/>')
    with pytest.raises(CaptureError, match=r"IMG_1\.side\.xmp holds nothing of RealityScan"):
        read_capture(tmp_path)
    for name in tmp_path.glob("*.xmp"):
        name.write_text(sidecar({"Version": "3"}))
    with pytest.raises(CaptureError, match="no picture with a camera"):
        read_capture(tmp_path)


def test_missing_pictures_are_named(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "IMG_1.side.JPG").unlink()
    capture = read_capture(tmp_path)
    assert [view.name for view in capture] == ["IMG_0.side", "IMG_2.side"]
    assert [f"{tmp_path / 'IMG_1.side'} is missing" in reason for reason in capture.skipped.values()] == [True]
    for picture in tmp_path.glob("*.JPG"):
        picture.unlink()
    with pytest.raises(PictureError, match=r"The 3 pictures .* are missing"):
        read_capture(tmp_path)


def test_damage_of_any_kind_is_said(tmp_path: Path) -> None:
    write(tmp_path)
    check_damage(tmp_path, (tmp_path / "IMG_0.side.xmp").read_bytes(), "IMG_0.side.xmp", 100)
