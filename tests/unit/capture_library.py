"""One sample of every format, and what is read from any capture, for tests that cannot import the formats themselves.

``python -m tests.unit.capture_library write FOLDER`` writes the samples, ``... read PATH ...`` reads captures; both
print JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inference.capture import read_capture
from inference.capture.formats import FORMATS
from inference.capture.rectification import rectified_camera
from tests.made_up import write_capture
from tests.unit import (
    test_colmap,
    test_idr,
    test_llff,
    test_meshroom,
    test_metashape,
    test_middlebury,
    test_mvsnet,
    test_opencv_yaml,
    test_openmvg,
    test_opensfm,
    test_realityscan_csv,
    test_realityscan_xmp,
    test_strecha,
)


def _bent(folder: Path) -> None:
    path = write_capture(folder)
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "k1": -0.05, "p1": 0.001, "fl_y": 92.0}))


SAMPLES: dict[str, Callable[[Path], object]] = {
    "COLMAP": lambda folder: test_colmap.write_model(folder, "OPENCV"),
    "COLMAP, text": lambda folder: test_colmap.write_model(folder, "OPENCV_FISHEYE", text=True),
    "transforms.json": _bent,
    "IDR": lambda folder: test_idr.write(folder, test_idr.matrices()),
    "LLFF": lambda folder: test_llff.write(folder, test_llff.rows()),
    "MVSNet": lambda folder: test_mvsnet.write(folder),
    "Meshroom": lambda folder: test_meshroom.write(folder, test_meshroom.scene()),
    "Metashape": lambda folder: test_metashape.write(folder, test_metashape.scene()),
    "Middlebury": lambda folder: test_middlebury.write(folder, test_middlebury.content()),
    "OpenCV": lambda folder: test_opencv_yaml.write(folder),
    "OpenMVG": lambda folder: test_openmvg.write(folder, test_openmvg.scene()),
    "OpenSfM": lambda folder: test_opensfm.write(folder, test_opensfm.scene()),
    "RealityScan CSV": lambda folder: test_realityscan_csv.write(
        folder, test_realityscan_csv.table(test_realityscan_csv.NEW, "brown3t2")
    ),
    "RealityScan XMP": lambda folder: test_realityscan_xmp.write(folder),
    "Strecha": lambda folder: test_strecha.write(folder),
}


def write(folder: Path) -> dict[str, Any]:
    """Write all samples; return their folders by name, and the names of the formats that they are of."""
    written = {}
    for index, (name, sample) in enumerate(SAMPLES.items()):
        place = folder / f"sample {index}"
        place.mkdir(parents=True)
        sample(place)
        capture = read_capture(place)
        assert capture.path is not None
        written[name] = {"folder": str(place), "path": str(capture.path), "format": capture.format}
    assert {entry["format"] for entry in written.values()} == {known.FORMAT for known in FORMATS}
    return written


def read(path: Path) -> dict[str, Any]:
    """Return a capture with the ideal cameras that Blender is given."""
    capture = read_capture(path)
    record: dict[str, Any] = capture.to_json()
    for view, entry in zip(capture, record["views"], strict=True):
        entry["camera"] = rectified_camera(view.camera, square_pixels=True).to_json()
    return record


def main(command: str, *paths: str) -> None:
    """Run one of the two commands."""
    answer = write(Path(paths[0])) if command == "write" else [read(Path(path)) for path in paths]
    print(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
