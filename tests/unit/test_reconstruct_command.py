"""``python -m inference reconstruct``."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from inference.__main__ import main
from inference.gaussian_ply import read_gaussians
from inference.gps_gaussian import rig
from inference.splatting.frame import splat_frame
from tests.made_up import write_png
from tests.unit.ball_rigs import camera_at, psnr_of, ring, untrained_weights, well_seen
from tests.unit.people_examples import CENTRE, RADIUS

OPENCV_TO_OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])
TARGET = camera_at(22.5)


@pytest.fixture(scope="module", autouse=True)
def fast(untrained: None) -> Iterator[None]:
    yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ring of five cameras on disk, its masks in the alpha channel."""
    folder = tmp_path_factory.mktemp("rig")
    frames = []
    for view in ring((315, 0, 22.5, 45, 90)):
        assert isinstance(view.image, np.ndarray) and isinstance(view.mask, np.ndarray)
        pixels = np.round(np.dstack([view.image, view.mask]) * 255).astype(np.uint8)
        write_png(folder / f"{view.name}.png", pixels)
        camera = view.camera
        pose = (camera.camera_to_world @ OPENCV_TO_OPENGL).tolist()
        record = {"w": camera.width, "h": camera.height, "fl_x": camera.fx, "fl_y": camera.fy}
        frames.append({"file_path": f"{view.name}.png", "transform_matrix": pose, **record, "cx": 80.0, "cy": 84.0})
    (folder / "transforms.json").write_text(json.dumps({"frames": frames}))
    return folder


def run(*arguments: object) -> int:
    return main(["reconstruct", *(str(argument) for argument in arguments), "--device", "cpu"])


def test_the_whole_subject_is_written(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "ball.ply"
    assert run(folder, "--out", out, "--method", "gps-gaussian") == 0
    gaussians = read_gaussians(out)
    off = np.abs(np.linalg.norm(gaussians.means - CENTRE, axis=1) - RADIUS)
    assert len(gaussians) > 20000 and np.median(off) < 0.02 * RADIUS
    told = capsys.readouterr()
    first, *pairs = told.out.splitlines()
    assert first.startswith(f"{out}: {len(gaussians)} Gaussians, gps-gaussian from 4 pairs, ") and first.endswith(" s")
    assert len(pairs) == 4 and pairs[0].startswith("  at_315 and at_0: 44.5° apart")
    assert not told.err


def test_a_held_out_view_is_a_target_and_no_source(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "ball.PLY"
    assert run(folder, "--out", out, "--hold-out", "at_22.5", "--exclude", "at_90") == 0
    first, *pairs = capsys.readouterr().out.splitlines()
    assert "from 1 pair, " in first and len(pairs) == 1 and "at_0 and at_45" in pairs[0]
    frame = splat_frame(read_gaussians(out), TARGET, "cpu")
    assert psnr_of(frame, well_seen(TARGET, [camera_at(0), camera_at(45)])) > 24.0


def test_a_camera_file_is_a_target(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "camera.json"
    target.write_text(json.dumps(camera_at(-20).to_json()))
    arguments = (folder, "--target", target, "--out", tmp_path / "ball.ply", "--quality", "preview")
    assert run(*arguments) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("  at_315 and at_0: ")


def test_weights_of_ones_own_are_used(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from inference.gps_gaussian.weights import load_network

    monkeypatch.setattr(rig, "load_network", load_network)
    monkeypatch.setattr(rig, "LONGEST", {"preview": 64})
    common = (folder, "--hold-out", "at_22.5", "--out", tmp_path / "ball.ply", "--quality", "preview")
    assert run(*common, "--weights", untrained_weights(tmp_path)) == 0
    assert len(read_gaussians(tmp_path / "ball.ply")) > 2000
    assert run(*common, "--weights", tmp_path / "gone.safetensors") == 1


def test_what_is_wrong_with_masks_is_told(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damaged = shutil.copytree(folder, tmp_path / "damaged")
    write_png(damaged / "at_90.png", np.zeros((168, 160, 4), np.uint8))
    assert run(damaged, "--hold-out", "at_22.5", "--out", tmp_path / "ball.ply") == 0
    [warning] = capsys.readouterr().err.splitlines()
    assert "Left out: 'at_90'" in warning and "is empty" in warning


@pytest.mark.parametrize(
    "arguments",
    [
        ("{capture}",),
        ("{capture}", "--out", "{tmp}/ball.obj"),
        ("{capture}", "--out", "{tmp}/ball.ply", "--method", "plane-sweep"),
        ("{capture}", "--out", "{tmp}/ball.ply", "--target", "{tmp}/absent.json"),
        ("{capture}", "--out", "{tmp}/ball.ply", "--target", "{tmp}/c.json", "--hold-out", "at_0"),
        ("{capture}", "--out", "{tmp}/ball.ply", "--quality", "best"),
    ],
)
def test_wrong_usage_has_status_2(
    folder: Path, tmp_path: Path, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*(argument.format(capture=folder, tmp=tmp_path) for argument in arguments)) == 2
    assert capsys.readouterr().err and not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("{tmp}/nowhere", "--out", "{tmp}/ball.ply"), "does not exist"),
        (("{capture}", "--out", "{tmp}/ball.ply", "--hold-out", "at_7"), "no view named 'at_7'"),
        (("{capture}", "--out", "{tmp}/ball.ply", "--exclude", "typo"), "typo"),
        (("{capture}", "--out", "{tmp}/ball.ply", "--target", "{tmp}/bad.json"), "bad.json"),
        (("{capture}", "--out", "{tmp}/ball.ply", "--exclude", "at_0,at_22.5,at_45,at_90"), "One view alone"),
        (("{capture}", "--out", "{tmp}/ball.ply", "--exclude", "at_0,at_22.5,at_45"), "No two cameras"),
        (("{capture}", "--out", "{tmp}/bad.json/ball.ply", "--hold-out", "at_22.5"), "cannot be written"),
    ],
)
def test_what_fails_says_one_line(
    folder: Path, tmp_path: Path, arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.json").write_text('{"width": 3}')
    assert run(*(argument.format(capture=folder, tmp=tmp_path) for argument in arguments)) == 1
    told = capsys.readouterr()
    assert len(told.err.splitlines()) == 1 and words in told.err
    assert not told.out and not (tmp_path / "ball.ply").exists()


def test_every_method_is_named_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    from inference.synthesis import METHODS

    for command in ("synthesize", "evaluate"):
        assert main([command, "--help"]) == 0
        text = capsys.readouterr().out
        assert all(method in text for method in METHODS)
    assert main(["--help"]) == 0
    assert "reconstruct" in capsys.readouterr().out
