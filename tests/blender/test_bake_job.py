"""Bake for Any Blender: a real second session bakes what the open file is just now, and the file stays as it is."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import bpy
import numpy as np
import pytest

from tests.blender.camera_move import PLACES, animate, colours, files, psnr
from tests.blender.frame_sessions import SESSION, WORKER, children
from tests.blender.gaussian_clouds import module, random_cloud

Scene = Callable[[str], ModuleType]

in_proc = pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")

PICTURES = [f"Scene.{frame:04d}.exr" for frame in PLACES]


@pytest.fixture
def session(scene_module: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A session with Blender's module is the second Blender; its temporary files are in a folder of their own."""
    monkeypatch.setattr(scene_module("bake_job"), "_program", lambda: (sys.executable, str(SESSION), "command"))
    monkeypatch.setenv("SIGHTLINE_PYTHON", sys.executable)
    (tmp_path / "temp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temp"))
    yield
    if (job := scene_module("job").Job.current) is not None:
        job.abandon()
    assert files(tmp_path / "temp") == []


@pytest.fixture
def grey(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second Blender's worker makes grey frames."""
    monkeypatch.setenv("TEST_WORKER", WORKER)


@pytest.fixture
def shot(capture: bpy.types.Collection, session: None, tmp_path: Path) -> Path:
    """An open file that Sightline renders, with relative paths; it is saved."""
    animate()
    scene = bpy.context.scene
    scene.camera = scene.sightline.target
    scene.render.engine = "SIGHTLINE"
    path = tmp_path / "shot ä.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.file.make_paths_relative()
    bpy.ops.wm.save_mainfile()
    return path


def bake(folder: Path) -> str:
    """Press the button; return what was said in the end."""
    assert bpy.ops.sightline.bake_file(directory=str(folder)) == {"FINISHED"}
    return bpy.context.window_manager.sightline.facts


def refused(folder: Path) -> str:
    """Press the button in vain; return why."""
    with pytest.raises(RuntimeError, match="Error: ") as caught:
        bpy.ops.sightline.bake_file(directory=str(folder))
    return str(caught.value).removeprefix("Error: ").strip()


def encoded(linear: np.ndarray) -> np.ndarray:
    """Light as sRGB has it."""
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 0.0) ** (1 / 2.4) - 0.055)


def test_the_file_is_baked_as_it_is_now(shot: Path, tmp_path: Path) -> None:
    scene, before, folder = bpy.context.scene, shot.read_bytes(), tmp_path / "baked ü"
    scene.frame_end = 3  # not saved
    changed, paths = bpy.data.is_dirty, {image.name: image.filepath for image in bpy.data.images}
    assert bake(folder) == f"Wrote {folder / shot.name}: 3 pictures, 0 of them there already"
    assert files(folder) == ["pictures", shot.name] and files(folder / "pictures") == PICTURES[:3]
    assert psnr(encoded(colours(folder / "pictures" / PICTURES[2])), PLACES[3]) > 25
    # The user's file, open and on the disk, is as it was.
    assert shot.read_bytes() == before and Path(bpy.data.filepath) == shot and bpy.data.is_dirty == changed
    assert {image.name: image.filepath for image in bpy.data.images} == paths
    assert (scene.render.engine, scene.frame_current) == ("SIGHTLINE", 2)
    bpy.ops.wm.open_mainfile(filepath=str(folder / shot.name))
    assert bpy.context.scene.render.engine == "CYCLES" and bpy.context.scene.frame_end == 3
    (image,) = (image for image in bpy.data.images if image.source == "SEQUENCE")
    assert image.filepath.startswith("//pictures")


def running(scene_module: Scene, folder: Path):
    """The button's job, started, to be driven by hand as its timer does."""
    bake_job = scene_module("bake_job")
    job = scene_module("job").Job("Baking", lambda job: bake_job.bake_aside(job, folder))
    job.start()
    return job


def drive(job, until: Callable[[], bool] = lambda: False) -> list[float]:
    """Tick until the end or until something is so; return how far it was said to be on the way."""
    end, fractions = time.monotonic() + 60, [0.0]
    while job.tick() and not until():
        assert time.monotonic() < end
        if job.fraction != fractions[-1]:
            fractions.append(job.fraction)
        time.sleep(0.02)
    return fractions


def family(pid: int) -> set[int]:
    """The processes that one has started, and those that they have."""
    own = set(children(pid))
    return own.union(*map(family, own))


