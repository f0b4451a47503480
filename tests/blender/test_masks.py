"""Masks of every kind and movies, from Blender's settings to the worker and back."""

import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import bpy
import numpy as np
import pytest

from tests.made_up import HEIGHT, WIDTH, write_png

Scene = Callable[[str], ModuleType]
GREEN = (0, 180, 60)


def view_of(scene_module: Scene, name: str):
    """A camera as the worker is told of it."""
    sources = scene_module("sources")
    depsgraph = bpy.context.evaluated_depsgraph_get()
    source = sources.examine(bpy.data.objects[name], depsgraph, bpy.context.scene.frame_current)
    assert source.reason == "", source.reason
    return sources.view_of(source, {})


def reason_of(scene_module: Scene, name: str) -> str:
    depsgraph = bpy.context.evaluated_depsgraph_get()
    return scene_module("sources").examine(bpy.data.objects[name], depsgraph, bpy.context.scene.frame_current).reason


def activate(capture: bpy.types.Collection, name: str) -> object:
    """Click a camera in the list; return its settings."""
    bpy.context.scene.sightline.active_source = [obj.name for obj in capture.all_objects].index(name)
    return bpy.data.objects[name].data.sightline


def disc() -> np.ndarray:
    x, y = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    return np.hypot(x - 50, y - 35) < 20


@pytest.fixture
def green(capture, tmp_path: Path) -> bpy.types.Collection:
    """The capture with a disc before a green screen as the picture of view_1."""
    write_png(tmp_path / "green.png", np.where(disc()[..., None], (200, 140, 120), GREEN).astype(np.uint8))
    background = bpy.data.objects["view_1"].data.background_images[0]
    background.image = bpy.data.images.load(str(tmp_path / "green.png"))
    return capture


@pytest.fixture
def movie(tmp_path: Path) -> Path:
    """Thirty grey frames, the lighter the later."""
    cv2 = pytest.importorskip("cv2")
    path = tmp_path / "walk.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (WIDTH, HEIGHT))
    for number in range(30):
        writer.write(np.full((HEIGHT, WIDTH, 3), 8 * number, np.uint8))
    writer.release()
    return path


