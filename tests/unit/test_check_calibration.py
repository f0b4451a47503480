"""Check Calibration: each mistake put into captures that have none is named, and nothing else is."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from inference.calibration import check, observations
from inference.calibration.check import check_calibration
from inference.capture import read_capture
from inference.errors import CaptureError
from inference.progress import Progress
from inference.view import Capture, View
from tests.shared_data import CAPTURES
from tests.unit import boards
from tests.unit.calibration_mistakes import (
    OPENGL,
    changed,
    focal,
    picture,
    pose,
    principal_point,
    scaled_intrinsics,
    scaled_position,
    shrunk,
    swapped,
    turned,
)

COMMON = {
    "axes": (pose(lambda each: OPENGL @ each), "axes", "the axes are swapped"),
    "inverted": (pose(np.linalg.inv), "inverted", "the poses are inverted"),
    "inverted axes": (
        pose(lambda each: np.linalg.inv(each) @ OPENGL),
        "inverted axes",
        "inverted and their axes swapped",
    ),
    "focal length": (focal(1.2), "focal length", "the focal length is too long"),
    "corner": (principal_point(lambda each: (0.0, 0.0)), "principal point", "the principal point is"),
    "offset": (
        principal_point(lambda each: (each.cx + 0.08 * each.width, each.cy - 0.05 * each.height)),
        "principal point",
        "the principal point is",
    ),
    "size": (scaled_intrinsics(0.5), "size", "pictures of another size"),
    "upside down": (picture(2), "rotated", "All pictures are rotated by 180 degrees"),
    "on its side": (picture(1), "rotated", "All pictures are rotated by 90 degrees counterclockwise"),
    "on its other side": (picture(3), "rotated", "All pictures are rotated by 90 degrees clockwise"),
    "mirrored": (picture(0, mirrored=True), "mirrored", "All pictures are mirrored"),
}
SINGLE = {
    "upside down": (picture(2), "rotated", "is rotated by 180 degrees"),
    "on its side": (picture(3), "rotated", "is rotated by 90 degrees clockwise"),
    "mirrored": (picture(0, mirrored=True), "mirrored", "is mirrored"),
    "focal length": (focal(0.85), "focal length", "too short; multiply it by 1.1"),
    "pose": (turned(4.0), "pose", "pose is off by 4."),
    "unit": (scaled_position(1000.0), "scale", "multiplied by 0.001"),
}
# Where shared captures show a mistake: parallel cameras know no principal point, close neighbours no small mistake.
SHOWN = [
    *(
        ("livingroom", name)
        for name in ("axes", "inverted", "focal length", "corner", "size", "on its side", "mirrored")
    ),
    *(("maryRose", name) for name in ("axes", "inverted axes", "focal length", "offset", "upside down")),
    *(("skull", name) for name in ("axes", "inverted", "focal length", "corner")),
]
VIEWS = {
    "livingroom": (range(0, 14, 2), 480),
    "maryRose": (range(2, 9), 480),
    "skull": ([0, 1, 2, 11, 20, 21, 22], 800),
}

_kept: dict[str, Capture] = {}


@pytest.fixture(autouse=True)
def observed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Find features once in pictures that many mistakes leave as they are."""

    def observe(capture: Capture, progress: Progress) -> Any:
        key = tuple(id(view.image) for view in capture)
        if key not in _observed:
            # The pictures are kept too, so that no other one gets the id of one of them.
            _observed[key] = (*observations.observe(capture, progress), capture)
        return _observed[key][:2]

    monkeypatch.setattr(check, "observe", observe)


_observed: dict[tuple[int, ...], Any] = {}


def capture_of(name: str) -> Capture:
    if name not in _kept:
        if name == "boards":
            _kept[name] = boards.boards()
        else:
            if not (CAPTURES / name).is_dir():
                pytest.skip("the development captures are not here")
            which, side = VIEWS[name]
            _kept[name] = shrunk(read_capture(CAPTURES / name), which, side)
    return _kept[name]


