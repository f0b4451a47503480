"""Jobs for farms: what is written and measured, and that the public runner makes every frame right from it."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import bpy
import pytest
from openjd.model import IntRangeExpr

from tests.blender import people_rig
from tests.blender.camera_move import PLACES, animate, colours, files, psnr
from tests.blender.frame_sessions import ROOT, SESSION, WORKER
from tests.blender.gaussian_clouds import module, random_cloud

Scene = Callable[[str], ModuleType]
Command = Callable[..., tuple[int, str, str]]

# Stands in for the command blender: takes Blender's own arguments and hands the others to a session with its module.
BLENDER = """#!/bin/sh
[ "$1 $2 $3 $4" = "-b -y --command sightline" ] || exit 99
shift 4
echo $$ >> {pids}
export BLENDER_USER_RESOURCES={user} PYTHONPATH={root} SIGHTLINE_PYTHON={python} TEST_WORKER={worker}
exec {python} {session} command "$@"
"""


@pytest.fixture
def shot(capture, tmp_path: Path) -> Path:
    """A saved file with a moving target, whose names are no easy ones; it is open, and its paths are relative."""
    bpy.context.scene.name = 'Szene "A" it\'s'
    animate()
    folder = tmp_path / "Größe 1"
    folder.mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "it's ä shot.blend"))
    bpy.ops.file.make_paths_relative()
    bpy.context.scene.sightline.output_folder = "//out"
    bpy.ops.wm.save_mainfile()
    return folder / "it's ä shot.blend"


@pytest.fixture
def farm_blender(user_folder: Path, tmp_path: Path) -> Callable[..., Path]:
    """Write a stand-in for the command blender, with the real worker or another one."""

    def write(worker: str = "") -> Path:
        path = tmp_path / "stand-in blender"
        words = {"pids": tmp_path / "pids", "user": user_folder, "root": ROOT, "python": sys.executable}
        words |= {"session": SESSION, "worker": worker}
        path.write_text(BLENDER.format(**{name: shlex.quote(str(word)) for name, word in words.items()}))
        path.chmod(0o755)
        return path

    return write


def export(folder: Path, **settings: object) -> Path:
    """Export a job of the open file with some settings; return the job's folder, the only new one."""
    for name, value in settings.items():
        setattr(bpy.context.scene.sightline, f"farm_{name}", value)
    before = set(folder.iterdir()) if folder.exists() else set()
    assert bpy.ops.sightline.export_farm_job(directory=str(folder)) == {"FINISHED"}
    (made,) = set(folder.iterdir()) - before
    return made


def facts() -> str:
    return bpy.context.window_manager.sightline.facts


def template(job: Path) -> dict:
    return json.loads((job / "template.json").read_text("utf-8"))


def defaults(job: Path) -> dict[str, object]:
    return {entry["name"]: entry.get("default") for entry in template(job)["parameterDefinitions"]}


