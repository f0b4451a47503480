"""Calibrate Photographs: structure from motion against known cameras, and what is said where it fails."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from inference.__main__ import DONE, FAILED, main
from inference.calibration import mapping, pictures
from inference.calibration.sharpness import sharpest_frames, sharpness
from inference.calibration.structure_from_motion import calibrate
from inference.calibration.threads import run_stoppable
from inference.capture import read_capture
from inference.errors import Cancelled, CaptureError
from inference.progress import silent
from inference.view import Capture
from inference.worker.client import WorkerClient
from inference.worker.request import Request
from tests.shared_data import ROOT, SHARED
from tests.unit import boards
from tests.unit.worker_support import until

PLUSH = SHARED / "uncalibrated" / "plush"


def save(path: Path, rgb: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.round(rgb[..., ::-1] * 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 98])
    return path


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Capture]:
    """Photographs of boards in a folder, under names with spaces, and their true cameras."""
    folder = tmp_path_factory.mktemp("photo graphs")
    capture = boards.boards(5, centred=True)
    for view in capture:
        save(folder / f"{view.name} (1).jpg", np.asarray(view.image))
    return folder, capture


@pytest.fixture(scope="module")
def calibrated(photographs: tuple[Path, Capture], tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    out = tmp_path_factory.mktemp("calibrated") / "transforms.json"
    told: list[tuple[float, str]] = []
    capture, result = calibrate([photographs[0]], out, lambda fraction, stage: told.append((fraction, stage)))
    return out, capture, result, told


def test_cameras_are_found_as_they_were(photographs, calibrated) -> None:  # type: ignore[no-untyped-def]
    truth = photographs[1]
    _, capture, result, _ = calibrated
    assert list(result.registered) == [f"{view.name} (1)" for view in truth] and result.left_out == {}
    assert result.reprojection_error < 0.5 and result.points > 200
    found = [view.camera for view in capture]
    true = [view.camera for view in truth]
    # Directions and distances relative to the first camera, up to one scale.
    span = np.linalg.norm(found[-1].centre - found[0].centre) / np.linalg.norm(true[-1].centre - true[0].centre)
    for mine, his in zip(found, true, strict=True):
        turn = (mine.rotation @ found[0].rotation.T) @ (his.rotation @ true[0].rotation.T).T
        assert np.degrees(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1))) < 1.0
        place = found[0].rotation @ (mine.centre - found[0].centre) / span
        assert np.allclose(place, true[0].rotation @ (his.centre - true[0].centre), atol=0.05)


def test_what_is_written_is_a_capture_twice(calibrated) -> None:  # type: ignore[no-untyped-def]
    out, capture, _, _ = calibrated
    model = read_capture(out.parent / "colmap")
    assert model.format == "COLMAP" and len(model) == len(capture) == 5
    for view in read_capture(out):
        same = model[view.name]
        assert np.allclose(view.camera.world_to_camera, same.camera.world_to_camera, atol=1e-9)
        assert Path(str(view.image)).samefile(Path(str(same.image)))
    assert sorted(file.name for file in out.parent.iterdir()) == ["colmap", "sparse_points.ply", out.name]


def test_progress_moves_through_the_stages(calibrated) -> None:  # type: ignore[no-untyped-def]
    *_, told = calibrated
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions) and fractions[-1] <= 1
    stages = list(dict.fromkeys(stage for _, stage in told))
    assert stages == ["Reading the photographs", "Finding features", "Matching features", "Finding the cameras"]


def test_the_same_photographs_give_the_same_cameras(photographs, calibrated, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    out, *_ = calibrated
    calibrate([photographs[0]], tmp_path / "transforms.json")
    assert (tmp_path / "transforms.json").read_bytes() == out.read_bytes()


def test_of_many_photographs_only_those_alike_are_matched(  # type: ignore[no-untyped-def]
    photographs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapping, "EXHAUSTIVE", 2)
    monkeypatch.setattr(mapping, "FOLLOWING", 1)
    monkeypatch.setattr(mapping, "PARTNERS", 2)
    matched: list[tuple[str, str]] = []
    match = mapping._match
    monkeypatch.setattr(mapping, "_match", lambda *given: (matched.extend(given[2]), match(*given)))
    _, result = calibrate([photographs[0]], tmp_path / "transforms.json")
    assert len(result.registered) == 5 and 4 <= len(set(matched)) == len(matched) < 10


def test_what_is_of_no_use_is_left_out_and_told(photographs, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    files = sorted(photographs[0].iterdir())
    damaged = tmp_path / "in" / "damaged.jpg"
    damaged.parent.mkdir()
    damaged.write_bytes(files[0].read_bytes()[:5000])
    grey = save(tmp_path / "in" / "wall.jpg", np.full((300, 400, 3), 0.5, np.float32))
    random = np.random.default_rng(1).random((75, 100, 3)).astype(np.float32)
    alien = save(tmp_path / "in" / "alien.jpg", np.clip(cv2.resize(random, (400, 300)), 0, 1))
    _, result = calibrate([*files, damaged, grey, alien], tmp_path / "out" / "transforms.json")
    assert len(result.registered) == 5
    assert "cut short" in result.left_out["damaged"]
    assert "blurred" in result.left_out["wall"] or "texture" in result.left_out["wall"]
    assert result.left_out["alien"] == "it shows nothing that the others show; take photographs in between"


def test_nothing_in_common_is_one_sentence(tmp_path: Path) -> None:
    for seed in range(3):
        random = np.random.default_rng(seed).random((75, 100, 3)).astype(np.float32)
        save(tmp_path / "in" / f"{seed}.jpg", np.clip(cv2.resize(random, (400, 300)), 0, 1))
    with pytest.raises(CaptureError, match="no two of them show the same things"):
        calibrate([tmp_path / "in"], tmp_path / "out" / "transforms.json")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "sentence"), [("nothing", "does not exist"), ("empty", "holds no photographs"), ("one", "Only 1 of")]
)
def test_too_few_photographs_are_one_sentence(name: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    save(tmp_path / "one" / "a.jpg", np.full((30, 40, 3), 0.5, np.float32))
    with pytest.raises(CaptureError, match=sentence):
        calibrate([tmp_path / name], tmp_path / "out" / "transforms.json")


def test_a_cancel_ends_it_within_seconds(photographs, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    asked: list[float] = []

    def progress(fraction: float, stage: str) -> None:
        if stage == "Finding features":
            asked.append(time.monotonic())
            raise Cancelled

    with pytest.raises(Cancelled):
        calibrate([photographs[0]], tmp_path / "transforms.json", progress)
    assert time.monotonic() - asked[0] < 5
    assert list(tmp_path.iterdir()) == []
    assert not [thread for thread in threading.enumerate() if thread.name == "pycolmap"]


def test_what_a_stoppable_call_raises_is_raised() -> None:
    def work(token: object) -> None:
        raise KeyError("inside")

    with pytest.raises(KeyError, match="inside"):
        run_stoppable(work, lambda: None)


def movie(path: Path, capture: Capture) -> Path:
    """Write ten frames of every view, all but the fourth of each blurred."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 25, (boards.WIDTH, boards.HEIGHT))
    for view in capture:
        sharp = np.round(np.asarray(view.image)[..., ::-1] * 255).astype(np.uint8)
        for frame in range(10):
            writer.write(sharp if frame == 4 else cv2.GaussianBlur(sharp, (0, 0), 3))
    writer.release()
    return path


