"""Many frames: several workers and processes at once, faults that pass, claims, the log, Gaussians as a batch."""

import json
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import bpy
import pytest

from tests.blender import people_rig
from tests.blender.camera_move import files
from tests.blender.frame_sessions import WORKER, children, start

Scene = Callable[[str], ModuleType]
Command = Callable[..., tuple[int, str, str]]

in_proc = pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that every frame that is made is entered into."""
    path = tmp_path / "record.txt"
    monkeypatch.setenv("FRAME_RECORD", str(path))
    return path


@pytest.fixture
def no_pause(scene_module: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Failed frames are tried again at once."""
    monkeypatch.setattr(scene_module("frame_queue"), "_PAUSE", 0.05)


def entries(record: Path) -> list[list[str]]:
    """Frame, process and GPU of each frame that was made."""
    return [line.split(" ") for line in record.read_text().splitlines()]


def frames(record: Path) -> list[int]:
    return sorted(int(entry[0]) for entry in entries(record))


def shots(count: int) -> list[str]:
    return [f"Target.{frame:04d}.png" for frame in range(1, count + 1)]


def test_two_workers_share_the_frames_out(
    blend: Path, frame_worker: None, command: Command, record: Path, monkeypatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FRAME_SECONDS", "0.1")
    status, out, err = command("render", blend, "--frames", "1-12", "--workers", "2", "--output", tmp_path / "shots")
    assert (status, err) == (0, "Warning: Frames 1-12: The photographs are small.\n")
    assert files(tmp_path / "shots") == shots(12) and frames(record) == list(range(1, 13))
    counts = [sum(entry[1] == process for entry in entries(record)) for process in {e[1] for e in entries(record)}]
    assert len(counts) == 2 and min(counts) >= 4
    assert out.count(", Worker 1\n") + out.count(", Worker 2\n") == 12


def test_a_worker_for_each_gpu_and_a_bad_one_is_left_out(
    blend: Path, frame_worker: None, command: Command, record: Path, monkeypatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FRAME_GPUS", "3")
    monkeypatch.setenv("FRAME_BAD_GPU", "1")
    monkeypatch.setenv("FRAME_SECONDS", "0.2")
    status, _, err = command("render", blend, "--frames", "1-40", "--workers", "gpus", "--output", tmp_path / "shots")
    assert status == 0 and files(tmp_path / "shots") == shots(40)
    assert frames(record) == list(range(1, 41)) and {entry[2] for entry in entries(record)} == {"0", "2"}
    assert "Warning: GPU 2 was not used any more: The worker ended unexpectedly (exit code 7)" in err


def test_the_gpus_are_those_that_this_process_may_use(
    blend: Path, frame_worker: None, command: Command, record: Path, monkeypatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FRAME_GPUS", "2")
    monkeypatch.setenv("FRAME_SECONDS", "0.1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,GPU-7")
    bpy.context.preferences.addons["bl_ext.user_default.sightline"].preferences.use_all_gpus = True
    try:
        assert command("render", blend, "--frames", "1-6", "--output", tmp_path / "shots")[0] == 0
    finally:
        bpy.context.preferences.addons["bl_ext.user_default.sightline"].preferences.use_all_gpus = False
    assert {entry[2] for entry in entries(record)} == {"5", "GPU-7"}


def test_a_frame_that_kills_every_worker_fails_alone(
    blend: Path, frame_worker: None, command: Command, record: Path, monkeypatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FRAME_FAULTS", json.dumps({"2": "die"}))
    options = ("--frames", "1-6", "--workers", "2", "--attempts", "1", "--output", tmp_path / "shots")
    status, _, err = command("render", blend, *options)
    assert status == 1 and frames(record) == [1, 3, 4, 5, 6]
    assert "1 of 6 frames failed: frame 2." in err and "not used any more" not in err


@pytest.mark.parametrize("fault", ["picture once", "disk full once", "die once"])
def test_what_passes_is_tried_again(
    blend: Path, frame_worker: None, no_pause: None, command: Command, monkeypatch, tmp_path: Path, fault: str
) -> None:
    monkeypatch.setenv("FRAME_FAULTS", json.dumps(dict.fromkeys("123", fault)))
    status, out, err = command("render", blend, "--frames", "1-6", "--output", tmp_path / "shots")
    assert status == 0 and out.count("Saved: ") == 6
    assert err.count("failed and is tried again: ") == 3 and " frames failed" not in err
    saved = [int(line[-9:-5]) for line in out.splitlines() if line.startswith("Saved: ")]
    # Where three in a row find the disk full, it is full for all, and the others are not tried before the pause; what
    # is wrong with three pictures may not be wrong with a fourth.
    assert saved == ([1, 2, 3, 4, 5, 6] if fault == "die once" else [4, 5, 6, 1, 2, 3])


def test_a_picture_that_was_away_for_a_while_is_in_all_frames(
    blend: Path, frame_worker: None, no_pause: None, command: Command, record: Path, scene_module: Scene, monkeypatch
) -> None:
    picture = blend.parent / "made-up" / "images" / "view_2.png"
    queue = scene_module("frame_queue").FrameQueue
    begin_round, shots = queue.begin_round, blend.parent / "shots"

    def back_again(self) -> None:
        picture.with_suffix(".away").rename(picture)
        begin_round(self)

    monkeypatch.setattr(queue, "begin_round", back_again)
    picture.rename(picture.with_suffix(".away"))
    status, _, err = command("render", blend, "--frames", "1-2", "--output", shots)
    assert status == 0 and frames(record) == [1, 1, 2, 2]
    assert "Frame 1 was made without a source that was meant, and is looked at again" in err
    status, out, err = command("render", blend, "--frames", "1-2", "--output", shots, "--resume")
    assert status == 0 and out.count("there already") == 2 and err == ""  # they are as if it had been there all along


def test_a_source_that_stays_away_is_said_and_done_without(
    blend: Path, frame_worker: None, no_pause: None, command: Command, record: Path, tmp_path: Path
) -> None:
    (tmp_path / "made-up" / "images" / "view_2.png").unlink()
    status, out, err = command("render", blend, "--frames", "1-2", "--output", tmp_path / "shots")
    assert status == 0 and frames(record) == [1, 2] and out.count("(2 of 2)") == 1
    assert "Warning: 'view_2' is not used at frames 1-2: The picture of 'view_2' is missing" in err


def test_what_does_not_pass_fails_in_the_end(
    blend: Path, frame_worker: None, no_pause: None, command: Command, monkeypatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FRAME_FAULTS", json.dumps({"2": "picture", "3": "error"}))
    status, _, err = command("render", blend, "--attempts", "3", "--output", tmp_path / "shots")
    said = err.splitlines()
    assert status == 1 and said[:2] == [
        "Frame 2 failed and is tried again: The photograph cannot be read.",
        "Frame 3 (2 of 4) failed: No source sees what the target sees.",
    ]
    assert said[2] == said[0] and said[3] == "Frame 2 (4 of 4) failed: The photograph cannot be read."
    assert said[-1] == "2 of 4 frames failed: frames 2-3."


def test_what_farms_read(
    blend: Path, frame_worker: None, no_pause: None, command: Command, monkeypatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FRAME_FAULTS", json.dumps({"3": "error once"}))
    log = tmp_path / "logs" / "move.log"
    options = ("--openjd", "--log", log, "--output", tmp_path / "shots", "--device", "cpu")
    status, out, _ = command("render", blend, *options)
    assert status == 1
    lines = out.splitlines()
    progress = [float(line.split()[1]) for line in lines if line.startswith("openjd_progress: ")]
    assert progress == sorted(progress) and all(0 <= value <= 100 for value in progress) and progress
    assert "openjd_fail: 1 of 4 frames failed: frame 3." in lines
    saved = lines.index(f"Saved: '{tmp_path / 'shots' / 'Target.0001.png'}'")
    assert lines[saved + 1].startswith("Time: 00:0")
    assert command("render", blend, "--resume", *options)[0] == 0
    told = [line.partition(": ")[2] for line in log.read_text().splitlines()]
    assert [line for line in told if line.startswith(("Synth", "All"))] == [
        f"Synthesizing frames into {tmp_path / 'shots' / 'Target.####.png'}, frames 1-4",
        f"Synthesizing frames into {tmp_path / 'shots' / 'Target.####.png'}, frames 1-4",
        "All of 4 frames are there.",
    ]
    assert "Frame 3 (3 of 4) failed: No source sees what the target sees." in told
    assert log.read_text().split()[2] == f"{os.getpid()}:"


def test_a_log_that_cannot_be_written(blend: Path, frame_worker: None, command: Command, tmp_path: Path) -> None:
    status, _, err = command("render", blend, "--log", tmp_path)
    assert status == 1 and err.startswith(f"Error: The log {tmp_path} cannot be written: Is a directory.")


@pytest.mark.parametrize(
    "options", [["--workers", "0"], ["--workers", "many"], ["--attempts", "0"], ["--device", "tpu"]]
)
def test_wrong_usage(blend: Path, command: Command, options: list[str]) -> None:
    status, _, err = command("render", blend, *options)
    assert status == 2 and "Traceback" not in err


@in_proc
def test_two_processes_on_one_range(blend: Path, user_folder: Path, tmp_path: Path) -> None:
    record = tmp_path / "record.txt"
    options = ("command", "render", blend, "--frames", "1-16", "--share", "--output", tmp_path / "shots")
    variables = {"TEST_WORKER": WORKER, "FRAME_SECONDS": "0.3", "FRAME_RECORD": str(record)}
    both = [start(user_folder, *options, **variables) for _ in range(2)]
    said = [process.communicate(timeout=90) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert frames(record) == list(range(1, 17)), "a frame was lost or made twice"
    assert len({entry[1] for entry in entries(record)}) == 2
    assert files(tmp_path / "shots") == shots(16)  # and no claim is left
    assert all("Frame " in out and "(16 of 16)" in out for out, _ in said)


@in_proc
def test_a_process_that_is_gone_leaves_its_frame_to_others(blend: Path, user_folder: Path, tmp_path: Path) -> None:
    options = ("command", "render", blend, "--frames", "1-3", "--share", "--output", tmp_path / "shots")
    slow = {"TEST_WORKER": WORKER, "FRAME_SECONDS": "20"}
    first = start(user_folder, *options, **slow)
    claim = tmp_path / "shots" / ".Target.0001.png.claim"
    end = time.monotonic() + 30
    while not claim.exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert claim.exists()
    workers = children(first.pid)
    first.kill()
    first.communicate()
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    second = start(user_folder, *options, **slow | {"FRAME_SECONDS": "0"})
    out, err = second.communicate(timeout=60)
    assert second.returncode == 0 and out.count("Saved: ") == 3, err
    claim.write_text(json.dumps({"host": socket.gethostname(), "process": first.pid, "token": "x"}))
    third = start(user_folder, *options, **slow)  # all frames are there, and so is a claim of the one that is gone
    out, err = third.communicate(timeout=60)
    assert third.returncode == 0 and out.count("there already") == 3, err
    assert files(tmp_path / "shots") == shots(3)


def test_claims(scene_module: Scene, tmp_path: Path, monkeypatch) -> None:
    module = scene_module("frame_claims")
    path = tmp_path / "a.0001.png"
    with module.Claims() as mine, module.Claims(stale=0.2) as yours:
        assert mine.take(path) and not mine.take(path) and not yours.take(path)
        time.sleep(0.3)
        assert yours.take(path)  # silent for longer than that
        mine.release(path)  # which is not its own any more
        assert files(tmp_path) == [".a.0001.png.claim"]
    assert files(tmp_path) == []
    monkeypatch.setattr(module, "_RENEWED", 0.05)
    with module.Claims() as mine, module.Claims(stale=0.2) as yours:
        assert mine.take(path) and not yours.take(path)
        time.sleep(0.4)
        assert not yours.take(path)  # it is renewed
    assert files(tmp_path) == []


def test_a_claim_of_another_machine(scene_module: Scene, tmp_path: Path) -> None:
    module = scene_module("frame_claims")
    path, claim = tmp_path / "a.0001.png", tmp_path / ".a.0001.png.claim"
    for content in (json.dumps({"host": "elsewhere", "process": 1, "token": "x"}), "", "[1]"):
        claim.write_text(content)
        with module.Claims(stale=0.1) as mine:
            assert not mine.take(path)
            assert mine.owner(path) == ("elsewhere" if "elsewhere" in content else "")
            time.sleep(0.15)
            assert mine.take(path)
    with module.Claims() as mine, pytest.raises(Exception, match="cannot be written: No such file"):
        mine.take(tmp_path / "nowhere" / "a.png")


@pytest.fixture
def rig(cameras, scene_module: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A saved file with a ring of cameras around a person, and a worker that makes a Gaussian for each."""
    backend = scene_module("backend")
    backend.close()
    monkeypatch.setattr(backend.WorkerClient, "module", "tests.blender.gaussian_worker")
    people_rig.build(cameras, tmp_path)
    bpy.context.scene.sightline.gaussians_coverage = "WHOLE"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "rig.blend"))
    return tmp_path / "rig.blend"


def test_gaussians_as_a_batch(rig: Path, command: Command, tmp_path: Path, scene_module: Scene) -> None:
    options = ("gaussians", rig, "--frames", "1-2", "--output", tmp_path / "clouds" / "p_####")
    status, out, err = command(*options)
    assert status == 0, err
    assert files(tmp_path / "clouds") == ["p_0001.ply", "p_0002.ply"]
    kept, damaged = (tmp_path / "clouds" / f"p_000{frame}.ply" for frame in (1, 2))
    assert f"Saved: '{kept}'" in out.splitlines()
    before = kept.stat().st_mtime_ns
    damaged.write_bytes(b"")
    status, out, _ = command(*options, "--resume")
    assert status == 0 and out.count("Saved: ") == 1 and "Frame 1 (1 of 2), there already" in out
    assert kept.stat().st_mtime_ns == before and damaged.stat().st_size == kept.stat().st_size
    assert command(*options, "--resume", "--quality", "preview")[1].count("Saved: ") == 2  # others are asked for
    scene_module("backend").close()


def test_gaussians_go_where_the_button_puts_them(rig: Path, command: Command, tmp_path: Path, scene_module) -> None:
    status, out, err = command("gaussians", rig, "--frames", "1", "--coverage", "target")
    folder = Path(bpy.context.scene.sightline.output_folder)
    assert status == 0 and f"Saved: '{folder / 'person.0001.ply'}'" in out, err
    assert command("gaussians", rig, "--frames", "1", "--camera", "Nobody")[0] == 2
    scene_module("backend").close()
