"""Synthesize Animation: which files are made, which are left alone, what is shown, and what goes wrong."""

import json
from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import bpy
import numpy as np
import pytest

from tests.blender.camera_move import PLACES, alpha, animate, colours, files, place, psnr
from tests.blender.gaussian_clouds import module
from tests.blender.test_jobs import drive
from tests.made_up import FOCAL, WIDTH, picture, write_png

Scene = Callable[[str], ModuleType]


@pytest.fixture
def move(capture, tmp_path: Path) -> Path:
    """The made-up capture with a target that moves through four frames; the folder of its frames."""
    animate()
    return tmp_path / "out" / "Target frames"


@pytest.fixture
def quick(move: Path, scene_module: Scene, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The same with a worker that makes grey frames."""
    backend = scene_module("backend")
    backend.close()
    monkeypatch.setattr(backend.WorkerClient, "module", "tests.blender.frame_worker")
    yield move
    if scene_module("job").Job.current is not None:
        scene_module("job").Job.current.abandon()
    backend.close()


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    return lambda **by_frame: monkeypatch.setenv(
        "FRAME_FAULTS", json.dumps({name.strip("_").replace("all", "*"): what for name, what in by_frame.items()})
    )


def make() -> str:
    assert bpy.ops.sightline.synthesize_animation() == {"FINISHED"}
    return bpy.context.window_manager.sightline.facts


def new_job(scene_module: Scene):
    animation = scene_module("animation")
    asked = animation.order(bpy.context)
    return scene_module("job").Job("Test", lambda job: animation.synthesize(job, asked))


def times(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def warnings() -> str:
    return bpy.context.window_manager.sightline.warnings


def background() -> bpy.types.CameraBackgroundImage:
    return bpy.data.objects["Target"].data.background_images[-1]


def names(*frames: int, suffix: str = ".png") -> list[str]:
    return [f"Target.{frame:04d}{suffix}" for frame in frames]


def test_every_frame_shows_what_its_camera_sees(move: Path) -> None:
    assert make() == "Target.####.png: 4 frames made"
    assert files(move) == names(1, 2, 3, 4)
    for frame, x in PLACES.items():
        own = {other: psnr(colours(move / f"Target.{frame:04d}.png"), x) for other, x in PLACES.items()}
        assert own[frame] > 25 and max(own, key=lambda other: own[other]) == frame, (x, own)
    assert bpy.context.scene.frame_current == 2 and len(bpy.data.scenes) == 1


def test_a_parent_and_a_constraint_move_the_target(move: Path) -> None:
    target, scene = bpy.data.objects["Target"], bpy.context.scene
    target.animation_data_clear()
    dolly, rail = (bpy.data.objects.new(name, None) for name in ("dolly", "rail"))
    for empty in (dolly, rail):
        scene.collection.objects.link(empty)
    target.parent, target.location = dolly, (0, 0, 4)
    copy = target.constraints.new("COPY_LOCATION")
    copy.target, copy.use_offset, copy.use_y, copy.use_z = rail, True, False, False
    for frame, x in ((1, -0.1), (2, 0.05)):
        place(dolly, frame, x)
        place(rail, frame, x)
    scene.frame_end = 2
    make()
    for frame, x in ((1, -0.2), (2, 0.1)):
        assert psnr(colours(move / f"Target.{frame:04d}.png"), x) > 25


def test_gaussians_that_move(move: Path, scene_module: Scene, extension: str) -> None:
    """One round Gaussian before a target at rest: where its middle is in the picture follows from the focal length."""
    scene, target = bpy.context.scene, bpy.data.objects["Target"]
    target.animation_data_clear()
    target.location = (0, 0, 4)
    one = module(extension, "inference.gaussians").Gaussians(
        np.zeros((1, 3)), np.array([[1.0, 0, 0, 0]]), np.full((1, 3), 0.1), np.array([0.99]), np.ones((1, 1, 3))
    )
    obj = scene_module("gaussians").create_object(bpy.context, one, "one")
    for frame, x in ((1, 0.0), (2, 0.4)):
        place(obj, frame, x)
    scene.sightline.method, scene.sightline.capture, scene.frame_end = "splatting", None, 2
    make()
    for frame, x in ((1, 0.0), (2, 0.4)):
        weights = alpha(move / f"Target.{frame:04d}.png")
        column = (weights.sum(axis=0) * (np.arange(WIDTH) + 0.5)).sum() / weights.sum()
        assert column == pytest.approx(WIDTH / 2 + FOCAL * x / 4, abs=0.2)


def test_what_is_right_is_left_alone_and_what_is_not_is_made_again(move: Path) -> None:
    make()
    before = times(move)
    assert make() == "Target.####.png: 0 frames made, 4 there already"
    assert times(move) == before
    place(bpy.data.objects["Target"], 3, 0.12)
    assert make() == "Target.####.png: 1 frame made, 3 there already"
    assert {name for name, when in times(move).items() if when != before[name]} == set(names(3))
    photograph = Path(bpy.data.objects["view_2"].data.background_images[0].image.filepath)
    write_png(photograph, (picture(0.0) * 200).astype(np.uint8))
    assert make() == "Target.####.png: 4 frames made"
    (move / "Target.0001.png").unlink()
    assert make() == "Target.####.png: 1 frame made, 3 there already"


def test_cancel_keeps_finished_frames_and_the_next_run_goes_on(quick: Path, scene_module: Scene, monkeypatch) -> None:
    monkeypatch.setenv("FRAME_SECONDS", "0.2")
    job = new_job(scene_module)
    job.start()
    drive(job, lambda: (quick / "Target.0002.png").exists())
    assert job.message.startswith("Frame 2 of 4") or job.message.startswith("Frame 3 of 4")
    drive(job, lambda: job.message.startswith("Frame 3 of 4") and "left: Taking time" in job.message)
    job.cancel()
    drive(job)
    assert str(job.error) == "Cancelled; 2 finished frames are kept, and Synthesize Animation goes on from there."
    assert files(quick) == names(1, 2) and len(bpy.data.objects["Target"].data.background_images) == 0
    assert make() == "Target.####.png: 2 frames made, 2 there already"


def test_no_step_holds_blender_up(quick: Path, scene_module: Scene) -> None:
    job = new_job(scene_module)
    job.start()
    took = drive(job)
    assert job.error is None and np.median(took) < 0.03
    assert sorted(took)[-2] < 0.1  # the longest starts the worker


def test_a_bad_frame_does_not_stop_the_others(move: Path, tmp_path: Path, capture) -> None:
    """Two sources alone, of one of which the photograph of frame 3 is missing."""
    for obj in capture.objects:
        obj.data.sightline.enabled = obj.name in {"view_1", "view_3"}
        if obj.data.sightline.enabled:
            image = obj.data.background_images[0].image
            x = obj.location.x
            for frame in PLACES:
                if (obj.name, frame) != ("view_3", 3):
                    write_png(tmp_path / f"{obj.name}.{frame:04d}.png", (picture(x) * 255 + 0.5).astype(np.uint8))
            image.filepath, image.source = str(tmp_path / f"{obj.name}.0001.png"), "SEQUENCE"
            user = obj.data.background_images[0].image_user
            user.frame_duration, user.frame_start = 4, 1
    assert make() == "Target.####.png: 3 frames made"
    assert files(move) == names(1, 2, 4)
    assert "Frame 3 could not be made: The capture 'made-up' has 1 usable source ('view_3' " in warnings()
    assert "'view_3' is not used" not in warnings()
    bpy.context.scene.frame_set(4)
    assert Path(background().image.filepath_from_user(image_user=background().image_user)).name == names(4)[0]


def test_errors_of_single_frames(quick: Path, faults: Callable[..., None]) -> None:
    faults(_1="error", _3="die", _4="die once")
    assert make() == "Target.####.png: 2 frames made"
    assert [name for name in files(quick) if name.endswith("png")] == names(2, 4)
    assert warnings().split("\n") == [
        "Frames 2, 4: The photographs are small.",
        "Frames 1, 3 could not be made: No source sees what the target sees.",
    ]


@pytest.mark.parametrize("what", ["die", "disk full"])
def test_what_is_wrong_with_all_ends_it(quick: Path, faults: Callable[..., None], what: str) -> None:
    bpy.context.scene.frame_end = 9
    faults(_all=what)
    with pytest.raises(RuntimeError, match="worker ended unexpectedly" if what == "die" else "No space left"):
        make()
    assert len([name for name in files(quick) if name.endswith("failed")]) == 3
    assert len(bpy.data.objects["Target"].data.background_images) == 0


def test_a_worker_dies_in_the_middle_and_the_disk_fills_up(quick: Path, faults: Callable[..., None]) -> None:
    bpy.context.scene.frame_end = 9
    faults(_2="die", _3="die", _5="disk full", _6="disk full", _7="disk full")
    assert make() == "Target.####.png: 2 frames made"  # 1 and 4; 8 and 9 are not tried
    assert "Frames 2-3, 5-9 could not be made: " in warnings()


@pytest.mark.parametrize("others", ["another program's", "painted over"])
def test_files_of_others_are_never_overwritten(quick: Path, others: str) -> None:
    if others == "painted over":
        make()
    quick.mkdir(parents=True, exist_ok=True)
    write_png(quick / "Target.0002.png", np.zeros((72, 96, 3), np.uint8))
    before = (quick / "Target.0002.png").read_bytes()
    make()
    assert (quick / "Target.0002.png").read_bytes() == before
    assert files(quick.with_name("Target frames_001")) == names(1, 2, 3, 4)
    assert Path(background().image.filepath).parent.name == "Target frames_001"
    assert make() == "Target.####.png: 0 frames made, 4 there already"


@pytest.mark.parametrize(("file_format", "suffix"), [("PNG", ".png"), ("JPEG", ".jpg"), ("OPEN_EXR", ".exr")])
def test_formats_have_the_right_colours(move: Path, file_format: str, suffix: str) -> None:
    scene = bpy.context.scene
    scene.sightline.frame_format, scene.frame_end = file_format, 2
    make()
    assert files(move) == names(1, 2, suffix=suffix)
    image = background().image
    assert image.colorspace_settings.name == ("Linear Rec.709" if suffix == ".exr" else "sRGB")
    assert image.alpha_mode == ("PREMUL" if suffix == ".exr" else "STRAIGHT")
    values = colours(move / f"Target.0002{suffix}")
    if suffix == ".exr":
        values = np.where(values <= 0.0031308, 12.92 * values, 1.055 * np.maximum(values, 0) ** (1 / 2.4) - 0.055)
    assert psnr(values, PLACES[2]) > 25
    assert make().startswith("Target.####" + suffix + ": 0 frames made")


def test_the_background_shows_each_file_at_its_frame(quick: Path) -> None:
    scene, data = bpy.context.scene, bpy.data.objects["Target"].data
    own = bpy.data.images.new("the user's", 8, 8)
    data.background_images.new().image = own
    scene.frame_start, scene.frame_end, scene.frame_step = 11, 19, 2
    make()
    assert [entry.image == own for entry in data.background_images] == [True, False]
    assert data.show_background_images and background().show_background_image
    for frame in range(11, 20, 2):
        scene.frame_set(frame)
        shown = Path(background().image.filepath_from_user(image_user=background().image_user))
        assert shown == quick / f"Target.{frame:04d}.png" and shown.exists()
    scene.frame_set(2)
    assert bpy.ops.sightline.synthesize_view() == {"FINISHED"}  # the same place holds a still again
    assert len(data.background_images) == 2 and background().image.source == "FILE"
    assert files(quick) == names(*range(11, 20, 2))
    make()
    before = times(quick)
    scene.sightline.output_folder = str(quick)
    assert bpy.ops.sightline.synthesize_view() == {"FINISHED"}
    assert before.items() < times(quick).items(), "a still has taken the place of a frame"


def test_the_result_says_what_it_is(quick: Path, scene_module: Scene) -> None:
    make()
    made = scene_module("results").metadata_of(background().image)
    assert (made["target"], made["method"], made["frames"]) == ("Target", "plane-sweep", 4)
    assert scene_module("results").summary(made) == "Plane Sweep (draft), 4 frames"
    make()  # nothing is made, and it says the same
    assert scene_module("results").summary(scene_module("results").metadata_of(background().image)).endswith("4 frames")


def test_a_strip_in_the_sequencer(quick: Path, faults: Callable[..., None]) -> None:
    scene = bpy.context.scene
    scene.sightline.frames_strip, scene.frame_end = True, 5
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    mine = strips.new_effect("Target frames", "COLOR", 1, 3, **_length(20))
    faults(_3="error")
    for _ in range(2):
        make()
        assert len(strips) == 2 and mine.channel == 1
        strip = next(strip for strip in strips if strip.type == "IMAGE")
        assert strip.channel == 2 and strip.frame_final_start == 1 and strip.frame_final_end == 6
        assert Path(bpy.path.abspath(strip.directory)) == quick
        assert [element.filename for element in strip.elements] == names(1, 2, 2, 4, 5)
        assert strip.colorspace_settings.name == "sRGB" and strip.alpha_mode == "STRAIGHT"


def _length(frames: int) -> dict[str, int]:
    parameters = bpy.types.Strips.bl_rna.functions["new_effect"].parameters if hasattr(bpy.types, "Strips") else {}
    return {"length": frames} if "length" in parameters else {"frame_end": 3 + frames}


def test_too_little_space(quick: Path, scene_module: Scene, monkeypatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(scene_module("frame_files").shutil, "disk_usage", lambda _: usage(10**6, 10**6 - 100, 100))
    with pytest.raises(RuntimeError, match=r"4 frames may take 0\.2 MB, and '.*' has 0\.0 MB left; make room"):
        make()
    assert files(quick) == []


def test_without_a_backend(move: Path, scene_module: Scene, monkeypatch) -> None:
    backend = scene_module("backend")
    monkeypatch.delenv(backend.PYTHON_VARIABLE, raising=False)
    monkeypatch.setattr(backend, "WORKER_PACKAGES", ("no_such_package",))
    with pytest.raises(RuntimeError, match="The backend is not installed"):
        make()
    backend.forget()


def test_a_folder_that_cannot_be_written(quick: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(RuntimeError, match="cannot be written"):
        make()


def test_the_target_is_deleted_meanwhile(quick: Path, scene_module: Scene, monkeypatch) -> None:
    monkeypatch.setenv("FRAME_SECONDS", "0.1")
    job = new_job(scene_module)
    job.start()
    drive(job, lambda: "Frame 4 of 4" in job.message)
    bpy.data.objects.remove(bpy.data.objects["Target"])
    drive(job)
    assert job.error is None and "The target camera 'Target' was deleted; the frames are in" in warnings()


def test_times_are_told_as_exactly_as_they_are_known(scene_module: Scene) -> None:
    words = scene_module("words")
    assert [words.duration(s) for s in (0.4, 89, 100, 60 * 95)] == ["0 s", "89 s", "2 min", "1 h 35 min"]
    assert words.disk_size(2.34e9) == "2.3 GB" and words.disk_size(5e6) == "5.0 MB"
    assert words.spelled([1, 4, 5, 6]) == "frames 1, 4-6" and words.spelled([7]) == "frame 7"
