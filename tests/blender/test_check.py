"""``check``: frames that are missing, damaged, out of date or of other sizes are found; movies of right ones."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np
import pytest

from tests.blender.camera_move import colours
from tests.blender.people_rig import build
from tests.made_up import write_png

# Of Y, Cb, Cr (ITU-R BT.709 and BT.601).
RGB_OF_709 = np.array([[1, 0, 1.5748], [1, -0.1873, -0.4681], [1, 1.8556, 0]])
LUMA = np.array([0.2126, 0.7152, 0.0722])
RGB_OF_601 = np.array([[1, 0, 1.402], [1, -0.3441, -0.7141], [1, 1.772, 0]])

Command = Callable[..., tuple[int, str, str]]
RIGHT = "All of 4 frames are there and right.\n"

# The libraries that decode movies are the worker's: they are not loaded beside Blender.
DECODE = """
import sys
import cv2
import numpy as np
movie = cv2.VideoCapture(sys.argv[1])
frames = []
while (read := movie.read())[0]:
    frames.append(read[1][..., ::-1])
np.savez(sys.argv[2], frames=np.stack(frames), rate=movie.get(cv2.CAP_PROP_FPS), codec=movie.get(cv2.CAP_PROP_FOURCC))
"""


@pytest.fixture
def check(blend: Path, command: Command, tmp_path: Path) -> Command:
    """Check the frames in ``shots``."""
    return lambda *options: without_blenders(command("check", blend, "--output", tmp_path / "shots", *options))


@pytest.fixture
def render(blend: Path, command: Command, tmp_path: Path) -> Command:
    """Make frames there."""

    def made(*options: object) -> None:
        status, _, err = command("render", blend, "--output", tmp_path / "shots", *options)
        assert status == 0, err

    return made


def without_blenders(answer: tuple[int, str, str]) -> tuple[int, str, str]:
    """The answer without the line by which Blender itself tells that it has opened the file."""
    status, out, err = answer
    return status, "".join(line for line in out.splitlines(True) if not line.startswith("Read blend: ")), err


def flip(path: Path, place: float = 0.7) -> None:
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 0x10
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize(("file_format", "suffix"), [("PNG", "png"), ("JPEG", "jpg"), ("OPEN_EXR", "exr")])
def test_damage_is_found_and_what_is_said_mends_it(
    render: Command, check: Command, tmp_path: Path, file_format: str, suffix: str
) -> None:
    kind = ("--format", file_format)
    render(*kind)
    assert check(*kind) == (0, RIGHT, "")
    files = {frame: tmp_path / "shots" / f"Target.{frame:04d}.{suffix}" for frame in range(1, 5)}
    flip(files[1])
    cut(files[2])
    files[4].unlink()
    status, out, err = check(*kind)
    assert (status, out) == (1, "")
    assert err.splitlines() == [
        f"Frame 1: '{files[1]}' is damaged or cut short.",
        f"Frame 2: '{files[2]}' is damaged or cut short.",
        f"Frame 4: '{files[4]}' is missing.",
        "3 frames not right; 'render' with --frames 1-2,4 and without --resume makes such frames anew.",
    ]
    kept = files[3].stat().st_mtime_ns
    render(*kind, "--frames", re.search(r"--frames (\S+)", err)[1])  # type: ignore[index]
    assert check(*kind) == (0, RIGHT, "") and files[3].stat().st_mtime_ns == kept


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "OPEN_EXR"])
def test_one_bit_anywhere_is_found(
    render: Command, check: Command, tmp_path: Path, file_format: str, scene_module: Callable
) -> None:
    kind = ("--format", file_format, "--frames", "2")
    render(*kind)
    (path,) = (tmp_path / "shots").iterdir()
    whole = path.read_bytes()
    backend = scene_module("backend")
    missed = []
    for place in np.linspace(0.25, 0.999, 25):
        flip(path, place)
        client = backend.client()
        request = client.submit("examine", {"paths": [str(path)]})
        client.wait(request)
        (found,) = client.take(request)["files"]
        if not found["problem"] and found["stamp"] is not None:
            missed.append(round(place * len(whole)))
        path.write_bytes(whole)
    # In OpenEXR, what is beside the compressed pixels (where a row begins, say) has no checksum.
    assert len(missed) <= (3 if file_format == "OPEN_EXR" else 0)
    assert check(*kind)[0] == 0


def test_what_is_out_of_date_or_another_size(render: Command, check: Command, tmp_path: Path) -> None:
    render("--frames", "1-2")
    render("--frames", "3", "--quality", "preview")
    write_png(tmp_path / "shots" / "Target.0004.png", np.zeros((72, 96, 3), np.uint8))
    status, _, err = check()
    said = err.splitlines()
    assert status == 1 and [line.partition("' ")[2] for line in said[:2]] == [
        "has 48 x 36 pixels, and the scene asks for 96 x 72." if "pixels" in said[0] else
        "was made before something that it depends on has changed.",
        "was not made by Sightline; move it, then make the frame.",
    ]  # fmt: skip
    assert check("--frames", "1-2") == (0, "All of 2 frames are there and right.\n", "")
    status, _, err = check("--frames", "1-2", "--size", "50")
    assert status == 1 and err.count("has 96 x 72 pixels, and the scene asks for 48 x 36.") == 2
    status, _, err = check("--frames", "1", "--method", "convglr")
    assert status == 1 and "was made before something that it depends on has changed." in err


def test_a_photograph_that_changed_makes_its_frames_wrong(render: Command, check: Command, tmp_path: Path) -> None:
    render("--frames", "1-2")
    write_png(tmp_path / "made-up" / "images" / "view_1.png", np.zeros((72, 96, 3), np.uint8))
    status, out, err = check("--frames", "1-2", "--openjd")
    assert status == 1 and err.count("was made before something that it depends on has changed.") == 2
    assert "openjd_progress: " in out and "openjd_fail: 2 frames not right; " in out


def test_gaussians(cameras, command: Command, tmp_path: Path) -> None:
    build(cameras, tmp_path)
    blend = tmp_path / "person.blend"
    bpy.context.scene.frame_end = 2
    bpy.ops.wm.save_as_mainfile(filepath=str(blend))
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    place = ("--output", tmp_path / "clouds", "--quality", "preview")
    status, _, err = command("gaussians", blend, *place)
    assert status == 0, err
    right = (0, "All of 2 frames are there and right.\n", "")
    assert without_blenders(command("check", blend, "--gaussians", *place)) == right
    first = next((tmp_path / "clouds").glob("*0001.ply"))
    cut(first)
    status, _, err = command("check", blend, "--gaussians", *place)
    assert status == 1 and err.splitlines() == [
        f"Frame 1: '{first}' is damaged or cut short.",
        "1 frame not right; 'gaussians' with --frames 1 and without --resume makes such frames anew.",
    ]
    assert command("gaussians", blend, *place, "--frames", "1")[0] == 0
    assert without_blenders(command("check", blend, "--gaussians", *place)) == right


def decoded(movie: Path, folder: Path) -> dict[str, np.ndarray]:
    subprocess.run([sys.executable, "-c", DECODE, str(movie), str(folder / "frames.npz")], check=True)
    with np.load(folder / "frames.npz") as stored:
        found = dict(stored)
    if bpy.app.version >= (4, 5, 0):  # encodes as BT.709 and says so; OpenCV takes everything for BT.601
        found["frames"] = np.clip(np.round(found["frames"] @ (RGB_OF_709 @ np.linalg.inv(RGB_OF_601)).T), 0, 255)
    return found


@pytest.mark.parametrize(("file_format", "ending"), [("PNG", "mp4"), ("JPEG", "mov"), ("OPEN_EXR", "mkv")])
def test_the_movie_shows_the_frames(
    render: Command, check: Command, blend: Path, tmp_path: Path, file_format: str, ending: str
) -> None:
    render("--format", file_format)
    movie = tmp_path / "reel" / f"shot.{ending}"
    scenes = len(bpy.data.scenes)
    status, out, err = check("--format", file_format, "--movie", movie)
    assert status == 0, err
    assert out.startswith(RIGHT) and out.endswith(f"Saved: '{movie}'\n") and len(bpy.data.scenes) == scenes
    assert [path.name for path in movie.parent.iterdir()] == [movie.name]
    found = decoded(movie, tmp_path)
    assert len(found["frames"]) == 4 and found["rate"] == 24
    assert int(found["codec"]).to_bytes(4, "little") in (b"h264", b"avc1")
    for index, frame in enumerate(found["frames"]):
        path = next((tmp_path / "shots").glob(f"*{index + 1:04d}*"))
        wanted = colours(path)
        if file_format == "OPEN_EXR":
            wanted = np.where(wanted <= 0.0031308, wanted * 12.92, 1.055 * wanted ** (1 / 2.4) - 0.055)
        difference = frame / 255 - wanted
        assert np.abs(difference @ LUMA).mean() < 0.018
        # Colour has half the resolution: it is right in the mean of some pixels.
        assert np.abs(difference.reshape(9, 8, 12, 8, 3).mean(axis=(1, 3))).max() < 0.025


def test_a_movie_of_odd_size_keeps_pixels_and_puts_black_behind(scene_module: Callable, tmp_path: Path) -> None:
    """Stripes of one column: half a pixel's shift would make them grey. Half of what is behind the lower half shows."""
    pixels = np.full((43, 65, 4), 255, np.uint8)
    pixels[:, ::2, :3] = 60
    pixels[21:, :, 3] = 128
    write_png(tmp_path / "a.0001.png", pixels)
    scene_module("movie").encode_movie(bpy.context.scene, [tmp_path / "a.0001.png"], tmp_path / "a.mp4")
    (frame,) = decoded(tmp_path / "a.mp4", tmp_path)["frames"]
    wanted = pixels[:42, :64, :3] * (pixels[:42, :64, 3:] / 255)
    difference = np.abs(frame - wanted)
    assert difference[:20].max() < 20 and difference[22:].max() < 20, (frame[::40, :4, 0], wanted[::40, :4, 0])


def test_wrong_usage(check: Command) -> None:
    status, _, err = check("--movie", "shot.avi")
    assert status == 2 and "'shot.avi' ends in none of .mp4, .mov, .mkv" in err
    status, _, err = check("--gaussians", "--movie", "shot.mp4")
    assert status == 2 and "--movie is made of pictures" in err
