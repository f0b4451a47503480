from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pycolmap
import pytest

from inference.__main__ import main
from inference.camera import Camera, Distortion
from inference.capture import read_capture
from inference.capture.colmap_output import quaternion
from inference.capture.output import WRITERS, write_capture
from inference.capture.picture_copies import with_files
from inference.capture.report import report, report_lines
from inference.errors import CaptureError, OutputError
from inference.mattes import ChromaKey
from inference.view import Capture, MovieFrame, View
from tests.unit.capture_samples import HEIGHT, POINTS, WIDTH, pose, save_picture

LENSES = (
    None,
    Distortion("opencv", (0.05, -0.01, 0.002, -0.003)),
    Distortion("opencv", (0.05, -0.01, 0.002, -0.003, 0.01, 0.02, -0.01, 0.005)),
    Distortion("fisheye", (0.05, -0.01)),
)


def view(folder: Path, name: str, index: int, lens: Distortion | None) -> View:
    save_picture(folder / f"{name}.png")
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = pose(index)
    return View(name, Camera(WIDTH, HEIGHT, 60.0, 61.5, 31.0, 25.0, matrix, lens), folder / f"{name}.png")


def capture(folder: Path, lenses: tuple[Distortion | None, ...] = LENSES) -> Capture:
    views = tuple(view(folder, f"a view {index}", index, lens) for index, lens in enumerate(lenses))
    return Capture(views, POINTS, 2.0, 9.0, "COLMAP")


@pytest.mark.parametrize("kind", WRITERS)
def test_what_is_written_reads_back(tmp_path: Path, kind: str) -> None:
    before = capture(tmp_path / "here")
    after = read_capture(write_capture(before, tmp_path / "there" / "a.json", kind))
    for old, new in zip(before, after, strict=True):
        assert np.array_equal(old.camera.intrinsics, new.camera.intrinsics)
        assert np.abs(old.camera.world_to_camera - new.camera.world_to_camera).max() < 1e-14
        assert (old.camera.distortion is None) == (new.camera.distortion is None)
        if old.camera.distortion is not None and new.camera.distortion is not None:
            assert old.camera.distortion.model == new.camera.distortion.model
            count = len(old.camera.distortion.coefficients)
            assert new.camera.distortion.coefficients[:count] == old.camera.distortion.coefficients
            assert not any(new.camera.distortion.coefficients[count:])
        assert isinstance(new.image, Path) and new.image.is_relative_to(tmp_path)
    assert after.points is not None
    assert np.abs(np.sort(after.points, axis=0) - np.sort(POINTS, axis=0)).max() < 1e-6


def test_colmap_itself_reads_what_is_written(tmp_path: Path) -> None:
    model = write_capture(capture(tmp_path / "here", LENSES[1:2] * 3), tmp_path / "there", "colmap")
    read = pycolmap.Reconstruction()
    read.read_text(str(model))
    assert (len(read.cameras), len(read.images), len(read.points3D)) == (1, 3, len(POINTS))
    for image in read.images.values():
        rotation, translation = pose(image.image_id - 1)
        found = image.cam_from_world().matrix()
        assert np.abs(found - np.column_stack([rotation, translation])).max() < 1e-14
        assert (tmp_path / "there" / "images" / image.name).is_file() and " " not in image.name
    assert len(read_capture(tmp_path / "there")) == 3
    # Again, over the first; never where the old binary model would be read instead.
    write_capture(capture(tmp_path / "here"), tmp_path / "there", "colmap")
    assert len(read_capture(tmp_path / "there")) == 4
    read.write_binary(str(model))
    with pytest.raises(OutputError, match="holds a binary COLMAP model"):
        write_capture(capture(tmp_path / "here"), tmp_path / "there", "colmap")


def test_pictures_that_lie_there_stay(tmp_path: Path) -> None:
    views = (view(tmp_path / "images" / "left", "1", 0, None), view(tmp_path / "images" / "right", "2", 1, None))
    model = write_capture(Capture(views), tmp_path, "colmap")
    names = [line.split()[-1] for line in (model / "images.txt").read_text().splitlines() if line.endswith("png")]
    assert names == ["left/1.png", "right/2.png"]
    assert len(list((tmp_path / "images").rglob("*.png"))) == 2


