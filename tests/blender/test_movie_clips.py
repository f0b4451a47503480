"""Cameras of solved movie clips: Blender's own solver, from tracks of known cameras."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import bpy
import numpy as np
import pytest
from mathutils import Euler

from tests.made_up import write_png

Scene = Callable[[str], ModuleType]

WIDTH, HEIGHT, FOCAL, CENTRE = 320, 240, 300.0, (165.0, 118.0)  # the centre from the lower left
FRAMES = 12
POINTS = np.random.default_rng(1).uniform([-2, -1.5, -8], [2, 1.5, -4], (40, 3))
# K1 K2 K3 P1 P2
LENSES = {"POLYNOMIAL": (0.12, -0.05, 0.03, 0.0, 0.0), "BROWN": (0.12, -0.05, 0.03, 0.01, -0.02)}
PREFIX = {"POLYNOMIAL": "", "BROWN": "brown_"}


def pose(frame: int) -> np.ndarray:
    """Camera to world in Blender's axes: the first is where reconstructions begin, but for a shift."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(Euler((0.008 * frame, 0.025 * frame, 0.008 * frame)).to_matrix())
    matrix[:3, 3] = (0.17 * frame, 0.05 * frame, 0.03 * frame)
    return matrix


def projected(frame: int, lens: tuple[float, ...]) -> np.ndarray:
    """Where the tracks are, in parts of the picture from the lower left."""
    matrix = pose(frame)
    local = (POINTS - matrix[:3, 3]) @ matrix[:3, :3]
    x, y = (local[:, :2] / -local[:, 2:]).T
    k1, k2, k3, p1, p2 = lens
    r2 = x * x + y * y
    factor = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3
    x, y = (
        x * factor + p1 * (r2 + 2 * x * x) + 2 * p2 * x * y,
        y * factor + p2 * (r2 + 2 * y * y) + 2 * p1 * x * y,
    )
    return np.stack([(FOCAL * x + CENTRE[0]) / WIDTH, (FOCAL * y + CENTRE[1]) / HEIGHT], 1)


def solve(clip: bpy.types.MovieClip, model: str = "BROWN", lens: tuple[float, ...] | None = None) -> None:
    """Track and solve with a known lens: Blender reproduces the tracks only if our formula is its own."""
    camera = clip.tracking.camera
    camera.sensor_width, camera.focal_length_pixels, camera.principal_point_pixels = 36, FOCAL, CENTRE
    camera.distortion_model = model
    values = LENSES[model] if lens is None else lens
    for name, value in zip(("k1", "k2", "k3", "p1", "p2"), values, strict=True):
        if hasattr(camera, PREFIX[model] + name):
            setattr(camera, PREFIX[model] + name, value)
    tracks = [clip.tracking.tracks.new(name=f"track {index}", frame=1) for index in range(len(POINTS))]
    for frame in range(1, FRAMES + 1):
        for track, place in zip(tracks, projected(frame, values), strict=True):
            if (place > 0).all() and (place < 1).all():
                track.markers.insert_frame(frame, co=place)
    clip.tracking.settings.use_keyframe_selection = False
    tracked = clip.tracking.objects.active
    tracked.keyframe_a, tracked.keyframe_b = 1, FRAMES
    window = bpy.context.window_manager.windows[0]
    area = window.screen.areas[0]
    area.type = "CLIP_EDITOR"
    area.spaces.active.clip = clip
    with bpy.context.temp_override(window=window, area=area, region=area.regions[-1]):
        assert bpy.ops.clip.solve_camera("EXEC_DEFAULT") == {"FINISHED"}
    assert clip.tracking.reconstruction.is_valid and clip.tracking.reconstruction.average_error < 1e-3


def sequence(folder: Path) -> bpy.types.MovieClip:
    """A sequence whose files show their number; its first file is 0003."""
    folder.mkdir()
    for index in range(FRAMES + 2):
        write_png(folder / f"shot_{index + 1:04d}.png", np.full((HEIGHT, WIDTH, 3), 10 * index, np.uint8))
    return bpy.data.movieclips.load(str(folder / "shot_0003.png"))