@in_proc
def test_cancelled_it_ends_with_all_it_started_and_goes_on_later(
    shot: Path, grey, scene_module: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FRAME_SECONDS", "2.5")
    folder, before = tmp_path / "baked", family(os.getpid())
    job = running(scene_module, folder)
    first, second = (folder / "pictures" / name for name in PICTURES[:2])
    fractions = drive(job, lambda: second.exists() and job.fraction > 0.3)
    assert len(fractions) > 2 and fractions == sorted(fractions) and fractions[-1] < 0.9
    assert "of 4" in job.message
    started = family(os.getpid()) - before
    assert len(started) == 2  # the second Blender and its worker
    job.cancel()
    began = time.monotonic()
    drive(job)
    assert str(job.error) == "Cancelled." and time.monotonic() - began < 4
    while left := {pid for pid in started if Path(f"/proc/{pid}").exists()}:
        assert time.monotonic() - began < 6, left
        time.sleep(0.05)
    assert files(folder) == ["pictures"]
    times = [path.stat().st_mtime_ns for path in (first, second)]
    monkeypatch.setenv("FRAME_FAULTS", json.dumps({"4": "error"}))
    monkeypatch.setenv("FRAME_SECONDS", "0")
    sentence = "Frame 4 could not be made: No source sees what the target sees."
    assert refused(folder) == sentence and bpy.context.window_manager.sightline.error == sentence
    assert files(folder) == ["pictures"] and files(folder / "pictures") == [*PICTURES[:3], "Scene.0004.failed"]
    monkeypatch.delenv("FRAME_FAULTS")
    assert bake(folder) == f"Wrote {folder / shot.name}: 4 pictures, 3 of them there already"
    assert [path.stat().st_mtime_ns for path in (first, second)] == times


@in_proc
def test_a_blender_that_is_gone_takes_it_along(shot: Path, grey, scene_module: Scene, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("FRAME_SECONDS", "30")
    before = family(os.getpid())
    job = running(scene_module, tmp_path / "baked")
    drive(job, lambda: "Taking time" in job.message)
    started = family(os.getpid()) - before
    job.abandon()  # what the modal operator's cancel does
    end = time.monotonic() + 5
    while any(Path(f"/proc/{pid}").exists() for pid in started):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_errors_and_warnings_are_passed_on(shot: Path, session: None, tmp_path: Path) -> None:
    scene = bpy.context.scene
    scene.camera = None
    assert refused(tmp_path / "baked") == "The scene 'Scene' renders with Sightline and has no camera; add one."
    scene.render.engine = "CYCLES"
    assert bake(tmp_path / "baked") == f"Wrote {tmp_path / 'baked' / shot.name}"
    warnings = bpy.context.window_manager.sightline.warnings
    assert warnings == "Nothing in this file needs Sightline to be rendered; the copy is the file with its pictures."


def test_a_file_that_was_never_saved(capture, session: None, extension: str, tmp_path: Path) -> None:
    """Gaussians that follow the frame come along, in whichever folder they are."""
    for frame in (1, 2):
        cloud = random_cloud(extension, 5, seed=frame)
        module(extension, "inference.gaussian_ply").write_gaussians(tmp_path / f"walk.{frame:04d}.ply", cloud)
    bpy.ops.sightline.import_gaussians(filepath=str(tmp_path / "walk.0001.ply"), sequence=True)
    bpy.context.scene.frame_end = 2
    if bpy.app.version < (4, 5, 0):
        assert "'walk' follow the frame" in refused(tmp_path / "baked")
        return
    assert bake(tmp_path / "baked") == f"Wrote {tmp_path / 'baked' / 'untitled.blend'}"
    assert files(tmp_path / "baked") == ["gaussians", "untitled.blend"] and not bpy.data.filepath
    assert files(tmp_path / "baked" / "gaussians") == ["walk.1.ply", "walk.2.ply"]


def test_what_is_refused_before_anything_starts(
    shot: Path, scene_module: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    assert f"'{tmp_path / 'file' / 'baked'}'" in refused(tmp_path / "file" / "baked")
    assert refused(shot.parent).startswith(f"The copy of {shot.name} would take its place; choose another folder")
    with pytest.raises(RuntimeError, match="No folder is named"):
        bpy.ops.sightline.bake_file()
    image = bpy.data.objects["view_1"].data.background_images[0].image
    image.pixels[0] = 0.5
    image.update()
    sentence = f"The picture '{image.name}' has changes that are not saved; save or pack it first."
    assert refused(tmp_path / "baked") == sentence
    image.reload()
    monkeypatch.setattr(scene_module("bake_job"), "_program", lambda: (str(tmp_path / "nothing"),))
    assert refused(tmp_path / "baked") == "A second Blender cannot be started: No such file or directory."
    monkeypatch.undo()
    assert "module of Python with no program to start" in refused(tmp_path / "baked")
    assert files(tmp_path / "baked") == []


def test_a_second_blender_that_dies(shot: Path, scene_module: Scene, monkeypatch, tmp_path: Path) -> None:
    script = "import os; print('Out of memory\\n\\nBlender 9.9', flush=True); os._exit(9)"
    monkeypatch.setattr(scene_module("bake_job"), "_program", lambda: (sys.executable, "-c", script))
    sentence = "The second Blender ended unexpectedly (exit code 9); it said last: Out of memory"
    assert refused(tmp_path / "baked") == sentence