def judged(capture: Capture) -> list[tuple[str, str | None]]:
    """Return kind and camera of what is wrong; too few matches are no mistake."""
    return [(each.kind, each.camera) for each in check_calibration(capture).diagnoses if each.kind != "matches"]


@pytest.mark.parametrize("name", ["boards", "livingroom", "maryRose", "skull", "printer"])
def test_clean_captures_pass(name: str) -> None:
    if name == "printer" and (CAPTURES / name).is_dir():
        _kept[name] = shrunk(read_capture(CAPTURES / name), range(3), 800)
    report = check_calibration(capture_of(name))
    assert [each for each in report.diagnoses if each.kind != "matches"] == []
    assert {each.verdict for each in report.cameras} <= {"good", "unknown"}
    assert report.epipolar is not None and report.epipolar < 0.6
    if name == "boards":
        assert report.diagnoses == () and report.epipolar < 0.1


@pytest.mark.parametrize(("name", "mistake"), [*(("boards", mistake) for mistake in COMMON), *SHOWN])
def test_a_mistake_of_all_cameras_is_named(name: str, mistake: str) -> None:
    change, kind, sentence = COMMON[mistake]
    found = [each for each in check_calibration(changed(capture_of(name), change)).diagnoses if each.kind != "matches"]
    assert [(each.kind, each.camera) for each in found] == [(kind, None)]
    assert sentence in found[0].sentence
    assert found[0].before is not None and found[0].after is not None and found[0].after < found[0].before / 2
    if mistake == "focal length":
        assert float(found[0].sentence.split()[-1].rstrip(".")) == pytest.approx(1 / 1.2, rel=0.02)


@pytest.mark.parametrize(
    ("name", "mistake"), [(name, mistake) for name in ("boards", "livingroom") for mistake in SINGLE]
)
def test_a_mistake_of_one_camera_is_named(name: str, mistake: str) -> None:
    capture = capture_of(name)
    change, kind, sentence = SINGLE[mistake]
    report = check_calibration(changed(capture, change, which=3))
    wrong = capture.views[3].name
    assert [(each.kind, each.camera) for each in report.diagnoses] == [(kind, wrong)]
    assert sentence in report.diagnoses[0].sentence
    assert report.ranking[0].name == wrong and report.ranking[0].verdict == "bad"
    assert {each.verdict for each in report.cameras if each.name != wrong} == {"good"}


@pytest.mark.parametrize("name", ["boards", "livingroom"])
def test_swapped_pictures_are_given_back(name: str) -> None:
    capture = capture_of(name)
    first, second = capture.views[1].name, capture.views[4].name
    found = check_calibration(swapped(capture, 1, 4)).diagnoses
    assert {(each.kind, each.camera) for each in found} == {("swapped pictures", first), ("swapped pictures", second)}
    assert f"The picture of '{first}' belongs to camera '{second}'" in " ".join(each.sentence for each in found)


def test_a_mirrored_principal_point_is_named() -> None:
    change = principal_point(lambda each: (each.cx, each.height - each.cy))
    found = check_calibration(changed(capture_of("boards"), change)).diagnoses
    assert [each.kind for each in found] == ["principal point"]
    assert "measured from the bottom" in found[0].sentence


def test_two_mistakes_at_once_are_both_named() -> None:
    wrong = changed(changed(capture_of("boards"), focal(1.25)), turned(6.0), which=2)
    assert judged(wrong) == [("focal length", None), ("pose", "v2")]


def test_the_size_of_a_pose_mistake_is_told() -> None:
    found = check_calibration(changed(capture_of("boards"), turned(0.0, (0.3, 0.1, 0.0)), which=2)).diagnoses
    assert [each.kind for each in found] == ["pose"]
    words = found[0].sentence.split()
    assert float(words[words.index("units,") - 1]) == pytest.approx(np.hypot(0.3, 0.1), rel=0.05)