def local_depths(frame: int) -> np.ndarray:
    matrix = pose(frame)
    return -((POINTS - matrix[:3, 3]) @ matrix[:3, :3])[:, 2]


def scale_of(clip: bpy.types.MovieClip) -> float:
    """How many times larger the reconstruction is than what it was tracked from: solvers cannot know."""
    cameras = clip.tracking.reconstruction.cameras
    found = np.linalg.norm(np.array(cameras[-1].matrix)[:3, 3] - np.array(cameras[0].matrix)[:3, 3])
    return float(found / np.linalg.norm(pose(FRAMES)[:3, 3] - pose(1)[:3, 3]))


@pytest.fixture(autouse=True)
def output(blank, tmp_path: Path) -> None:
    bpy.context.scene.sightline.output_folder = str(tmp_path / "out")


@pytest.fixture
def solver(blank) -> bpy.types.Object:
    """A camera on a moved, turned and scaled empty, as Set Origin and Set Scale leave it, with Blender's constraint."""
    scene = bpy.context.scene
    parent = bpy.data.objects.new("parent", None)
    camera = bpy.data.objects.new("solved", bpy.data.cameras.new("solved"))
    for obj in (parent, camera):
        scene.collection.objects.link(obj)
    camera.parent = parent
    parent.location, parent.rotation_euler, parent.scale = (1, 2, 3), (0.3, 0.2, -0.4), (2, 2, 2)
    camera.location, camera.rotation_euler = (0.5, 0, 0), (0, 0.1, 0)
    return camera


@pytest.mark.parametrize("model", LENSES)
def test_cameras_are_where_blenders_constraint_puts_them(
    scene_module: Scene, solver, tmp_path: Path, model: str
) -> None:
    clip = sequence(tmp_path / "shot")
    clip.frame_start = 21
    solve(clip, model)
    constraint = solver.constraints.new("CAMERA_SOLVER")
    constraint.use_active_clip, constraint.clip = False, clip
    assert bpy.ops.sightline.capture_from_clip(step=3) == {"FINISHED"}
    capture = bpy.context.scene.sightline.capture
    sources, cameras = scene_module("sources"), scene_module("cameras")
    objects = sources.cameras_in(capture)
    assert [obj.name for obj in objects] == [f"shot_0003 {frame:04d}" for frame in (1, 4, 7, 10)]
    for obj, frame in zip(objects, (1, 4, 7, 10), strict=True):
        bpy.context.scene.frame_set(frame + 20)
        depsgraph = bpy.context.evaluated_depsgraph_get()
        source = sources.examine(obj, depsgraph, bpy.context.scene.frame_current)
        theirs = cameras.source_camera(solver, depsgraph, WIDTH, HEIGHT)
        assert np.abs(source.camera.world_to_camera - theirs.world_to_camera).max() < 2e-6
        # The frame of the clip, without its distortion.
        image = obj.data.background_images[0].image
        linear = ((10 * (frame + 1) / 255 + 0.055) / 1.055) ** 2.4
        assert np.abs(np.array(image.pixels[:3]) - linear).max() < 0.002
        assert Path(image.filepath).parent.parent == tmp_path / "out"
    # The empty took over the scale of 2, and so did the depth range: it goes on to count.
    depsgraph = bpy.context.evaluated_depsgraph_get()
    found = [sources.examine(obj, depsgraph, 1) for obj in objects]
    near, far = scene_module("depth_range").known(capture, found)
    depths = 2 * np.concatenate([local_depths(frame) for frame in (1, 4, 7, 10)])
    assert near <= depths.min() * scale_of(clip) and far >= depths.max() * scale_of(clip)
    assert near > 0.5 * depths.min() * scale_of(clip)
    assert capture.sightline.format == "movie clip" and "4 cameras" in capture.sightline.report
    assert len(capture.sightline.points.data.vertices) == len(POINTS)
    assert "pictures straightened" in capture.sightline.report


