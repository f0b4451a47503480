"""The command line: what is made, printed and returned; stopped batches, signals, wrong usage."""

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import bpy
import numpy as np
import pytest

from tests.blender.camera_move import PLACES, colours, files, psnr
from tests.blender.frame_sessions import children, start
from tests.made_up import write_png

Scene = Callable[[str], ModuleType]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def quick(blend: Path, frame_worker: None) -> Path:
    """A file whose frames are grey, and made in no time."""
    return blend


@pytest.fixture
def run(blend: Path, command: Run) -> Run:
    """Render the file with some options; return the status and what was printed and said."""

    def made(*options: str, file: Path = blend) -> tuple[int, str, str]:
        return command("render", file, *options)

    return made


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(("Saved", "Frame"))]


def test_frames_are_made_and_told(run: Run, blend: Path, tmp_path: Path) -> None:
    before = blend.read_bytes()
    status, out, err = run("--frames", "1-3:2,4", "--output", f"{tmp_path}/shots")
    assert (status, err) == (0, ""), err
    assert files(tmp_path / "shots") == [f"Target.{frame:04d}.png" for frame in (1, 3, 4)]
    for index, frame in enumerate((1, 3, 4)):
        path = tmp_path / "shots" / f"Target.{frame:04d}.png"
        assert lines(out)[2 * index] == f"Saved: '{path}'"
        assert lines(out)[2 * index + 1].startswith(f"Frame {frame} ({index + 1} of 3), ")
        assert psnr(colours(path), PLACES[frame]) > 25
    assert blend.read_bytes() == before


def test_resume_makes_what_is_missing_or_not_right(quick: Path, run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "out" / "Target frames"  # where Synthesize Animation puts them
    assert run("--frames", "1-2")[0] == 0
    first = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    status, out, _ = run("--resume")
    assert status == 0 and lines(out)[:2] == ["Frame 1 (1 of 4), there already", "Frame 2 (2 of 4), there already"]
    assert [line for line in lines(out) if line.startswith("Saved")] == [
        f"Saved: '{folder / f'Target.{frame:04d}.png'}'" for frame in (3, 4)
    ]
    status, out, _ = run("--resume", "--size", "50%", "--frames", "2")
    assert status == 0 and "Saved" in out and colours(folder / "Target.0002.png").shape == (36, 48, 3)
    assert run()[0] == 0  # without --resume all are made again
    second = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert all(second[name] > first[name] for name in first) and len(second) == 4


def test_the_operator_and_the_command_go_on_from_one_another(quick: Path, run: Run) -> None:
    assert run("--frames", "1-2")[0] == 0
    bpy.ops.wm.open_mainfile(filepath=str(quick))
    assert bpy.ops.sightline.synthesize_animation() == {"FINISHED"}
    assert bpy.context.window_manager.sightline.facts == "Target.####.png: 2 frames made, 2 there already"
    status, out, _ = run("--resume")
    assert status == 0 and "Saved" not in out


def test_a_bad_frame_is_said_and_the_others_are_made(quick: Path, run: Run, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FRAME_FAULTS", json.dumps({"2": "error", "3": "die once", "4": "die"}))
    status, out, err = run("--output", f"{tmp_path}/f/####", "--attempts", "1")
    assert status == 1 and [line for line in lines(out) if line.startswith("Saved")] == [
        f"Saved: '{tmp_path}/f/0001.png'",
        f"Saved: '{tmp_path}/f/0003.png'",
    ]
    said = err.splitlines()
    assert said[0] == "Frame 2 (2 of 4) failed: No source sees what the target sees."
    died = "failed and is tried again: The worker ended unexpectedly (exit code 7)"
    assert said[1].startswith(f"Frame 3 {died}") and said[2].startswith(f"Frame 4 {died}")
    assert said[3].startswith("Frame 4 (4 of 4) failed: The worker ended unexpectedly (exit code 7)")
    assert said[-1] == "2 of 4 frames failed: frames 2, 4."


def test_files_of_others_stay(quick: Path, run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "shots"
    folder.mkdir()
    write_png(folder / "a.0002.png", np.zeros((72, 96, 3), np.uint8))
    before = (folder / "a.0002.png").read_bytes()
    status, _, err = run("--output", str(folder / "a.####.png"), "--frames", "1-3")
    assert status == 1 and f"Frame 2 (2 of 3) failed: '{folder / 'a.0002.png'}' was not made by Sightline" in err
    assert (folder / "a.0002.png").read_bytes() == before and len(files(folder)) == 3


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (["--output", "{}/a_##"], "a_02.png"),
        (["--output", "{}/a_##.jpg"], "a_02.jpg"),
        (["--output", "{}/a_##.exr"], "a_02.exr"),
        (["--output", "{}/v1.5_####", "--format", "JPEG"], "v1.5_0002.jpg"),
        (["--output", "{}", "--format", "OPEN_EXR"], "Target.0002.exr"),
        (["--output", "//shots"], "Target.0002.png"),
    ],
)
def test_output(quick: Path, run: Run, tmp_path: Path, options: list[str], name: str) -> None:
    folder = tmp_path / "shots"
    status, out, _ = run("--frames", "2", *[option.format(folder) for option in options])
    assert status == 0 and f"Saved: '{folder / name}'" in out.splitlines() and files(folder) == [name]


def test_settings_of_the_command_line(quick: Path, run: Run, scene_module: Scene) -> None:
    assert run("--frames", "2", "--camera", "view_2", "--method", "convglr", "--quality", "preview")[0] == 0
    assert files(quick.parent / "out" / "view_2 frames") == ["view_2.0002.png"]
    settings = bpy.context.scene.sightline
    assert (settings.method, settings.quality, settings.target.name) == ("convglr", "preview", "view_2")


def test_another_scene_and_its_frames(quick: Path, run: Run) -> None:
    bpy.ops.wm.open_mainfile(filepath=str(quick))
    first = bpy.context.scene
    bpy.ops.scene.new(type="LINK_COPY")
    bpy.context.scene.name, bpy.context.scene.frame_step = "Other", 3
    bpy.context.window.scene = first
    bpy.ops.wm.save_mainfile()
    status, out, _ = run("--scene", "Other")
    assert status == 0 and [line.split(",")[0] for line in lines(out) if line.startswith("Frame")] == [
        "Frame 1 (1 of 2)",
        "Frame 4 (2 of 2)",
    ]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ["--camera", "Nobody"],
            "There is no camera 'Nobody' in the scene 'Scene'; there are Camera, Target, view_0, ",
        ),
        (["--scene", "Nowhere"], "There is no scene 'Nowhere'; there is Scene."),
        (["--frames", "5-1"], "'5-1' names no frame; write the first before the last"),
        (["--frames", "1..5"], "'1..5' is no frame and no range; write 12, 1-100, 1-100x2"),
        (["--frames", "1-9999999"], "beyond Blender's frames"),
        (["--size", "0"], "'0' is no percentage"),
        (["--method", "magic"], "invalid choice: 'magic'"),
        (
            ["--output", "a.####.png", "--format", "JPEG"],
            "--output names a file ending in .png, and --format says JPEG",
        ),
        (["--unheard-of"], "unrecognized arguments: --unheard-of"),
    ],
)
def test_wrong_usage(run: Run, options: list[str], sentence: str) -> None:
    status, _, err = run(*options)
    assert status == 2 and sentence in err and "Traceback" not in err