def test_the_sharp_frames_of_a_movie_are_calibrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MOVIE_FRAMES", 5)
    clip = movie(tmp_path / "my clip.mp4", boards.boards(5))
    assert [frame.frame for frame in sharpest_frames(clip, 5, silent)] == [4, 14, 24, 34, 44]
    capture, result = calibrate([clip], tmp_path / "out" / "transforms.json")
    assert len(capture) == 5 and result.left_out == {}
    assert all(Path(str(view.image)).parent == tmp_path / "out" / "images" for view in capture)


def test_sharpness_falls_with_blur() -> None:
    sharp = np.round(np.asarray(boards.boards(2).views[0].image) * 255).astype(np.uint8)
    values = [sharpness(sharp), *(sharpness(cv2.GaussianBlur(sharp, (0, 0), sigma)) for sigma in (1, 2, 4))]
    assert values == sorted(values, reverse=True)
    assert sharpness(sharp.astype(np.uint16) * 257) == pytest.approx(values[0], rel=1e-3)


def test_the_command_line_calibrates_and_checks(photographs, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    out = tmp_path / "transforms.json"
    assert main(["calibrate", str(photographs[0]), "--out", str(out)]) == DONE
    assert "5 of 5 photographs" in capsys.readouterr().out
    assert main(["check", str(out), "--json", str(tmp_path / "report.json")]) == DONE
    assert capsys.readouterr().out.count("good") == 5 and (tmp_path / "report.json").is_file()
    assert main(["calibrate", str(tmp_path / "nowhere"), "--out", str(out)]) == FAILED


@pytest.mark.skipif(not PLUSH.is_dir(), reason="the development captures are not here")
def test_plush_is_calibrated_from_scratch(tmp_path: Path) -> None:
    start = time.monotonic()
    capture, result = calibrate([PLUSH / "images"], tmp_path / "transforms.json")
    assert len(capture) == 16 and result.left_out == {}
    assert result.reprojection_error <= 1.5
    # Found by another run of COLMAP, at full size.
    assert capture.views[0].camera.fx == pytest.approx(1078, rel=0.03)
    assert time.monotonic() - start < 90


def test_the_worker_calibrates_cancels_and_checks(photographs, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    client = WorkerClient(Path(sys.executable), ROOT)
    params = {"images": [str(photographs[0])], "out": str(tmp_path / "transforms.json")}

    def reaches(request: Request, condition: Callable[[], bool], seconds: float) -> bool:
        def met() -> bool:
            client.poll()
            return condition() or request.finished

        return until(met, seconds) and condition()

    try:
        stopped = client.submit("calibrate", params)
        assert reaches(stopped, lambda: stopped.message in ("Finding features", "Matching features"), 60)
        client.cancel(stopped)
        assert reaches(stopped, lambda: stopped.state == "cancelled", 5)
        assert list(tmp_path.iterdir()) == []
        done = client.submit("calibrate", params)
        assert reaches(done, lambda: done.state == "done", 60), done.error
        assert done.data is not None and len(done.data["report"]["registered"]) == 5
        capture = read_capture(Path(done.data["saved"]))
        checked = client.submit("check", {"capture": capture.to_json()})
        assert reaches(checked, lambda: checked.state == "done", 60), checked.error
        assert checked.data is not None and checked.data["diagnoses"] == []
    finally:
        client.close()
