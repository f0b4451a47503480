"""The example captures that come with the extension, and the sheet of the demo."""

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
from inference.metrics import psnr
from inference.view import Capture, View

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "still_life"
CALIBRATION = EXAMPLE / "transforms.json"
PERSON = ROOT / "examples" / "person"


@pytest.fixture(scope="module")
def capture() -> Capture:
    return read_capture(CALIBRATION)


@pytest.fixture(scope="module")
def person() -> Capture:
    return read_capture(PERSON / "transforms.json")


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


@pytest.mark.parametrize("folder", [EXAMPLE, PERSON])
def test_one_view_is_held_out(folder: Path) -> None:
    record = json.loads((folder / "transforms.json").read_text(encoding="utf-8"))
    listed = record["train_filenames"] + record["test_filenames"]
    assert len(record["test_filenames"]) == 1
    assert sorted(listed) == sorted(frame["file_path"] for frame in record["frames"])


def _matches(*views: View) -> tuple[Camera, Camera, Any, Any]:
    sift: Any = cv2.SIFT.create(nfeatures=1500)
    found: Any = [sift.detectAndCompute(cv2.imread(str(view.image), cv2.IMREAD_GRAYSCALE), None) for view in views]
    pairs = cv2.BFMatcher().knnMatch(found[0][1], found[1][1], k=2)
    good = [best for best, other in pairs if best.distance < 0.7 * other.distance]
    x1 = np.array([found[0][0][match.queryIdx].pt for match in good]) + 0.5
    x2 = np.array([found[1][0][match.trainIdx].pt for match in good]) + 0.5
    return views[0].camera, views[1].camera, x1, x2


@pytest.mark.parametrize(("first", "second"), [(0, 3), (6, 8), (9, 13)])
def test_the_pictures_fit_their_cameras(capture: Capture, first: int, second: int) -> None:
    one, other, x1, x2 = _matches(capture.views[first], capture.views[second])
    distance = epipolar_distance(one, other, x1, x2)
    assert len(distance) > 100
    assert np.median(distance) < 0.35


def test_the_depth_range_holds_what_the_pictures_show(capture: Capture) -> None:
    one, other, x1, x2 = _matches(capture.views[4], capture.views[7])
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


def test_the_person_is_small_whole_and_cut_out(person: Capture) -> None:
    assert sum(path.stat().st_size for path in PERSON.rglob("*") if path.is_file()) <= 2.5 * 2**20
    assert [view.name for view in person] == [f"cam_{n:02d}" for n in range(8)] + ["held_out"]
    for view in person:
        pixels: Any = cv2.imread(str(view.image), cv2.IMREAD_UNCHANGED)
        assert pixels.shape == (view.camera.height, view.camera.width, 4) and pixels.dtype == np.uint8
        alpha = pixels[..., 3]
        shown = np.flatnonzero(alpha.max(axis=1))
        assert len(shown) > 0.6 * len(alpha)
        assert not alpha[[0, -1]].any() and not alpha[:, [0, -1]].any()
        # Straight alpha: the colours of soft edges are as light as those just inside.
        soft, whole = (alpha > 60) & (alpha < 200), alpha == 255
        inside = whole & (cv2.erode(whole.astype(np.uint8), np.ones((5, 5), np.uint8)) == 0)
        assert 0.8 < pixels[soft][:, :3].mean() / pixels[inside][:, :3].mean() < 1.25


def test_the_ring_is_even_and_the_held_out_camera_is_halfway(person: Capture) -> None:
    forward = np.stack([view.camera.forward[:2] / np.linalg.norm(view.camera.forward[:2]) for view in person])
    angles = np.degrees(np.arccos(np.clip(forward @ forward.T, -1, 1)))
    np.testing.assert_allclose([angles[n, (n + 1) % 8] for n in range(8)], 45, atol=1e-3)
    np.testing.assert_allclose(angles[8, :2], 22.5, atol=1e-3)


@pytest.mark.parametrize("name", ["cam_00", "cam_01"])
def test_the_person_fits_its_cameras(person: Capture, name: str) -> None:
    distance = epipolar_distance(*_matches(person[name], person["held_out"]))
    assert len(distance) >= 30
    assert np.median(distance) < 0.6


def test_the_person_says_whose_it_is() -> None:
    text = (PERSON / "README.md").read_text(encoding="utf-8")
    assert "Copyright (c) 2022 Tiffany Do" in text and "MIT License" in text
    maker = (PERSON / "make.py").read_text(encoding="utf-8")
    assert "--seed 18 --size 640" in text and "default=18" in maker and "default=640" in maker


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


def test_the_sheet_of_a_person_counts_the_subject_before_black_inside_its_box(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    true = rng.integers(40, 200, (60, 80, 4), dtype=np.uint8)
    true[..., 3] = 0
    true[10:50, 20:60, 3] = 255
    made = true.astype(np.uint16) * 257  # 16 bits, as results are
    made[10:50, 20:40, 3] = 0  # half of the subject is missing
    made[:, 70:, 3] = 65535  # what sticks out of the box does not count
    files = {name: str(tmp_path / f"{name}.png") for name in ("true", "made")}
    cv2.imwrite(files["true"], true)
    cv2.imwrite(files["made"], made)
    record = {
        "sources": [("left", files["true"]), ("right", files["true"])],
        "result": files["made"],
        "photograph": files["true"],
        "sheet": str(tmp_path / "sheet.png"),
        "metadata": {"method": "gps-gaussian", "seconds": {"total": 2.0, "network": 1.0}},
        "gaussians": {"count": 123456, "metadata": {"pairs": [{}, {}], "seconds": {"fusion": 0.5}}},
        "turntable": [(f"turned by {n}", files["true"]) for n in range(5)],
    }
    (tmp_path / "record.json").write_text(json.dumps(record), encoding="utf-8")
    command = [sys.executable, "-m", "examples.comparison_sheet", str(tmp_path / "record.json")]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    box = true[10:50, 20:60, :3] / 255.0
    kept = box.copy()
    kept[:, :20] = 0
    assert done.stdout.splitlines()[0].startswith(f"gps-gaussian: PSNR {psnr(kept, box):.2f} dB, SSIM ")
    assert done.stdout.splitlines()[1] == "123,456 Gaussians from 2 pairs of sources; 0.50 s (fusion 0.50)"
    sheet: Any = cv2.imread(str(record["sheet"]))
    # Five pictures side by side, from the subject's left edge to the right edge of what sticks out.
    assert sheet.shape[1] == 5 * 60 + 6 * 16