def start(job: Path, blender: Path, *options: object, **variables: str) -> "subprocess.Popen[str]":
    """Run a job as a farm would."""
    arguments = [sys.executable, "-m", "openjd", "run", job / "template.json", "-p", f"Blender={blender}", *options]
    return subprocess.Popen(
        list(map(str, arguments)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | variables,
    )


def finished(process: "subprocess.Popen[str]") -> tuple[int, str]:
    out, _ = process.communicate(timeout=120)
    return process.returncode, out


def until(process: "subprocess.Popen[str]", word: str) -> str:
    """Read on to a line with a word."""
    assert process.stdout is not None
    read = ""
    for line in process.stdout:
        read += line
        if word in line:
            return read
    raise AssertionError(read)


def test_a_farm_makes_every_frame_though_a_task_is_killed(shot: Path, farm_blender, tmp_path: Path) -> None:
    job = export(tmp_path / "jobs ü", chunk=4, movie=True)
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    blender, frames = farm_blender(), job / "frames"
    process = start(job, blender, "--step", "Frames")
    until(process, "Saved: ")
    os.kill(int((tmp_path / "pids").read_text()), signal.SIGKILL)
    status, out = finished(process)
    assert status != 0, out
    there = {path: path.stat().st_mtime_ns for path in frames.glob("*.png")}
    assert 1 <= len(there) < 4
    status, out = finished(start(job, blender, "--step", "Check", "--run-dependencies"))
    assert status == 0, out
    assert files(frames) == [*(f"Target.{frame:04d}.png" for frame in PLACES), "it's ä shot.mp4"]
    for frame, x in PLACES.items():
        assert psnr(colours(frames / f"Target.{frame:04d}.png"), x) > 25
    assert {path: path.stat().st_mtime_ns for path in there} == there


@pytest.mark.skipif(sys.platform == "win32", reason="the runner has no notice to give on Windows")
def test_a_cancelled_task_ends_in_order(shot: Path, frame_worker, farm_blender, tmp_path: Path) -> None:
    job = export(tmp_path / "jobs", chunk=4)
    process = start(job, farm_blender(WORKER), "--step", "Frames", FRAME_SECONDS="1")
    until(process, "Saved: ")
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    status, out = finished(process)
    assert status != 0 and time.monotonic() - began < 20
    assert "Stopped; 1 of 4 frames are there, --resume goes on from them." in out
    assert files(job / "frames") == ["Target.0001.png"]  # no claim is left


def test_what_is_written(shot: Path, frame_worker, tmp_path: Path) -> None:
    before, changed = shot.read_bytes(), bpy.data.is_dirty
    job = export(tmp_path / "jobs", chunk=3, movie=True, device="cpu")
    assert job.name == "it's ä shot farm job"
    assert files(job) == ["asset_references.json", "it's ä shot.blend", "parameter_values.json", "template.json"]
    assert facts() == f"Wrote {job}: 4 frames in 2 tasks; what they need was not measured"
    assert template(job)["name"] == "it's ä shot, Target"
    assert defaults(job) == {
        "Scene": "it's ä shot.blend",
        "SceneName": 'Szene "A" it\'s',
        "Frames": "1-4",
        "Chunk": 3,
        "Method": "plane-sweep",
        "Quality": "full",
        "Device": "cpu",
        "Output": "frames",
        "Files": "Target.####.png",
        "Movie": "frames/it's ä shot.mp4",
        "Blender": "blender",
    }
    values = json.loads((job / "parameter_values.json").read_text("utf-8"))["parameterValues"]
    out = shot.parent / "out" / "Target frames"
    assert {entry["name"]: entry["value"] for entry in values} == {
        "Output": str(out),
        "Movie": str(out / "it's ä shot.mp4"),
    }
    # The open file is as it was, and the folders of its results are untouched.
    assert shot.read_bytes() == before and bpy.data.is_dirty == changed and Path(bpy.data.filepath) == shot
    assert not out.exists()
    # The copy finds its pictures from where it lies.
    bpy.ops.wm.open_mainfile(filepath=str(job / "it's ä shot.blend"))
    stored = [image.filepath for image in bpy.data.images if image.source == "FILE"]
    assert len(stored) == 5 and all(path.startswith("//") and Path(bpy.path.abspath(path)).is_file() for path in stored)
    assert bpy.context.scene.sightline.target.name == "Target"


def test_a_job_is_never_written_over(shot: Path, frame_worker, tmp_path: Path) -> None:
    first = export(tmp_path / "jobs")
    before = {path: path.stat().st_mtime_ns for path in first.iterdir()}
    second = export(tmp_path / "jobs")
    assert second.name == "it's ä shot farm job_001"
    assert {path: path.stat().st_mtime_ns for path in first.iterdir()} == before


def test_a_machine_must_have_what_the_frame_took(shot: Path, scene_module: Scene, tmp_path: Path) -> None:
    job = export(tmp_path / "jobs")
    (amount,) = template(job)["steps"][0]["hostRequirements"]["amounts"]
    assert amount["name"] == "amount.worker.memory" and amount["min"] >= 512  # torch alone takes some hundred MiB
    assert facts().endswith(f"for machines with {amount['min']:,} MiB of memory")
    assert 1 <= defaults(job)["Chunk"] <= 100
    again = export(tmp_path / "jobs")  # comes from the cache, with what was measured
    assert template(again)["steps"][0]["hostRequirements"] == template(job)["steps"][0]["hostRequirements"]
    other = export(tmp_path / "jobs", device="cuda")  # of which nothing was measured here
    assert "hostRequirements" not in template(other)["steps"][0]


def test_the_most_that_was_measured_counts(scene_module: Scene) -> None:
    farm_job, frames = scene_module("farm_job"), scene_module("frames")
    measured = [{"device": "cuda", "label": "A GPU", "device_bytes": size, "host_bytes": 7} for size in (3, 5, 4)]
    outcomes = [frames.Outcome(1, Path("1.png"), metadata={"memory": entry}) for entry in (None, *measured)]
    assert farm_job._memory(outcomes, "auto").device_bytes == 5
    assert farm_job._memory(outcomes, "cuda").label == "A GPU"
    assert farm_job._memory(outcomes, "cpu") is None and farm_job._memory(outcomes[:1], "auto") is None


@pytest.mark.parametrize(
    ("seconds", "chunk"), [({"rendering": 9.0, "network loading": 60.0}, 15), ({"rendering": 500.0}, 1), ({}, 100)]
)
def test_starting_up_is_a_tenth_of_a_task_at_most(seconds: dict, chunk: int, scene_module: Scene) -> None:
    farm_job, frames = scene_module("farm_job"), scene_module("frames")
    outcome = frames.Outcome(1, Path("1.png"), seconds=0.1, metadata={"seconds": seconds})
    assert farm_job._chunk(farm_job._seconds(outcome)) == chunk


@pytest.mark.parametrize(
    ("frames", "text"),
    [
        ([7], "7"),
        ([1, 2], "1-2"),
        (range(1, 101), "1-100"),
        (range(-5, 6, 2), "-5-5:2"),
        ([1, 3], "1,3"),
        ([1, 5, 6, 7, 20], "1,5-7,20"),
        ([1, 3, 5, 6, 7, 10, 20], "1-5:2,6-7,10,20"),
    ],
)
def test_frames_are_written_as_they_are_read(frames: Sequence[int], text: str, scene_module: Scene) -> None:
    ranges = scene_module("frame_ranges")
    assert ranges.frames_as_text(frames) == text
    assert ranges.parse_frames(text) == tuple(frames) == tuple(IntRangeExpr.from_str(text))


def references(job: Path) -> list[str]:
    found = json.loads((job / "asset_references.json").read_text("utf-8"))
    return found["assetReferences"]["inputs"]["filenames"]


def test_assets_are_the_pictures_of_the_frames(shot: Path, frame_worker, tmp_path: Path) -> None:
    pictures = tmp_path / "made-up" / "images"
    for frame in range(1, 7):
        (pictures / f"walk_{frame:03d}.png").write_bytes((pictures / "view_1.png").read_bytes())
    (pictures / "walk_003.png").unlink()
    data = bpy.data.objects["view_1"].data
    walk = bpy.data.images.load(str(pictures / "walk_001.png"))
    walk.source = "SEQUENCE"
    background = data.background_images[0]
    background.image = walk
    background.image_user.frame_duration, background.image_user.frame_start = 6, 1
    bpy.data.objects["view_0"].data.sightline.mask = bpy.data.images.load(str(pictures / "view_4.png"))
    bpy.data.objects["view_2"].data.background_images[0].image.pack()
    bpy.data.objects["view_3"].data.sightline.enabled = False
    job = export(tmp_path / "jobs")
    assert references(job) == [
        str(pictures / name) for name in ("view_0.png", "view_4.png", "walk_001.png", "walk_002.png", "walk_004.png")
    ]
    told = bpy.context.window_manager.sightline.warnings
    assert "The picture of 'view_1' is missing: frame 3." in told
    assert "2 pictures have absolute paths" in told
    bpy.ops.wm.open_mainfile(filepath=str(job / "it's ä shot.blend"))
    assert bpy.data.objects["view_2"].data.background_images[0].image.packed_file is not None


def test_a_farm_makes_the_gaussians_of_a_person(
    cameras, scene_module: Scene, farm_blender, monkeypatch, tmp_path: Path
) -> None:
    worker = "tests.blender.gaussian_worker"
    backend = scene_module("backend")
    backend.close()
    monkeypatch.setattr(backend.WorkerClient, "module", worker)
    people_rig.build(cameras, tmp_path)
    bpy.context.scene.frame_start, bpy.context.scene.frame_end = 3, 4
    job = export(tmp_path / "jobs", kind="gaussians", movie=True)
    backend.close()
    assert facts() == f"Wrote {job}: 2 frames in 1 task; what they need was not measured"
    assert not {"Method", "Movie"} & defaults(job).keys()
    status, out = finished(start(job, farm_blender(worker), "--step", "Frames"))
    assert status == 0, out
    assert files(job / "frames") == ["person.0003.ply", "person.0004.ply"]


def test_clouds_that_follow_the_frame_come_along(shot: Path, extension: str, tmp_path: Path) -> None:
    clouds = shot.parent / "clouds"
    clouds.mkdir()
    for frame in (1, 2, 4):
        cloud = random_cloud(extension, 5, seed=frame)
        module(extension, "inference.gaussian_ply").write_gaussians(clouds / f"walk.{frame:04d}.ply", cloud)
    bpy.ops.sightline.import_gaussians(filepath=str(clouds / "walk.0001.ply"), sequence=True)
    obj = bpy.context.active_object
    obj.sightline.sequence = "//clouds/walk.####.ply"
    bpy.context.scene.sightline.method = "splatting"
    job = export(tmp_path / "jobs")
    assert obj.sightline.sequence == "//clouds/walk.####.ply"
    # Frame 3 has no file of its own and shows that of frame 2.
    assert references(job) == [str(clouds / f"walk.{frame:04d}.ply") for frame in (1, 2, 4)]
    bpy.ops.wm.open_mainfile(filepath=str(job / "it's ä shot.blend"))
    sequence = bpy.data.objects["walk"].sightline.sequence
    assert sequence.startswith("//") and (Path(bpy.path.abspath(sequence)).parent / "walk.0001.ply").is_file()


def test_an_unsaved_file_is_exported_too(capture, frame_worker, tmp_path: Path) -> None:
    job = export(tmp_path / "jobs")
    assert job.name == "untitled farm job" and not bpy.data.filepath
    assert len(references(job)) == 5


def test_pictures_that_only_this_blender_has_are_refused(shot: Path, frame_worker, tmp_path: Path) -> None:
    image = bpy.data.objects["view_1"].data.background_images[0].image
    image.pixels[0] = 0.5
    image.update()
    refused(tmp_path / "jobs", f"The picture '{image.name}' has changes that are not saved; save or pack it first.")


def refused(folder: Path, sentence: str) -> None:
    """Nothing is exported or left behind, for a reason."""
    with pytest.raises(RuntimeError, match="Error: ") as caught:
        bpy.ops.sightline.export_farm_job(directory=str(folder))
    assert sentence in str(caught.value)
    assert not folder.is_dir() or files(folder) == []


def test_a_job_that_cannot_work_is_not_written(shot: Path, frame_worker, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FRAME_FAULTS", json.dumps({"4": "error"}))
    refused(tmp_path / "jobs", "No source sees what the target sees.")


def test_a_cancelled_export_leaves_nothing(
    shot: Path, frame_worker, scene_module: Scene, monkeypatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FRAME_SECONDS", "30")
    farm_job, job = scene_module("farm_job"), scene_module("job")
    asked = farm_job.order(bpy.context, tmp_path / "jobs")
    running = job.Job("Exporting", lambda running: farm_job.export(running, asked))
    running.start()
    while running.step():
        if "Taking time" in running.message:
            running.cancel()
    assert str(running.error) == "Cancelled." and files(tmp_path / "jobs") == []


def test_folders_that_cannot_be_written(shot: Path, frame_worker, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    refused(tmp_path / "file" / "jobs", "choose another folder")
    refused(tmp_path / "file", "choose another folder")
    with pytest.raises(RuntimeError, match="No folder is named"):
        bpy.ops.sightline.export_farm_job()


def test_what_is_missing_is_said_before(shot: Path, frame_worker, scene_module: Scene) -> None:
    obstacle = scene_module("farm_job").obstacle
    scene = bpy.context.scene
    assert obstacle(bpy.context) == "" and bpy.ops.sightline.export_farm_job.poll()
    scene.sightline.target = scene.camera = None
    assert obstacle(bpy.context) == "There is no camera to make a picture for."
    assert not bpy.ops.sightline.export_farm_job.poll()
    scene.sightline.capture = None
    scene.sightline.farm_kind = "gaussians"
    assert "Photographs with known cameras" in obstacle(bpy.context)


def test_the_command_writes_the_same(shot: Path, frame_worker, command: Command, tmp_path: Path) -> None:
    operator = export(tmp_path / "jobs", chunk=2)
    status, out, err = command("farm", shot, "--output", tmp_path / "jobs", "--chunk", "2")
    made = tmp_path / "jobs" / "it's ä shot farm job_001"
    assert status == 0, err
    assert f"Wrote {made}: 4 frames in 2 tasks; what they need was not measured." in out.splitlines()
    for name in ("template.json", "parameter_values.json", "asset_references.json"):
        assert (made / name).read_bytes() == (operator / name).read_bytes()


def test_choices_of_the_command(shot: Path, frame_worker, command: Command, tmp_path: Path) -> None:
    options = ("--frames", "1-7:2,10", "--camera", "view_2", "--quality", "preview", "--format", "JPEG", "--movie")
    where = ("--output", "//jobs", "--frames-output", tmp_path / "to" / "v_##.jpg")
    status, _, err = command("farm", shot, *options, *where, "--device", "mps", "--chunk", "0")
    assert status == 0, err
    job = shot.parent / "jobs" / "it's ä shot farm job"
    assert {"Frames": "1-7:2,10", "Files": "v_##.jpg", "Quality": "preview", "Device": "mps"}.items() <= (
        defaults(job).items()
    )
    values = json.loads((job / "parameter_values.json").read_text("utf-8"))["parameterValues"]
    assert [entry["value"] for entry in values] == [str(tmp_path / "to"), str(tmp_path / "to" / "it's ä shot.mp4")]
    bpy.ops.wm.open_mainfile(filepath=str(job / "it's ä shot.blend"))
    assert bpy.context.scene.sightline.target.name == "view_2"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--chunk", "-1"], "'-1' is no number from 0 to 150"),
        (["--chunk", "151"], "'151' is no number from 0 to 150"),
        (["--kind", "gaussians", "--movie"], "--movie is made of pictures, and --kind says gaussians."),
        (["--frames", "5-1"], "'5-1' names no frame"),
        (["--camera", "Nobody"], "There is no camera 'Nobody'"),
    ],
)
def test_wrong_usage(shot: Path, command: Command, tmp_path: Path, options: list[str], sentence: str) -> None:
    status, _, err = command("farm", shot, "--output", tmp_path / "jobs", *options)
    assert status == 2 and sentence in err and not (tmp_path / "jobs").exists()
    assert command("farm", shot)[0] == 2  # without --output