def test_help_and_no_command(scene_module: Scene, capfd) -> None:
    batch = scene_module("batch")
    assert batch.command(["render", "--help"]) == 0
    out = capfd.readouterr().out
    assert "blender --command sightline render" in out and "--resume" in out
    assert batch.command(["--help"]) == 0
    assert batch.command([]) == batch.command(["paint"]) == 2


def test_files_that_cannot_be_opened(run: Run, tmp_path: Path) -> None:
    (tmp_path / "text.blend").write_text("no blend")
    for name, sentence in (
        ("text.blend", "Error: Blender cannot open '{}': File format is not supported."),
        ("nowhere.blend", "Error: There is no file '{}'."),
    ):
        status, _, err = run(file=tmp_path / name)
        assert status == 1 and sentence.format(tmp_path / name) in err.splitlines()


def test_what_the_file_lacks(blend: Path, run: Run, tmp_path: Path) -> None:
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "empty.blend"))
    status, _, err = run(file=tmp_path / "empty.blend")
    assert status == 1 and "Error: There is no capture in this scene; import one or choose" in err
    bpy.data.objects.remove(bpy.data.objects["Camera"])
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "empty.blend"))
    status, _, err = run(file=tmp_path / "empty.blend")
    assert status == 1 and "Error: There is no target camera; choose one or add one" in err


def test_without_a_backend(run: Run, scene_module: Scene, monkeypatch) -> None:
    backend = scene_module("backend")
    monkeypatch.delenv(backend.PYTHON_VARIABLE, raising=False)
    monkeypatch.setattr(backend, "WORKER_PACKAGES", ("no_such_package",))
    status, out, err = run()
    assert status == 1 and lines(out) == []
    assert err == "Error: The backend is not installed; install it or choose a Python that has its packages.\n"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_it_at_once_and_the_batch_goes_on(
    blend: Path, user_folder: Path, tmp_path: Path, number: signal.Signals, expected: int
) -> None:
    options = ("command", "render", blend, "--output", tmp_path / "shots")
    slow = {"TEST_WORKER": "tests.blender.frame_worker", "FRAME_SECONDS": "1"}
    process = start(user_folder, *options, **slow)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("Saved"):
            break
    workers = children(process.pid)
    time.sleep(0.3)  # the second frame is at work
    process.send_signal(number)
    began = time.monotonic()
    _, err = process.communicate(timeout=30)
    assert process.returncode == expected, err
    assert time.monotonic() - began < 5 and "Stopped; 1 of 4 frames are there, --resume goes on from them." in err
    assert files(tmp_path / "shots") == ["Target.0001.png"]
    assert len(workers) == 1 and not Path(f"/proc/{workers[0]}").exists()
    process = start(user_folder, *options, "--resume", **slow | {"FRAME_SECONDS": "0"})
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert out.count("Saved: ") == 3 and "skipping existing frame 1\nFrame 1 (1 of 4), there already" in out


def test_the_script_does_the_same(blend: Path, user_folder: Path, tmp_path: Path) -> None:
    quick = {"TEST_WORKER": "tests.blender.frame_worker"}
    process = start(user_folder, "script", blend, "--frames", "2", "--output", tmp_path / "shots", **quick)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert f"Saved: '{tmp_path / 'shots' / 'Target.0002.png'}'" in out
    process = start(user_folder, "script", blend, "--camera", "Nobody", **quick)
    assert "there are Camera, Target" in process.communicate(timeout=60)[1] and process.returncode == 2
    process = start(tmp_path / "nobody", "bare")
    assert "Sightline is not enabled" in process.communicate(timeout=60)[1] and process.returncode == 1