@pytest.mark.parametrize("model", LENSES)
def test_lenses_are_those_of_opencv(scene_module: Scene, tmp_path: Path, model: str) -> None:
    """The pixels of the solved clip's tracks are those of our cameras, by OpenCV's formula (checked elsewhere)."""
    clip = sequence(tmp_path / "shot")
    solve(clip, model)
    found = scene_module("movie_clips").clip_capture(clip, 1)
    tracks = [track for track in clip.tracking.tracks if track.has_bundle]
    points = np.array([track.bundle for track in tracks], dtype=np.float64)
    for frame, view in zip(range(1, FRAMES + 1), found, strict=True):
        camera, (k1, k2, p1, p2, k3) = view.camera, view.camera.distortion.coefficients
        local = points @ camera.rotation.T + camera.translation
        x, y = (local[:, :2] / local[:, 2:]).T
        r2 = x * x + y * y
        radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3
        u = camera.fx * (x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)) + camera.cx
        v = camera.fy * (y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y) + camera.cy
        for track, pixel in zip(tracks, np.stack([u, v], 1), strict=True):
            if (marker := track.markers.find_frame(frame)) is not None:
                seen = (marker.co[0] * WIDTH, (1 - marker.co[1]) * HEIGHT)
                assert np.abs(pixel - seen).max() < 0.01


def test_a_movie_shows_the_right_frame_for_ever(scene_module: Scene, tmp_path: Path) -> None:
    """Without distortion nothing is written: each camera keeps one frame of the movie."""
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = WIDTH, HEIGHT, 100
    editor = scene.sequence_editor_create()
    strips = getattr(editor, "strips", None) or editor.sequences
    clip = sequence(tmp_path / "shot")
    strip = strips.new_image("shot", str(tmp_path / "shot" / "shot_0001.png"), 1, 1)
    for index in range(1, FRAMES):
        strip.elements.append(f"shot_{index + 1:04d}.png")
    scene.frame_end = FRAMES
    scene.render.image_settings.file_format = "FFMPEG"
    scene.render.ffmpeg.format, scene.render.ffmpeg.codec = "MPEG4", "H264"
    scene.render.filepath = str(tmp_path / "movie.mp4")
    bpy.ops.render.render(animation=True)
    bpy.data.movieclips.remove(clip)
    solve(bpy.data.movieclips.load(str(next(tmp_path.glob("*.mp4")))), "POLYNOMIAL", (0.0,) * 5)
    assert bpy.ops.sightline.capture_from_clip() == {"FINISHED"}
    pictures = scene_module("pictures")
    objects = scene_module("sources").cameras_in(scene.sightline.capture)
    assert len(objects) == FRAMES, "few frames are all taken"
    for frame in (-30, 0, 1, 5, 400):
        numbers = [pictures.photograph_of(obj.data, frame).movie_frame for obj in objects]
        assert numbers == list(range(FRAMES))
    assert not list((tmp_path / "out").rglob("*.png"))


def test_what_cannot_be_used_is_one_sentence(scene_module: Scene, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="No movie clip has a solved camera motion"):
        bpy.ops.sightline.capture_from_clip()
    clip = sequence(tmp_path / "shot")
    with pytest.raises(RuntimeError, match=r"The camera motion of .* is not solved"):
        bpy.ops.sightline.capture_from_clip(clip=clip.name)
    solve(clip)
    collections = len(bpy.data.collections)
    with pytest.raises(RuntimeError, match="Only 1 frame"):
        bpy.ops.sightline.capture_from_clip(step=100)
    clip.tracking.camera.brown_k4 = 0.1
    with pytest.raises(RuntimeError, match="has a K4, which cannot be expressed"):
        bpy.ops.sightline.capture_from_clip()
    clip.tracking.camera.distortion_model, clip.tracking.camera.division_k1 = "DIVISION", 0.1
    with pytest.raises(RuntimeError, match=r"lens model Division of .* cannot be expressed; choose Polynomial"):
        bpy.ops.sightline.capture_from_clip()
    assert len(bpy.data.collections) == collections and not (tmp_path / "out").exists()