def test_every_kind_reaches_the_worker(capture, scene_module: Scene, tmp_path: Path) -> None:
    write_png(tmp_path / "plate.png", np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    image = bpy.data.images.load(str(tmp_path / "plate.png"))
    settings = bpy.data.objects["view_0"].data.sightline
    assert view_of(scene_module, "view_0").to_json().get("mask") is None
    settings.mask = image
    assert settings.mask_kind == "IMAGE"
    assert view_of(scene_module, "view_0").to_json()["mask"] == str(tmp_path / "plate.png")
    settings.mask_kind, settings.clean_plate, settings.plate_threshold = "CLEAN_PLATE", image, 1.5
    assert view_of(scene_module, "view_0").to_json()["mask"] == {
        "clean_plate": str(tmp_path / "plate.png"), "threshold": 1.5,
    }  # fmt: skip
    settings.mask_kind, settings.key_colour, settings.key_tolerance = "CHROMA_KEY", (0.0, 0.5, 1.0), 0.25
    assert view_of(scene_module, "view_0").to_json()["mask"] == {"chroma_key": [0.0, 0.5, 1.0], "tolerance": 0.25}
    settings.mask_kind = "ALPHA"
    assert view_of(scene_module, "view_0").to_json().get("mask") is None


def test_a_mask_of_an_older_file_still_counts(capture, scene_module: Scene) -> None:
    settings = bpy.data.objects["view_0"].data.sightline
    settings.mask = bpy.data.objects["view_1"].data.background_images[0].image
    settings.property_unset("mask_kind")
    assert settings.mask_kind == "ALPHA" and scene_module("sources").kind_of_mask(settings.id_data) == "IMAGE"
    assert str(view_of(scene_module, "view_0").mask).endswith("view_1.png")


def test_a_missing_image_is_the_reason(capture, scene_module: Scene) -> None:
    settings = bpy.data.objects["view_0"].data.sightline
    settings.mask_kind = "IMAGE"
    assert "has no mask image; choose one" in reason_of(scene_module, "view_0")
    settings.mask_kind = "CLEAN_PLATE"
    assert "has no clean plate; choose one" in reason_of(scene_module, "view_0")
    choices = scene_module("choices")
    assert choices.choices_of(bpy.context).sources["view_0"].word == choices.UNUSABLE
    settings.mask_kind = "ALPHA"
    assert choices.choices_of(bpy.context).sources["view_0"].word != choices.UNUSABLE


def test_a_painted_plate_is_written_for_the_worker(capture, scene_module: Scene, tmp_path: Path) -> None:
    sources = scene_module("sources")
    settings = bpy.data.objects["view_0"].data.sightline
    settings.mask_kind, settings.clean_plate = "CLEAN_PLATE", bpy.data.images.new("painted", WIDTH, HEIGHT)
    source = sources.examine(bpy.data.objects["view_0"], bpy.context.evaluated_depsgraph_get(), 1)
    files: dict[int, Path] = {}
    assert len(list(sources.write_pictures(source, files, tmp_path))) > 0
    assert list(sources.write_pictures(source, files, tmp_path)) == []
    assert sources.view_of(source, files).mask.plate.parent == tmp_path


def test_preview(green, scene_module: Scene) -> None:
    settings = activate(green, "view_1")
    settings.mask_kind, settings.key_colour = "CHROMA_KEY", [value / 255 for value in GREEN]
    assert bpy.ops.sightline.preview_mask() == {"FINISHED"}
    image = bpy.data.images["view_1 mask preview"]
    assert image.packed_file is not None and tuple(image.size) == (WIDTH, HEIGHT)

    def pixels() -> np.ndarray:
        return np.array(image.pixels[:], np.float32).reshape(HEIGHT, WIDTH, 4)[::-1, :, :3]

    assert np.abs(pixels()[35, 50] * 255 - (200, 140, 120)).max() < 2
    corner = pixels()[:8, :8]
    assert (np.ptp(corner, axis=2) < 0.01).all() and len(np.unique(corner)) == 2, "a grey checkerboard"
    assert bpy.context.window_manager.sightline.warnings == ""
    # Another try takes its place, and says what is wrong.
    settings.key_colour = (0.0, 0.0, 1.0)
    assert bpy.ops.sightline.preview_mask() == {"FINISHED"}
    assert [one.name for one in bpy.data.images if "mask preview" in one.name] == ["view_1 mask preview"]
    assert np.abs(pixels()[2, 2] * 255 - GREEN).max() < 2
    assert "covers the whole picture" in bpy.context.window_manager.sightline.warnings


def test_a_preview_without_a_mask_is_one_sentence(capture) -> None:
    activate(capture, "view_1")
    with pytest.raises(RuntimeError, match="'view_1' has no mask"):
        bpy.ops.sightline.preview_mask()
    bpy.data.objects["view_1"].data.background_images.clear()
    with pytest.raises(RuntimeError, match="mask of 'view_1' cannot be made: has no picture"):
        bpy.ops.sightline.preview_mask()
    bpy.context.scene.sightline.active_source = 99
    with pytest.raises(RuntimeError, match="click a camera"):
        bpy.ops.sightline.preview_mask()
    assert not bpy.ops.sightline.copy_mask.poll()


def test_a_preview_never_blocks_and_can_be_cancelled(green, scene_module: Scene) -> None:
    settings = activate(green, "view_1")
    settings.mask_kind = "CHROMA_KEY"
    previews, jobs = scene_module("mask_preview"), scene_module("job")

    def drive(cancel: bool) -> tuple[float, object]:
        asked = previews.order(bpy.context)
        job = jobs.Job("Test", lambda job: previews.preview(job, asked))
        job.start()
        longest, more = 0.0, True
        while more:
            if cancel and job.fraction > 0:
                job.cancel()
            start = time.perf_counter()
            more = job.tick()
            longest = max(longest, time.perf_counter() - start)
            time.sleep(0.005)
        return longest, job.error

    scene_module("backend").close()  # the worker's start is waited for, too
    _, error = drive(cancel=True)
    assert type(error).__name__ == "Cancelled" and "view_1 mask preview" not in bpy.data.images
    rest = [drive(cancel=False) for _ in range(3)]
    assert all(error is None for _, error in rest)
    print("longest tick", f"{1000 * min(longest for longest, _ in rest):.1f} ms")
    assert min(longest for longest, _ in rest) < 0.05


def test_key_from_border(green) -> None:
    settings = activate(green, "view_1")
    assert bpy.ops.sightline.key_from_border() == {"FINISHED"}
    assert settings.mask_kind == "CHROMA_KEY"
    assert np.abs(np.array(settings.key_colour) * 255 - GREEN).max() < 2
    activate(green, "view_0").mask_kind = "CHROMA_KEY"
    write_png(Path(bpy.data.images["green.png"].filepath), np.full((HEIGHT, WIDTH, 3), 90, np.uint8))
    activate(green, "view_1")
    with pytest.raises(RuntimeError, match="choose the key colour by hand"):
        bpy.ops.sightline.key_from_border()


def test_copy_to_all(capture) -> None:
    plate = bpy.data.images.new("plate", 8, 8)
    bpy.data.objects["view_3"].data.sightline.clean_plate = plate
    settings = activate(capture, "view_2")
    settings.mask_kind, settings.key_colour = "CHROMA_KEY", (0.1, 0.2, 0.9)
    settings.key_tolerance, settings.plate_threshold = 0.3, 2.0
    assert bpy.ops.sightline.copy_mask() == {"FINISHED"}
    for index in range(5):
        one = bpy.data.objects[f"view_{index}"].data.sightline
        assert one.mask_kind == "CHROMA_KEY" and tuple(one.key_colour) == pytest.approx((0.1, 0.2, 0.9))
        assert (one.key_tolerance, one.plate_threshold) == pytest.approx((0.3, 2.0))
        assert one.clean_plate == (plate if index == 3 else None)
    assert bpy.data.objects["Target"].data.sightline.mask_kind == "ALPHA"


def test_a_movie_clip_as_a_source(capture, scene_module: Scene, movie: Path) -> None:
    scene, data = bpy.context.scene, bpy.data.objects["view_0"].data
    background = data.background_images[0]
    background.source = "MOVIE_CLIP"
    background.clip = bpy.data.movieclips.load(str(movie))
    background.clip.frame_start, background.clip.frame_offset = 10, 3
    for frame, number in ((10, 3), (12, 5), (36, 29)):
        scene.frame_set(frame)
        view = view_of(scene_module, "view_0")
        assert view.to_json()["image"] == {"movie": str(movie), "frame": number}
        assert (view.camera.width, view.camera.height) == (WIDTH, HEIGHT)
    scene.frame_set(37)
    assert "shows nothing at frame 37: it has 30 frames, the first at 7" in reason_of(scene_module, "view_0")
    # A mask that moves keeps step.
    scene.frame_set(12)
    data.sightline.mask = bpy.data.images.load(str(movie))
    assert view_of(scene_module, "view_0").to_json()["mask"] == {"movie": str(movie), "frame": 5}
    data.sightline.mask_kind, data.sightline.clean_plate = "CLEAN_PLATE", data.sightline.mask
    assert "is a movie; choose a still picture" in reason_of(scene_module, "view_0")


def test_a_movie_as_an_image(capture, scene_module: Scene, movie: Path) -> None:
    scene, background = bpy.context.scene, bpy.data.objects["view_0"].data.background_images[0]
    background.image = bpy.data.images.load(str(movie))
    user = background.image_user
    user.frame_duration, user.frame_start, user.frame_offset = 30, 5, 2
    for frame, number in ((1, 1), (5, 2), (8, 5), (30, 27), (99, 29)):
        scene.frame_set(frame)
        assert view_of(scene_module, "view_0").to_json()["image"] == {"movie": str(movie), "frame": number}, frame


def shown_by_blender(node_kind: str, block: bpy.types.ID, timing: dict[str, int], frame: int, path: Path) -> int:
    """Return which frame of the movie Blender's compositor shows at a scene frame."""
    cv2 = pytest.importorskip("cv2")
    scene = bpy.context.scene
    if not hasattr(scene, "node_tree"):
        pytest.skip("this Blender keeps its compositor elsewhere")
    scene.use_nodes = True
    tree = scene.node_tree
    tree.nodes.clear()
    node, result = tree.nodes.new(node_kind), tree.nodes.new("CompositorNodeComposite")
    setattr(node, "clip" if node_kind == "CompositorNodeMovieClip" else "image", block)
    for name, value in timing.items():
        setattr(node, name, value)
    tree.links.new(node.outputs["Image"], result.inputs["Image"])
    scene.view_settings.view_transform, scene.render.filepath = "Standard", str(path)
    scene.frame_set(frame)
    bpy.ops.render.render(write_still=True)
    return round(cv2.imread(str(path))[HEIGHT // 2, WIDTH // 2, 0] / 8)


def test_frames_are_those_that_blender_shows(capture, scene_module: Scene, movie: Path, tmp_path: Path) -> None:
    background = bpy.data.objects["view_0"].data.background_images[0]
    image, clip = bpy.data.images.load(str(movie)), bpy.data.movieclips.load(str(movie))
    timing = {"frame_duration": 30, "frame_start": 5, "frame_offset": 2}
    background.image = image
    for name, value in timing.items():
        setattr(background.image_user, name, value)
    for frame in (1, 5, 8, 30, 99):
        shown = shown_by_blender("CompositorNodeImage", image, timing, frame, tmp_path / "shown.png")
        assert view_of(scene_module, "view_0").image.frame == shown
    clip.frame_start, clip.frame_offset = 4, 2
    background.source, background.clip = "MOVIE_CLIP", clip
    for frame in (4, 9, 31):
        shown = shown_by_blender("CompositorNodeMovieClip", clip, {}, frame, tmp_path / "shown.png")
        assert view_of(scene_module, "view_0").image.frame == shown


def test_a_preview_of_a_movie(capture, scene_module: Scene, movie: Path) -> None:
    data = bpy.data.objects["view_0"].data
    data.background_images[0].source, data.background_images[0].clip = (
        "MOVIE_CLIP",
        bpy.data.movieclips.load(str(movie)),
    )
    bpy.context.scene.frame_set(12)
    write_png(movie.parent / "mask.png", np.where(disc()[..., None], 255, 0).repeat(3, 2).astype(np.uint8))
    data.sightline.mask = bpy.data.images.load(str(movie.parent / "mask.png"))
    activate(capture, "view_0")
    assert bpy.ops.sightline.preview_mask() == {"FINISHED"}
    image = bpy.data.images["view_0 mask preview"]
    grey = np.array(image.pixels[:], np.float32).reshape(HEIGHT, WIDTH, 4)[HEIGHT - 35, 50, 0]
    assert grey * 255 == pytest.approx(8 * 11, abs=2)


def test_missing_and_damaged_movies(capture, scene_module: Scene, movie: Path) -> None:
    background = bpy.data.objects["view_0"].data.background_images[0]
    background.image = bpy.data.images.load(str(movie))
    background.image.filepath = str(movie.parent / "none.avi")
    assert "movie of 'view_0' is missing" in reason_of(scene_module, "view_0")
    (movie.parent / "text.avi").write_text("no movie")
    background.image.filepath = str(movie.parent / "text.avi")
    assert "movie of 'view_0' is damaged" in reason_of(scene_module, "view_0")
    background.source, background.clip = "MOVIE_CLIP", bpy.data.movieclips.load(str(movie))
    background.clip.filepath = str(movie.parent / "none.avi")
    assert "movie of 'view_0' is missing" in reason_of(scene_module, "view_0")
