"""The example capture that comes with the extension, and the sheet of the demo."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from inference.camera import Camera
from inference.capture import read_capture
from inference.capture.triangulation import epipolar_distance
from inference.view import Capture

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "still_life"
CALIBRATION = EXAMPLE / "transforms.json"


@pytest.fixture(scope="module")
def capture() -> Capture:
    return read_capture(CALIBRATION)


def test_the_example_is_small_and_whole(capture: Capture) -> None:
    files = [path for path in EXAMPLE.rglob("*") if path.suffix in {".jpg", ".json"}]
    assert sum(path.stat().st_size for path in files) <= 3 * 2**20
    assert 12 <= len(capture) <= 16
    for view in capture:
        picture: Any = cv2.imread(str(view.image))
        assert picture.shape == (view.camera.height, view.camera.width, 3)
        # Well exposed: hardly a pixel is clipped at either end.
        assert (picture.max(axis=2) == 255).mean() < 0.01
        assert (picture.max(axis=2) <= 2).mean() < 0.01


def test_the_cameras_stand_close_enough_for_four_sources(capture: Capture) -> None:
    forward = np.stack([view.camera.forward for view in capture])
    angles = np.degrees(np.arccos(np.clip(forward @ forward.T, -1, 1)))
    assert 15 <= angles.max() <= 30
    assert np.sort(angles, axis=1)[:, 4].max() < 15


def test_one_view_is_held_out() -> None:
    record = json.loads(CALIBRATION.read_text(encoding="utf-8"))
    listed = record["train_filenames"] + record["test_filenames"]
    assert len(record["test_filenames"]) == 1
    assert sorted(listed) == sorted(frame["file_path"] for frame in record["frames"])


def _matches(capture: Capture, first: int, second: int) -> tuple[Camera, Camera, Any, Any]:
    sift: Any = cv2.SIFT.create(nfeatures=1500)
    views = [capture.views[first], capture.views[second]]
    found: Any = [sift.detectAndCompute(cv2.imread(str(view.image), cv2.IMREAD_GRAYSCALE), None) for view in views]
    pairs = cv2.BFMatcher().knnMatch(found[0][1], found[1][1], k=2)
    good = [best for best, other in pairs if best.distance < 0.7 * other.distance]
    x1 = np.array([found[0][0][match.queryIdx].pt for match in good]) + 0.5
    x2 = np.array([found[1][0][match.trainIdx].pt for match in good]) + 0.5
    return views[0].camera, views[1].camera, x1, x2


@pytest.mark.parametrize(("first", "second"), [(0, 3), (6, 8), (9, 13)])
def test_the_pictures_fit_their_cameras(capture: Capture, first: int, second: int) -> None:
    one, other, x1, x2 = _matches(capture, first, second)
    distance = epipolar_distance(one, other, x1, x2)
    assert len(distance) > 100
    assert np.median(distance) < 0.35


def test_the_depth_range_holds_what_the_pictures_show(capture: Capture) -> None:
    one, other, x1, x2 = _matches(capture, 4, 7)
    keep = epipolar_distance(one, other, x1, x2) < 1
    projections = [camera.intrinsics @ camera.world_to_camera[:3] for camera in (one, other)]
    points = cv2.triangulatePoints(projections[0], projections[1], x1[keep].T, x2[keep].T)
    _, depth = one.project((points[:3] / points[3]).T)
    assert capture.depth_near is not None and capture.depth_far is not None
    inside = (depth >= capture.depth_near) & (depth <= capture.depth_far)
    assert inside.mean() > 0.97
    # Nor is it much wider than that.
    assert capture.depth_near > 0.75 * np.percentile(depth, 1)
    assert capture.depth_far < 1.35 * np.percentile(depth, 99)


def test_the_sheet_says_how_near_the_picture_is(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    photograph = rng.integers(40, 200, (48, 64, 3), dtype=np.uint8)
    files: dict[str, str] = {}
    for name, picture in (("photograph", photograph), ("result", photograph + np.uint8(10)), ("source", photograph)):
        files[name] = str(tmp_path / f"{name}.png")
        cv2.imwrite(files[name], picture)
    record = {
        "sources": [("left", files["source"]), ("right", files["source"])],
        "result": files["result"],
        "photograph": files["photograph"],
        "sheet": str(tmp_path / "sheet.png"),
        "metadata": {"method": "plane-sweep", "seconds": {"read": 0.25, "sweep": 0.5}},
    }
    (tmp_path / "record.json").write_text(json.dumps(record), encoding="utf-8")
    command = [sys.executable, "-m", "examples.comparison_sheet", str(tmp_path / "record.json")]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    # 10 of 255 everywhere: 20 log10(25.5) dB.
    assert done.stdout.startswith("plane-sweep: PSNR 28.13 dB, SSIM ")
    assert "0.75 s (read 0.25, sweep 0.50)" in done.stdout
    sheet = cv2.imread(str(record["sheet"]))
    assert sheet.shape[1] > 3 * 64
    assert (np.asarray(sheet) == 40).all(axis=2).any()  # the amplified difference
