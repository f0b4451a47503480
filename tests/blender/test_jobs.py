"""The job runner, driven by hand as the timer does, against a worker that takes its time."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import bpy
import numpy as np
import pytest

from tests.made_up import write_png

Scene = Callable[[str], ModuleType]

# No step of an operator may hold Blender up for longer (seconds).
LIMIT = 0.05


@pytest.fixture
def slow(capture, scene_module: Scene, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    backend = scene_module("backend")
    backend.close()
    monkeypatch.setattr(backend.WorkerClient, "module", "tests.blender.slow_worker")
    yield
    if scene_module("job").Job.current is not None:
        scene_module("job").Job.current.abandon()
    backend.close()


def new_job(scene_module: Scene):
    synthesis = scene_module("synthesis")
    asked = synthesis.order(bpy.context)
    return scene_module("job").Job("Test", lambda job: synthesis.synthesize(job, asked))


def drive(job, until: Callable[[], bool] = lambda: False, seconds: float = 30.0) -> list[float]:
    """Tick as the timer would, until the job or ``until`` ends it; return how long each tick took."""
    took = []
    end = time.monotonic() + seconds
    more = True
    while more and not until():
        assert time.monotonic() < end, "the job does not end"
        start = time.perf_counter()
        more = job.tick()
        took.append(time.perf_counter() - start)
        time.sleep(0.005)
    return took


def working(job) -> Callable[[], bool]:
    return lambda: job.message == "Taking time"


def test_operator_makes_and_shows_a_result(slow, capture, tmp_path: Path) -> None:
    assert bpy.ops.sightline.synthesize_view() == {"FINISHED"}
    background = bpy.data.objects["Target"].data.background_images[0]
    assert Path(background.image.filepath) == tmp_path / "out" / "Target.png"
    assert not bpy.context.window_manager.sightline.running
    assert "4 sources" in bpy.context.window_manager.sightline.facts  # of five: the nearest alone are sent


def test_progress_is_shown_and_only_one_runs(slow, scene_module: Scene) -> None:
    job = new_job(scene_module)
    job.start()
    assert drive(job, working(job))
    state = bpy.context.window_manager.sightline
    assert state.running and 0 < state.fraction < 1 and state.message == "Taking time"
    assert not bpy.ops.sightline.synthesize_view.poll()
    with pytest.raises(RuntimeError, match="poll"):
        bpy.ops.sightline.synthesize_view()
    assert bpy.ops.sightline.cancel.poll()
    drive(job)
    assert job.error is None and not state.running
    assert bpy.ops.sightline.synthesize_view.poll() and not bpy.ops.sightline.cancel.poll()


def test_cancel_leaves_nothing_behind(slow, scene_module: Scene, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("SLOW_SECONDS", "20")
    job = new_job(scene_module)
    job.start()
    drive(job, working(job))
    bpy.ops.sightline.cancel()
    drive(job, seconds=5)
    assert type(job.error).__name__ == "Cancelled"
    assert list((tmp_path / "out").iterdir()) == []
    assert len(bpy.data.objects["Target"].data.background_images) == 0
    assert bpy.context.window_manager.sightline.error == ""


def test_a_killed_worker_is_one_sentence_and_the_next_request_works(slow, scene_module: Scene, monkeypatch) -> None:
    monkeypatch.setenv("SLOW_SECONDS", "20")
    job = new_job(scene_module)
    job.start()
    drive(job, working(job))
    os.kill(scene_module("backend").client().pid, signal.SIGKILL)
    drive(job, seconds=10)
    assert job.error.code == "backend" and bpy.context.window_manager.sightline.error == str(job.error)
    monkeypatch.setenv("SLOW_SECONDS", "0")
    assert bpy.ops.sightline.synthesize_view() == {"FINISHED"}


@pytest.mark.parametrize("gone", ["target", "source", "capture"])
def test_things_deleted_meanwhile(slow, scene_module: Scene, tmp_path: Path, gone: str) -> None:
    job = new_job(scene_module)
    job.start()
    drive(job, working(job))
    if gone == "target":
        bpy.data.objects.remove(bpy.data.objects["Target"])
    elif gone == "source":
        bpy.data.objects.remove(bpy.data.objects["view_0"])
    else:
        bpy.data.collections.remove(bpy.data.collections["made-up"])
    drive(job)
    assert job.error is None
    image = bpy.data.images["Target.png"]
    assert (tmp_path / "out" / "Target.png").stat().st_size > 0
    if gone == "target":
        assert image.use_fake_user and "was deleted" in job.warnings[-1]


def test_undo_meanwhile(slow, scene_module: Scene) -> None:
    bpy.ops.ed.undo_push(message="before")
    bpy.context.scene.frame_current = 7
    bpy.ops.ed.undo_push(message="frame")
    job = new_job(scene_module)
    job.start()
    drive(job, working(job))
    bpy.ops.ed.undo()
    drive(job)
    assert job.error is None
    assert bpy.data.objects["Target"].data.background_images[0].image.name == "Target.png"


def test_another_file_opened_meanwhile(slow, scene_module: Scene, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("SLOW_SECONDS", "20")
    job = new_job(scene_module)
    job.start()
    drive(job, working(job))
    job.abandon()  # what the modal operator's cancel does
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    assert scene_module("job").Job.current is None and list((tmp_path / "out").iterdir()) == []
    assert not bpy.context.window_manager.sightline.running


def test_no_step_holds_blender_up(slow, capture, scene_module: Scene, add_source, tmp_path: Path) -> None:
    """2048 x 2048 result, 60 large photographs, packed and generated ones among them: every tick below the limit."""
    scene = bpy.context.scene
    scene.render.resolution_x = scene.render.resolution_y = 2048
    large = tmp_path / "large.png"
    write_png(large, np.random.default_rng(0).integers(0, 255, (1024, 1024, 3), np.uint8))
    for index in range(60):
        add_source(capture, f"more_{index:02d}", large, 0.01 * index)
    generated = bpy.data.images.new("generated", 1024, 1024)
    generated.generated_type = "UV_GRID"
    add_source(capture, "generated", generated, 0.4)
    packed = add_source(capture, "packed", large, 0.5).data.background_images[0].image
    packed.pack()
    generated.size[0], packed.size[0]  # decoded, as the viewport would have
    longest = []
    for _ in range(3):  # another process may take the processor away; a step that blocks does so each time
        job = new_job(scene_module)
        job.start()
        longest.append(max(drive(job)))
        assert job.error is None
    print("longest tick", [f"{1000 * value:.1f} ms" for value in longest])
    assert min(longest) < LIMIT


def test_importing_holds_nothing_up(blank, scene_module: Scene, tmp_path: Path) -> None:
    from tests.made_up import write_capture

    captures, jobs = scene_module("captures"), scene_module("job")
    path = write_capture(tmp_path / "many", tuple(np.linspace(-1, 1, 100)))
    bpy.context.scene.sightline.output_folder = str(tmp_path / "out")
    handle = scene_module("handles").Handle.to(bpy.context.scene, "scenes")
    longest = []
    for _ in range(3):
        job = jobs.Job("import", lambda job: captures.import_capture(job, handle, path))
        job.start()
        longest.append(max(drive(job)))
        assert job.error is None
    print("longest tick", [f"{1000 * value:.1f} ms" for value in longest])
    assert min(longest) < LIMIT


def test_automatic_depth_range_is_found_once(slow, capture, scene_module: Scene) -> None:
    settings = bpy.context.scene.sightline
    settings.depth_mode = "AUTO"
    bpy.ops.sightline.synthesize_view()
    known = capture.sightline
    assert (known.depth_near, known.depth_far, known.depth_origin) == (2.5, 4.5, "a test")
    known.depth_origin = "not asked again"
    bpy.ops.sightline.synthesize_view()
    assert known.depth_origin == "not asked again"
    bpy.data.objects["view_0"].location.x -= 1
    bpy.ops.sightline.synthesize_view()
    assert known.depth_origin == "a test"
