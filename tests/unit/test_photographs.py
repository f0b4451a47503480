from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from inference.camera import Camera, Distortion
from inference.capture.photographs import Photographs, fitting_scale, load_photograph, write_rectified
from inference.errors import PictureError
from inference.metrics import psnr
from inference.view import View

WIDTH, HEIGHT = 48, 36
LENS = Distortion("opencv", (0.1, -0.05))


def camera(**changes: Any) -> Camera:
    values: dict[str, Any] = {
        "width": WIDTH, "height": HEIGHT, "fx": 50.0, "fy": 50.0, "cx": 25.0, "cy": 17.0, "world_to_camera": np.eye(4),
    }  # fmt: skip
    return Camera(**{**values, **changes})


def pixels(dtype: Any = np.uint8, channels: int = 3) -> np.ndarray[Any, Any]:
    """A smooth picture with values all over the type's range, RGB order."""
    x, y = np.meshgrid(np.linspace(0, 1, WIDTH), np.linspace(0, 1, HEIGHT))
    planes = [x, y, 0.5 * (x + y), 1 - 0.5 * y][:channels] if channels != 1 else [x]
    values: np.ndarray[Any, Any] = np.round(np.stack(planes, axis=-1) * np.iinfo(dtype).max).astype(dtype)
    return values


def save(path: Path, rgb: np.ndarray[Any, Any]) -> Path:
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[rgb.shape[2]]
    assert cv2.imwrite(str(path), rgb[..., order])
    return path


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_values_of_8_and_16_bits(tmp_path: Path, dtype: Any, ending: str) -> None:
    path = save(tmp_path / f"a{ending}", pixels(dtype))
    photograph = load_photograph(View("a", camera(), path))
    assert photograph.rgb.dtype == np.float32 and photograph.mask is None
    assert np.abs(photograph.rgb - pixels(dtype) / np.iinfo(dtype).max).max() < 1e-6


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_becomes_three_channels(tmp_path: Path, dtype: Any) -> None:
    photograph = load_photograph(View("a", camera(), save(tmp_path / "a.png", pixels(dtype, 1))))
    expected = np.repeat(pixels(dtype, 1), 3, axis=2) / np.iinfo(dtype).max
    assert np.abs(photograph.rgb - expected).max() < 1e-6


def test_alpha_becomes_the_mask(tmp_path: Path) -> None:
    view = View("a", camera(), save(tmp_path / "a.png", pixels(channels=4)))
    photograph = load_photograph(view)
    assert photograph.mask is not None
    assert np.abs(photograph.mask - pixels(channels=4)[..., 3] / 255).max() < 1e-6
    half = np.full((HEIGHT, WIDTH), 0.5, np.float32)
    both = load_photograph(View("a", camera(), view.image, half))
    assert both.mask is not None and np.allclose(both.mask, 0.5 * photograph.mask)


def test_an_alpha_that_hides_nothing_is_no_mask(tmp_path: Path) -> None:
    opaque = pixels(channels=4)
    opaque[..., 3] = 255
    assert load_photograph(View("a", camera(), save(tmp_path / "a.png", opaque))).mask is None


