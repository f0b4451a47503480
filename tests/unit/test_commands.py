from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from inference import devices, synthesis
from inference.__main__ import main
from inference.camera import Camera
from inference.capture import read_capture
from inference.commands.evaluate import held_out_names
from inference.errors import BackendError, CaptureError
from inference.metrics import psnr
from inference.view import Capture, View
from tests.made_up import HEIGHT, WIDTH, write_capture
from tests.shared_data import ROOT

PLACES = (-0.3, -0.15, 0.0, 0.15, 0.3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_capture(tmp_path_factory.mktemp("capture") / "made", PLACES).parent


def picture(path: Path) -> np.ndarray[Any, Any]:
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert pixels is not None
    rgb: np.ndarray[Any, Any] = pixels[..., 2::-1] / (65535 if pixels.dtype == np.uint16 else 255)
    return rgb


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def test_a_held_out_view_is_made_from_the_others(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "out.png"
    common = (folder, "--hold-out", "view_2", "--out", out, "--method", "nearest")
    assert run("synthesize", *common, "--exclude", "view_1") == 0
    stored = cv2.imread(str(out), cv2.IMREAD_UNCHANGED)
    assert stored is not None and stored.dtype == np.uint16
    # With view_1 excluded and view_2 held out, view_3 is the nearest.
    assert np.abs(picture(out) - picture(folder / "images" / "view_3.png")).max() < 1e-3
    assert "96 x 72, nearest from view_3" in capsys.readouterr().out
    assert run("synthesize", *common, "--exclude", "view_1,view_3,view_4") == 0
    assert np.abs(picture(out) - picture(folder / "images" / "view_0.png")).max() < 1e-3


def test_a_camera_file_is_a_target(folder: Path, tmp_path: Path) -> None:
    camera = read_capture(folder)["view_4"].camera
    target = tmp_path / "camera.json"
    target.write_text(json.dumps(camera.to_json()))
    out = tmp_path / "out.jpg"
    assert run("synthesize", folder, "--target", target, "--out", out, "--method", "nearest", "--size", 48) == 0
    assert picture(out).shape == (36, 48, 3)


def test_the_evaluation_reports_as_designed(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report, saved = tmp_path / "report.json", tmp_path / "saved"
    arguments = ("--method", "plane-sweep", "--sources", 2, "--hold-out", "every:2", "--size", 64)
    assert run("evaluate", folder, *arguments, "--json", report, "--save", saved) == 0
    record = json.loads(report.read_text())
    assert set(record) == {"method", "weights", "views", "mean"}
    assert (record["method"], record["weights"]) == ("plane-sweep", None)
    assert [view["name"] for view in record["views"]] == ["view_0", "view_2", "view_4"]
    for view in record["views"]:
        assert set(view) == {"name", "psnr", "ssim", "seconds", "sources"}
        # Held-out views are sources of no other.
        assert sorted(view["sources"]) == ["view_1", "view_3"]
        made, truth = picture(saved / f"{view['name']}.png"), picture(saved / f"{view['name']}.truth.png")
        assert made.shape == (48, 64, 3)
        assert psnr(made, truth) == pytest.approx(view["psnr"], abs=0.1)
        stored = picture(folder / "images" / f"{view['name']}.png")
        assert np.abs(truth - cv2.resize(stored, (64, 48), interpolation=cv2.INTER_AREA)).max() < 0.004
        assert 0 < view["ssim"] <= 1 and view["seconds"] > 0
    for key in ("psnr", "ssim", "seconds"):
        assert record["mean"][key] == pytest.approx(np.mean([view[key] for view in record["views"]]))
    assert record["views"][1]["psnr"] > 20
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_an_evaluation_of_equal_pictures_is_finite(tmp_path: Path) -> None:
    capture = write_capture(tmp_path / "same", (0.0, 0.0, 0.0))
    report = tmp_path / "report.json"
    assert run("evaluate", capture, "--method", "nearest", "--hold-out", "view_1", "--json", report) == 0
    assert json.loads(report.read_text())["mean"]["psnr"] == 100.0


def test_hold_out_counts_sorted_names() -> None:
    capture = Capture(tuple(_view(name) for name in ("b", "d", "a", "c", "e")))
    assert held_out_names(capture, "every:2") == ("a", "c", "e")
    assert held_out_names(capture, "every:8") == ("a",)
    assert held_out_names(capture, "d, b") == ("b", "d")
    with pytest.raises(CaptureError, match="no view named 'x'"):
        held_out_names(capture, "a,x")
    with pytest.raises(CaptureError, match="All 5 views"):
        held_out_names(capture, "every:1")


def _view(name: str) -> View:
    return View(name, Camera(4, 3, 4.0, 4.0, 2.0, 1.5, np.eye(4)), np.zeros((3, 4, 3), np.float32))


def test_import_writes_what_reads_back(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out" / "transforms.json"
    assert run("import", folder, "--out", out) == 0
    before, after = read_capture(folder), read_capture(out)
    assert [view.name for view in after] == [view.name for view in before]
    assert (after.depth_near, after.depth_far) == (before.depth_near, before.depth_far)
    assert capsys.readouterr().out.startswith(f"{out}, from transforms.json\n  5 cameras\n")


def test_import_undistorts_on_request(tmp_path: Path) -> None:
    path = write_capture(tmp_path / "bent")
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "k1": -0.05, "fl_y": 92.0}))
    out = tmp_path / "straight" / "transforms.json"
    assert run("import", path.parent, "--out", out, "--undistort", "--find-depth-range") == 0
    for view in read_capture(out):
        assert view.camera.distortion is None and view.camera.fx == view.camera.fy
        assert view.image == out.parent / "images" / f"{view.name}.png"
    # The capture's own pictures are never overwritten.
    inside = path.parent / "straight.json"
    assert run("import", path.parent, "--out", inside, "--undistort") == 2
    assert not inside.exists()
    assert run("import", path.parent, "--out", path) == 2
    assert json.loads(path.read_text())["k1"] == -0.05


def test_info_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("info") == 0
    text = capsys.readouterr().out
    for word in ("device      cpu", "package     torch", "method      plane-sweep"):
        assert word in text


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("paint",),
        ("synthesize", "{capture}", "--out", "a.png"),
        ("synthesize", "{capture}", "--hold-out", "view_1", "--target", "c.json", "--out", "a.png"),
        ("synthesize", "{capture}", "--hold-out", "view_1", "--out", "a.png", "--method", "magic"),
        ("synthesize", "{capture}", "--hold-out", "view_1", "--out", "a.png", "--device", "abacus"),
        ("synthesize", "{capture}", "--hold-out", "view_1", "--out", "a.png", "--depth-near", "2"),
        ("synthesize", "{capture}", "--hold-out", "view_1", "--out", "a.png", "--depth-near", "3", "--depth-far", "2"),
        ("synthesize", "{capture}", "--target", "absent.json", "--out", "a.png"),
        ("evaluate", "{capture}", "--hold-out", "every:0"),
        ("evaluate", "{capture}", "--hold-out", ","),
        ("evaluate", "{capture}", "--sources", "0"),
        ("import", "{capture}", "--out", "a.txt"),
    ],
)
def test_wrong_usage_has_status_2(folder: Path, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*(str(folder) if argument == "{capture}" else argument for argument in arguments)) == 2
    assert capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("import", "{tmp}/nowhere", "--out", "{tmp}/o.json"), "does not exist"),
        (("synthesize", "{capture}", "--hold-out", "view_9", "--out", "{tmp}/a.png"), "no view named 'view_9'"),
        (("synthesize", "{capture}", "--hold-out", "view_1", "--exclude", "typo", "--out", "{tmp}/a.png"), "typo"),
        (("synthesize", "{capture}", "--hold-out", "view_1", "--out", "{tmp}/a.tif"), "must end in .png, .jpg or .exr"),
        (("synthesize", "{capture}", "--target", "{tmp}/bad.json", "--out", "{tmp}/a.png"), "bad.json"),
        (("synthesize", "{capture}", "--hold-out", "view_1", "--method", "nearest", "--out", "{tmp}/bad.json/a.png"),
         "cannot be written"),
        (("evaluate", "{capture}", "--method", "nearest", "--json", "{tmp}/bad.json/r.json"), "cannot be written"),
        (("evaluate", "{capture}", "--method", "nearest", "--device", "cuda"), "'cuda' is not there"),
    ],
)  # fmt: skip
def test_what_fails_says_one_line(
    folder: Path, tmp_path: Path, arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    if "cuda" in arguments and torch.cuda.is_available():
        pytest.skip("this machine has the device")
    (tmp_path / "bad.json").write_text('{"width": 3}')
    assert run(*(argument.format(capture=folder, tmp=tmp_path) for argument in arguments)) == 1
    told = capsys.readouterr()
    assert len(told.err.splitlines()) == 1 and words in told.err
    assert not told.out


def test_unforeseen_errors_are_one_line_too(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*arguments: object) -> None:
        raise RuntimeError("a mistake\nof ours")

    monkeypatch.setattr(synthesis.Session, "synthesize", broken)
    arguments = ("synthesize", folder, "--hold-out", "view_1", "--out", tmp_path / "a.png", "--method", "nearest")
    assert run(*arguments) == 1
    told = capsys.readouterr().err
    assert len(told.splitlines()) == 1 and "a mistake of ours" in told
    assert run(*arguments, "--traceback") == 1
    assert "Traceback" in capsys.readouterr().err


def test_control_c_is_no_traceback(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(synthesis.Session, "synthesize", interrupted)
    assert run("synthesize", folder, "--hold-out", "view_1", "--out", tmp_path / "a.png", "--method", "nearest") == 1
    assert capsys.readouterr().err == "Cancelled.\n"


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from inference.commands.terminal import progress_bar

    with progress_bar() as progress:
        progress(0.5, "Not shown")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress_bar() as progress:
        progress(0.5, "Matching features")
    assert "Matching features" in capsys.readouterr().err


def test_the_module_runs_and_usage_needs_no_heavy_package() -> None:
    code = (
        "import sys, inference.__main__ as m; status = m.main(['--help'])\n"
        "heavy = {'torch', 'cv2', 'numba', 'pycolmap', 'bpy'} & set(sys.modules)\n"
        "sys.exit(f'{heavy}' if heavy or status else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "evaluate" in done.stdout
    done = subprocess.run(
        [sys.executable, "-m", "inference", "bogus"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2 and "invalid choice" in done.stderr


def test_devices() -> None:
    names = [device.name for device in devices.list_devices()]
    assert names[-1] == "cpu"
    assert devices.choose_device().type == names[0]
    assert devices.choose_device("cpu").type == "cpu"
    with pytest.raises(BackendError, match="'tpu' is not known"):
        devices.choose_device("tpu")
    for name in {"cuda", "mps"} - set(names):
        with pytest.raises(BackendError, match=f"'{name}' is not there"):
            devices.choose_device(name)


def test_sizes_of_the_made_up_capture(folder: Path) -> None:
    assert all((view.camera.width, view.camera.height) == (WIDTH, HEIGHT) for view in read_capture(folder))
