"""Every kind of mask on its way from a view's record to the colours that a method reads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from inference.camera import Camera, Distortion
from inference.capture.mask_preview import mask_preview, mask_warnings
from inference.capture.photographs import Photographs, identity, load_photograph
from inference.colour import from_linear, to_linear
from inference.errors import PictureError
from inference.masks.chroma_key import border_colour
from inference.mattes import ChromaKey, CleanPlate
from inference.view import MovieFrame, View

ROOT = Path(__file__).parents[2]
Array = np.ndarray[Any, Any]
WIDTH, HEIGHT = 160, 120
GREEN = (0.0, 0.7, 0.25)
CAMERA = Camera(WIDTH, HEIGHT, 150.0, 150.0, WIDTH / 2, HEIGHT / 2, np.eye(4))


def coverage() -> Array:
    """A disc with an edge three pixels soft."""
    x, y = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    return np.clip((36 - np.hypot(x - 82, y - 61)) / 3 + 0.5, 0, 1).astype(np.float32)


def subject() -> Array:
    x = np.linspace(0, 1, WIDTH, dtype=np.float32)[None, :, None]
    return np.broadcast_to((1 - x) * [0.9, 0.55, 0.45] + x * [0.45, 0.3, 0.4], (HEIGHT, WIDTH, 3)).astype(np.float32)


def room() -> Array:
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    shade = 0.15 + 0.06 * np.sin(0.2 * x) * np.sin(0.3 * y)
    return np.stack([0.5 * shade, shade, 1.4 * shade], -1).astype(np.float32)


def flat(colour: Any) -> Array:
    return np.broadcast_to(np.asarray(colour, np.float32), (HEIGHT, WIDTH, 3)).copy()


def composed(behind: Array) -> Array:
    a = coverage()[..., None]
    return from_linear(a * to_linear(subject()) + (1 - a) * to_linear(behind))


def save(path: Path, values: Array) -> Path:
    """Write colours, with or without alpha, in 16 bits."""
    if values.ndim == 3:
        values = values[..., [2, 1, 0, 3][: values.shape[2]]]
    assert cv2.imwrite(str(path), np.round(values * 65535).astype(np.uint16))
    return path


def halo(rgb: Array, mask: Array) -> float:
    """Mean error of colours where the mask shows a mixture that is the subject for the most part."""
    edge = (mask > 0.3) & (mask < 0.97)
    assert edge.sum() > 200
    return float(np.abs(rgb - subject())[edge].mean())


@pytest.fixture
def views(tmp_path: Path) -> dict[str, View]:
    """The same subject with a mask of every kind."""
    alpha = coverage()[..., None]
    before_room = save(tmp_path / "room.png", composed(room()))
    before_green = save(tmp_path / "green.png", composed(flat(GREEN)))
    cut_out = save(tmp_path / "alpha.png", np.dstack([composed(room()), alpha]))
    mask = save(tmp_path / "mask.png", coverage())
    plate = save(tmp_path / "plate.png", room())
    return {
        "alpha": View("alpha", CAMERA, cut_out),
        "image": View("image", CAMERA, before_room, mask),
        "plate": View("plate", CAMERA, before_room, CleanPlate(plate)),
        "key": View("key", CAMERA, before_green, ChromaKey(GREEN)),
    }


@pytest.mark.parametrize("kind", ["alpha", "image", "plate", "key"])
def test_every_kind_of_mask_without_a_halo(views: dict[str, View], kind: str) -> None:
    view = View.from_json(json.loads(json.dumps(views[kind].to_json())))
    assert view.mask == views[kind].mask
    plain, unmixed = load_photograph(view), load_photograph(view, unmixed=True)
    assert plain.mask is not None and unmixed.mask is not None
    assert np.abs(plain.mask - coverage()).mean() < 0.015
    assert np.array_equal(plain.mask, unmixed.mask)
    before, after = halo(plain.rgb, coverage()), halo(unmixed.rgb, coverage())
    print(f"{kind}: error of the edge's colours {before:.3f} -> {after:.3f}")
    assert before > 0.06 and after < 0.012
    # Around the edge the subject goes on: what is resampled there finds no background.
    around = (coverage() == 0) & (cv2.dilate(coverage(), np.ones((5, 5))) > 0)
    assert np.abs(unmixed.rgb - subject())[around].mean() < 0.03


@pytest.mark.parametrize("behind", [flat(0.0), flat(1.0), subject()])
def test_straight_alpha_gets_no_worse(tmp_path: Path, behind: Array) -> None:
    """Edge colours are the subject's own already; what lies beyond is black, white, or the subject's colours."""
    alpha = coverage()[..., None]
    colours = np.where(alpha > 0, subject(), behind)
    view = View("cut", CAMERA, save(tmp_path / "cut.png", np.dstack([colours, alpha])))
    plain, unmixed = load_photograph(view), load_photograph(view, unmixed=True)
    shown = coverage() > 0.05
    assert np.abs(unmixed.rgb - plain.rgb)[shown].max() < 1e-4
    scaled = load_photograph(view, 0.5, unmixed=True)
    assert scaled.mask is not None
    truth = cv2.resize(subject(), (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_AREA)
    assert np.abs(scaled.rgb - truth)[scaled.mask > 0.02].max() < 0.02


def test_colours_over_black_are_taken_apart(tmp_path: Path) -> None:
    view = View("black", CAMERA, save(tmp_path / "a.png", np.dstack([composed(flat(0.0)), coverage()])))
    assert halo(load_photograph(view).rgb, coverage()) > 0.1
    assert halo(load_photograph(view, unmixed=True).rgb, coverage()) < 0.01


def test_without_a_mask_or_an_inside_colours_stay(tmp_path: Path) -> None:
    picture = composed(room())
    assert np.array_equal(load_photograph(View("a", CAMERA, picture), unmixed=True).rgb, picture)
    half = np.full((HEIGHT, WIDTH), 0.5, np.float32)
    assert np.array_equal(load_photograph(View("a", CAMERA, picture, half), unmixed=True).rgb, picture)


def test_green_light_on_the_subject_is_taken_away(tmp_path: Path) -> None:
    lit = composed(flat(GREEN))
    lit[..., 1] += 0.3 * coverage()  # more green than red everywhere
    view = View("key", CAMERA, save(tmp_path / "a.png", lit.clip(0, 1)), ChromaKey(GREEN, 0.2))
    rgb = load_photograph(view, unmixed=True).rgb[coverage() == 1]
    assert (rgb[:, 1] <= rgb[:, [0, 2]].max(axis=1) + 1e-3).all()


def test_masks_are_made_before_the_lens_is_straightened(views: dict[str, View], tmp_path: Path) -> None:
    lens = Camera(WIDTH, HEIGHT, 150.0, 150.0, WIDTH / 2, HEIGHT / 2, np.eye(4), Distortion("opencv", (0.2, 0.1)))
    given = load_photograph(View("a", lens, views["plate"].image, coverage())).mask
    made = load_photograph(View("b", lens, views["plate"].image, views["plate"].mask)).mask
    assert given is not None and made is not None
    assert np.abs(given - coverage()).mean() > 0.03  # the lens does something
    assert np.abs(made - given).mean() < 0.015


def test_an_alpha_channel_counts_beside_a_matte(tmp_path: Path) -> None:
    left = np.zeros((HEIGHT, WIDTH, 1), np.float32)
    left[:, :80] = 1
    picture = save(tmp_path / "a.png", np.dstack([composed(flat(GREEN)), left]))
    mask = load_photograph(View("a", CAMERA, picture, ChromaKey(GREEN))).mask
    assert mask is not None and mask[:, 80:].max() == 0
    assert np.abs(mask - coverage())[:, :78].mean() < 0.01


def test_the_cache_knows_what_a_mask_rests_on(views: dict[str, View]) -> None:
    cache, view = Photographs(), views["plate"]
    assert isinstance(view.mask, CleanPlate)
    first = cache.get(view)
    assert cache.get(view) is first
    assert cache.get(view, unmixed=True) is not first
    assert cache.get(view, unmixed=True) is cache.get(view, unmixed=True)
    assert identity(View("a", CAMERA, view.image, CleanPlate(view.mask.plate, 2.0))) != identity(view)
    before = identity(view)
    os.utime(view.mask.plate, ns=(1, 1))
    assert identity(view) != before
    keys = {identity(View("a", CAMERA, view.image, ChromaKey(GREEN, tolerance))) for tolerance in (0.3, 0.4)}
    assert len(keys | {identity(View("a", CAMERA, view.image))}) == 3
    view.mask.plate.unlink()
    with pytest.raises(PictureError, match=r"mask of 'plate' is missing"):
        identity(view)


def test_faults_name_the_view(views: dict[str, View], tmp_path: Path) -> None:
    picture = views["plate"].image
    with pytest.raises(PictureError, match=r"clean plate of 'a' is missing"):
        load_photograph(View("a", CAMERA, picture, CleanPlate(tmp_path / "none.png")))
    small = save(tmp_path / "small.png", room()[::2, ::2])
    with pytest.raises(PictureError, match=r"mask of 'a' cannot be made: The clean plate is 80 x 60 pixels"):
        load_photograph(View("a", CAMERA, picture, CleanPlate(small)))
    with pytest.raises(PictureError, match=r"mask of 'a' cannot be made: The key colour is nearly grey"):
        load_photograph(View("a", CAMERA, picture, ChromaKey((0.5, 0.5, 0.5))))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ChromaKey((0.0, 1.2, 0.0)), "no colour"),
        (lambda: ChromaKey(GREEN, 1.0), "between 0 and 1"),
        (lambda: CleanPlate(Path("p.png"), 0.0), "must be positive"),
        (lambda: CleanPlate(Path("p.png"), float("nan")), "must be positive"),
        (
            lambda: View.from_json({"name": "a", "camera": CAMERA.to_json(), "image": "a.png", "mask": {"depth": 1}}),
            "not known",
        ),
    ],
)
def test_impossible_settings_are_refused(make: Any, words: str) -> None:
    with pytest.raises(PictureError, match=words):
        make()


def test_records_of_files_stay_plain() -> None:
    record = View("a", CAMERA, Path("a.png"), Path("m.png")).to_json()
    assert (record["image"], record["mask"]) == ("a.png", "m.png")
    movie = View("a", CAMERA, MovieFrame(Path("a.mp4"), 7), MovieFrame(Path("m.mp4"), 8))
    record = json.loads(json.dumps(movie.to_json()))
    assert record["image"] == {"movie": "a.mp4", "frame": 7}
    back = View.from_json(record)
    assert (back.image, back.mask) == (movie.image, movie.mask)


def test_views_need_nothing_but_numpy() -> None:
    code = "import sys, json, inference.view; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True).stdout)
    assert "inference.mattes" in loaded and not {"torch", "cv2", "numba"} & set(loaded)


def test_a_preview_shows_the_subject_over_a_checkerboard(views: dict[str, View]) -> None:
    picture, warnings = mask_preview(views["key"], 80)
    assert picture.shape == (60, 80, 3) and warnings == []
    inside = cv2.resize(coverage(), (80, 60), interpolation=cv2.INTER_AREA)
    truth = cv2.resize(subject(), (80, 60), interpolation=cv2.INTER_AREA)
    assert np.abs(picture - truth)[inside == 1].max() < 0.01
    assert np.unique(np.round(picture[inside == 0], 3)).tolist() == pytest.approx([0.3, 0.6])


def test_a_preview_says_what_is_wrong(views: dict[str, View]) -> None:
    picture = views["image"].image
    _, warnings = mask_preview(View("a", CAMERA, picture, np.zeros((HEIGHT, WIDTH), np.float32)))
    assert len(warnings) == 1 and "'a' is empty" in warnings[0]
    _, warnings = mask_preview(View("a", CAMERA, picture, np.ones((HEIGHT, WIDTH), np.float32)))
    assert "covers the whole picture" in warnings[0]
    cut = np.roll(coverage(), 70, axis=1)
    cut[:, :40] = 0
    _, warnings = mask_preview(View("a", CAMERA, picture, cut))
    assert "cut by the right border" in warnings[0]
    with pytest.raises(PictureError, match="'a' has no mask"):
        mask_preview(View("a", CAMERA, picture))
    with pytest.raises(PictureError, match="'a' is empty"):
        mask_warnings(load_photograph(View("a", CAMERA, picture, np.zeros((HEIGHT, WIDTH), np.float32))), "a")


def test_the_key_colour_is_found_at_the_border() -> None:
    noise = np.random.default_rng(0).normal(0, 0.02, (HEIGHT, WIDTH, 3))
    picture = (composed(flat(GREEN)) + noise).clip(0, 1).astype(np.float32)
    picture[:, :40] = 0.5  # the studio beside the screen
    picture[:30, 100:120] = (0.9, 0.1, 0.1)
    assert border_colour(picture) == pytest.approx(GREEN, abs=0.02)
    with pytest.raises(PictureError, match="no screen of one colour"):
        border_colour(flat(0.5))