def test_a_mistake_without_a_name_is_told_all_the_same() -> None:
    random = np.random.default_rng(3)
    wrong = changed(
        capture_of("boards"),
        lambda view: turned(random.uniform(5, 15), tuple(random.uniform(-1, 1, 3)))(
            focal(random.uniform(0.7, 1.4))(view)
        ),
    )
    report = check_calibration(wrong)
    assert [(each.kind, each.camera) for each in report.diagnoses] == [("unexplained", None)]
    assert "Calibrate Photographs" in report.diagnoses[0].sentence
    assert "bad" in {each.verdict for each in report.cameras}


def test_a_picture_of_another_shape_is_named() -> None:
    def cropped(view: View) -> View:
        wrong = copy.copy(view)
        object.__setattr__(wrong, "image", np.ascontiguousarray(np.asarray(view.image)[60:]))
        return wrong

    report = check_calibration(changed(capture_of("boards"), cropped, which=2))
    assert {each.camera for each in report.diagnoses} == {"v2"}
    assert "is 400 x 240 pixels, but its camera is calibrated for 400 x 300" in report.diagnoses[-1].sentence


@pytest.mark.parametrize(
    ("units", "factor", "sentence"),
    [("m", 1e-3, "neighbouring cameras are"), ("m", 1e5, "km apart"), ("mm", 1.0, "apart, which is unlikely")],
)
def test_a_unit_that_cannot_be_is_suspicious(units: str, factor: float, sentence: str) -> None:
    wrong = replace(changed(capture_of("boards"), scaled_position(factor)), units=units)
    found = check_calibration(wrong).diagnoses
    assert [each.kind for each in found] == ["unit"]
    assert sentence in found[0].sentence


def test_units_that_can_be_pass() -> None:
    assert judged(replace(capture_of("boards"), units="m")) == []
    assert judged(replace(capture_of("boards"), depth_near=3.0, depth_far=8.0)) == []


def test_a_depth_range_of_another_unit_is_suspicious() -> None:
    found = check_calibration(replace(capture_of("boards"), depth_near=3000.0, depth_far=8000.0)).diagnoses
    assert [each.kind for each in found] == ["unit"]
    assert "depth range 3e+03 to 8e+03 does not fit" in found[0].sentence


def test_pictures_without_a_match_are_unknown_and_told() -> None:
    capture = capture_of("boards")
    blank = np.full((boards.HEIGHT, boards.WIDTH, 3), 0.5, np.float32)
    report = check_calibration(changed(capture, lambda view: replace(view, image=blank), which=1))
    assert [(each.kind, each.camera) for each in report.diagnoses] == [("matches", "v1")]
    assert report.ranking[-1].name == "v1" and report.ranking[-1].verdict == "unknown"


def test_matched_points_lie_on_both_pictures_and_the_report_is_plain() -> None:
    capture = capture_of("boards")
    report = check_calibration(changed(capture, turned(4.0), which=3))
    for pair in report.pairs:
        assert len(pair.x1) == len(pair.x2) == len(pair.errors) <= 60
        for points in (pair.x1, pair.x2):
            assert (points >= 0).all() and (points <= [boards.WIDTH, boards.HEIGHT]).all()
        bad = "v3" in (pair.first, pair.second)
        assert (np.median(pair.errors) > 1) == bad
    assert json.loads(json.dumps(report.to_json()))["ranking"][0] == "v3"


def test_progress_moves_and_a_single_camera_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "observe", observations.observe)
    told: list[float] = []
    capture = capture_of("boards")
    check_calibration(capture, lambda fraction, stage: told.append(fraction))
    assert told == sorted(told) and len(set(told)) > 15
    with pytest.raises(CaptureError, match="A single camera cannot be checked"):
        check_calibration(replace(capture, views=capture.views[:1]))


def test_cameras_that_stand_still_are_judged_by_others() -> None:
    capture = capture_of("boards")
    again = tuple(replace(view, name=f"{view.name} later") for view in capture.views[:4])
    report = check_calibration(replace(capture, views=(*capture.views[:4], *again)))
    assert report.diagnoses == () and {each.verdict for each in report.cameras} == {"good"}
    assert all(pair.second != f"{pair.first} later" for pair in report.pairs)