def test_other_pictures_are_never_overwritten(tmp_path: Path) -> None:
    before = capture(tmp_path / "here", LENSES[:2])
    for kind in WRITERS:
        out = tmp_path / kind / "out" / "a.json"
        write_capture(before, out, kind)
        write_capture(before, out, kind)
        [copied, *_] = sorted((tmp_path / kind).rglob("images/*"))
        copied.write_bytes(b"somebody's")
        with pytest.raises(OutputError, match="is there already and another picture"):
            write_capture(before, out, kind)
        assert copied.read_bytes() == b"somebody's"


def test_what_cannot_be_expressed_is_said(tmp_path: Path) -> None:
    prism = Distortion("opencv", (0.1, *(0.0,) * 7, 0.01))
    for kind, name in (("colmap", "a COLMAP model"), ("transforms", "a transforms.json")):
        with pytest.raises(CaptureError, match=f"thin prism distortion of 'a view 0' has no place in {name}"):
            write_capture(capture(tmp_path, (prism,)), tmp_path / "out" / "a.json", kind)
        assert not (tmp_path / "out").exists()


def test_quaternions_of_half_turns() -> None:
    rng = np.random.default_rng(0)
    for axis in (*np.eye(3), *rng.normal(size=(20, 3))):
        for angle in (0.0, 1e-9, 1.0, np.pi - 1e-9, np.pi):
            rotation = cv2.Rodrigues(axis / np.linalg.norm(axis) * angle)[0]
            w, x, y, z = quaternion(rotation)
            cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
            assert np.abs(np.eye(3) + 2 * w * cross + 2 * cross @ cross - rotation).max() < 1e-14 and w >= 0


def test_frames_of_movies_and_keyed_masks_become_files(tmp_path: Path) -> None:
    movie = cv2.VideoWriter(str(tmp_path / "m.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (WIDTH, HEIGHT))
    for level in (40, 160):
        frame = np.full((HEIGHT, WIDTH, 3), level, np.uint8)
        frame[:, : WIDTH // 2] = (0, 200, 0)
        movie.write(frame)
    movie.release()
    still = view(tmp_path, "a", 0, None)
    moving = View("b", still.camera, MovieFrame(tmp_path / "m.avi", 1), ChromaKey((0.0, 0.8, 0.0), 0.3))
    made = with_files(Capture((still, moving)), tmp_path / "out")
    assert made["a"] is still
    pixels, mask = (cv2.imread(str(file), cv2.IMREAD_UNCHANGED) for file in (made["b"].image, made["b"].mask))
    assert pixels is not None and mask is not None
    assert abs(int(pixels[20, 60].mean()) - 160) < 6 and mask[20, 60].max() == 255 and mask[20, 5].max() == 0
    model = write_capture(made, tmp_path / "out", "colmap")
    assert (tmp_path / "out" / "masks" / "b.png.png").is_file() and len(read_capture(model)) == 2


def test_the_report_says_what_is_known(tmp_path: Path) -> None:
    known = capture(tmp_path, (LENSES[1], LENSES[1], LENSES[3]))
    facts = report(Capture(known.views, POINTS, format="X", skipped={"b": "missing"}, units="mm", residual=0.712))
    assert facts["lenses"] == {"radial and tangential": 2, "fisheye": 1} and facts["left_out"] == {"b": "missing"}
    assert report_lines(facts) == [
        "3 cameras, 1 skipped",
        "lenses: radial and tangential (2), fisheye (1)",
        "mean error 0.71 px",
        "unit: mm",
        "40 sparse points",
    ]
    assert report_lines(report(capture(tmp_path, LENSES[:1]))) == [
        "1 camera",
        "unit: not stated",
        "40 sparse points",
        "depth 2 to 9 (given)",
    ]
    rational = Distortion("opencv", (0.1, 0.0, 0.1, 0.0, 0.0, 0.1, 0.0, 0.0, 0.1))
    assert report(capture(tmp_path, (rational,)))["lenses"] == {"rational, tangential and thin prism": 1}


def test_the_command_line_writes_colmap(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_capture(capture(tmp_path / "here"), tmp_path / "a.json", "transforms")
    command = ["import", str(tmp_path / "a.json"), "--out", str(tmp_path / "b"), "--format", "colmap"]
    assert main(command) == 0
    assert "4 cameras\n" in capsys.readouterr().out
    assert read_capture(tmp_path / "b").format == "COLMAP"
    assert main([*command[:3], str(tmp_path / "a.json"), *command[4:]]) == 2