def test_masks_of_another_size_are_fitted(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", pixels())
    mask = np.zeros((HEIGHT * 2, WIDTH * 2, 1), np.uint8)
    mask[:, :WIDTH] = 255
    photograph = load_photograph(View("a", camera(), path, save(tmp_path / "m.png", mask)))
    assert photograph.mask is not None and photograph.mask.mean() == pytest.approx(0.5)
    wrong = save(tmp_path / "w.png", np.zeros((50, 20, 1), np.uint8))
    with pytest.raises(PictureError, match=r"mask of 'a' is 20 x 50 pixels, but its picture is 48 x 36"):
        load_photograph(View("a", camera(), path, wrong))


def test_exif_orientation_is_ignored(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", pixels())
    data = path.read_bytes()
    # APP1 with one entry: orientation 6 (turn by 90 degrees).
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    path.write_bytes(data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:])
    assert cv2.imread(str(path)).shape[:2] == (WIDTH, HEIGHT)
    assert load_photograph(View("a", camera(), path)).rgb.shape == (HEIGHT, WIDTH, 3)


def test_a_smaller_copy_of_the_picture_takes_its_camera_along(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", pixels()[::2, ::2])
    photograph = load_photograph(View("a", camera(distortion=LENS), path))
    assert (photograph.camera.width, photograph.camera.height) == (24, 18)
    assert photograph.camera.cx == 12.5
    with pytest.raises(PictureError, match=r"'a' is 48 x 20 pixels, but its camera is calibrated for 48 x 36"):
        load_photograph(View("a", camera(), save(tmp_path / "b.png", pixels()[:20])))
    with pytest.raises(PictureError, match=r"'a' is 36 x 48"):
        load_photograph(View("a", camera(), save(tmp_path / "c.png", pixels().transpose(1, 0, 2))))


def box_filtered(values: np.ndarray[Any, Any], count: int) -> np.ndarray[Any, Any]:
    """Means over ``count`` equal parts of a row of pixels, each an interval of constant value."""
    integral = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    edges = np.interp(np.linspace(0, len(values), count + 1), np.arange(len(values) + 1), integral)
    return np.diff(edges) * count / len(values)


@pytest.mark.parametrize("scale", [0.5, 0.37, 1 / 3])
def test_scaling_averages_areas_and_keeps_the_camera_exact(scale: float) -> None:
    rng = np.random.default_rng(3)
    column, row = rng.uniform(size=(HEIGHT, 1)), rng.uniform(size=(1, WIDTH))
    image = np.repeat((column * row)[..., None], 3, axis=2).astype(np.float32)
    photograph = load_photograph(View("a", camera(), image), scale)
    width, height = round(WIDTH * scale), round(HEIGHT * scale)
    expected = np.outer(box_filtered(column[:, 0], height), box_filtered(row[0], width))
    assert photograph.rgb.shape == (height, width, 3)
    assert np.abs(photograph.rgb - expected[..., None]).max() < 1e-5
    point = np.array([0.1, 0.05, 1.0])
    before, after = camera().project(point)[0], photograph.camera.project(point)[0]
    assert np.allclose(after / [width, height], before / [WIDTH, HEIGHT])


@pytest.mark.parametrize("scale", [0.0, 1.5, -1.0])
def test_photographs_are_never_enlarged(scale: float) -> None:
    with pytest.raises(ValueError, match="scale"):
        load_photograph(View("a", camera(), np.zeros((HEIGHT, WIDTH, 3), np.float32)), scale)


def test_arrays_go_the_same_road_as_files(tmp_path: Path) -> None:
    view = View("a", camera(distortion=LENS), save(tmp_path / "a.png", pixels(np.uint16)))
    array = View("a", view.camera, (pixels(np.uint16) / 65535).astype(np.float32))
    a, b = load_photograph(view, 0.6), load_photograph(array, 0.6)
    assert np.abs(a.rgb - b.rgb).max() < 1e-6
    assert a.camera.to_json() == b.camera.to_json()


def test_fitting_scale_counts_stored_pixels(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg", "a.tif"):
        view = View("a", camera().resized(480, 360), save(tmp_path / name, pixels()))
        assert fitting_scale(view, 24) == 0.5
        assert fitting_scale(view, 100) == fitting_scale(view, None) == 1.0
    assert fitting_scale(View("a", camera(), np.zeros((HEIGHT, WIDTH, 3), np.float32)), 12) == 0.25


def test_the_cache_hands_out_the_same_photograph_until_something_changes(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", pixels())
    cache = Photographs()
    first = cache.get(View("a", camera(), path))
    assert cache.get(View("renamed", camera(), path)) is first
    assert cache.get(View("a", camera(), path), 0.5) is not first
    assert cache.get(View("a", camera(fx=51.0), path)) is not first
    assert cache.get(View("a", camera(), path, np.ones((HEIGHT, WIDTH), np.float32))) is not first
    save(path, pixels()[::-1])
    os.utime(path, ns=(1, 1))
    again = cache.get(View("a", camera(), path))
    assert not np.array_equal(again.rgb, first.rgb)
    array = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    assert cache.get(View("a", camera(), array)) is cache.get(View("a", camera(), array.copy()))
    path.unlink()
    with pytest.raises(PictureError, match="'a' is missing"):
        cache.get(View("a", camera(), path))
    cache.clear()
    assert len(cache) == 0 and cache.nbytes == 0


def test_the_cache_drops_the_least_recently_used() -> None:
    one = WIDTH * HEIGHT * 3 * 4
    cache = Photographs(limit_bytes=2 * one)
    views = [View(str(i), camera(fx=50.0 + i), np.zeros((HEIGHT, WIDTH, 3), np.float32)) for i in range(3)]
    first = cache.get(views[0])
    second = cache.get(views[1])
    assert cache.get(views[0]) is first
    cache.get(views[2])
    assert cache.nbytes == 2 * one
    assert cache.get(views[0]) is first
    assert cache.get(views[1]) is not second


def test_undistorted_pictures_are_saved_for_others(tmp_path: Path) -> None:
    mask = save(tmp_path / "m.png", np.full((HEIGHT, WIDTH, 1), 255, np.uint8))
    view = View("left/a", camera(distortion=LENS, fy=52.0), save(tmp_path / "a.jpg", pixels()), mask)
    written = write_rectified(view, tmp_path / "out")
    assert written.camera.distortion is None and written.camera.fx == written.camera.fy
    assert (
        isinstance(written.image, Path) and written.image.suffix == ".jpg" and written.image.parent == tmp_path / "out"
    )
    assert isinstance(written.mask, Path)
    expected = load_photograph(view, square_pixels=True)
    again = load_photograph(written)
    assert psnr(again.rgb, expected.rgb) > 40
    assert again.camera.to_json() == expected.camera.to_json()


def test_what_is_ideal_already_is_not_written_again(tmp_path: Path) -> None:
    view = View("a", camera(), save(tmp_path / "a.png", pixels()))
    assert write_rectified(view, tmp_path / "out") is view
    assert not (tmp_path / "out").exists()
    picture = (pixels() / 255).astype(np.float32)
    written = write_rectified(View("a", camera(), picture), tmp_path / "out")
    assert np.abs(load_photograph(written).rgb - picture).max() < 1e-4
