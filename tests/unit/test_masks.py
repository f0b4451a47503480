"""Masks against pictures composed in linear light from a known subject, background and coverage."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from inference.colour import from_linear, oklab, to_linear
from inference.errors import PictureError
from inference.masks.checks import check_mask
from inference.masks.chroma_key import chroma_key_mask, suppress_spill
from inference.masks.clean_plate import clean_plate_mask
from inference.masks.foreground import extended, unmix
from inference.masks.morphology import cleaned
from inference.masks.stored import image_mask

Array = np.ndarray[Any, Any]
HEIGHT, WIDTH = 180, 220
GREEN = (0.15, 0.7, 0.25)


def coverage() -> Array:
    """A ring (a body with a gap, as under a bent arm) with edges about four pixels soft."""
    x, y = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    r = np.hypot(x - 112, y - 88)
    return (np.clip((65 - r) / 4 + 0.5, 0, 1) * np.clip((r - 22) / 4 + 0.5, 0, 1)).astype(np.float32)


def subject(seed: int = 1) -> Array:
    """Skin and grey cloth in soft patches, without the screen's hue."""
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    share = (0.5 + 0.5 * np.sin(0.11 * x + seed) * np.cos(0.07 * y))[..., None]
    return (share * [0.85, 0.62, 0.52] + (1 - share) * [0.35, 0.33, 0.38]).astype(np.float32)


def room() -> Array:
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    shade = 0.2 + 0.25 * x / WIDTH + 0.06 * np.sign(np.sin(0.3 * x) * np.sin(0.21 * y))
    return np.stack([0.6 * shade, shade, 1.2 * shade], -1).astype(np.float32)


def screen() -> Array:
    """A green screen with uneven light: half as bright on one side."""
    light = to_linear(np.array(GREEN, np.float32)) * np.linspace(0.5, 1.0, WIDTH)[:, None]
    return np.broadcast_to(from_linear(light), (HEIGHT, WIDTH, 3)).astype(np.float32)


def composed(inside: Array, behind: Array, alpha: Array, noise: float = 0.0, seed: int = 0) -> Array:
    a = alpha[..., None]
    picture = from_linear(a * to_linear(inside) + (1 - a) * to_linear(behind))
    return (picture + np.random.default_rng(seed).normal(0, noise, picture.shape)).clip(0, 1).astype(np.float32)


def assert_mask(found: Array, truth: Array, error: float, alike: float = 0.9) -> None:
    assert found.dtype == np.float32 and found.shape == truth.shape
    assert found.min() >= 0 and found.max() <= 1
    assert np.abs(found - truth).mean() < error
    # Away from the edges everything is told apart.
    assert (found[truth == 1] > 0.5).mean() > 0.999
    assert (found[truth == 0] < 0.5).mean() > 0.999
    edge = (truth > 0.05) & (truth < 0.95)
    assert np.abs(found - truth)[edge].mean() < 0.12
    assert np.corrcoef(found[edge], truth[edge])[0, 1] > alike


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.03])
@pytest.mark.parametrize("exposure", [(1.0, 1.0, 1.0), (1.12, 1.08, 1.1), (0.85, 0.9, 0.88)])
def test_a_clean_plate(noise: float, exposure: tuple[float, float, float]) -> None:
    brighter = from_linear(to_linear(room()) * np.array(exposure, np.float32))
    picture = composed(subject(), brighter, coverage(), noise)
    plate = composed(room(), room(), coverage(), noise, seed=5)
    assert_mask(clean_plate_mask(picture, plate), coverage(), 0.02, alike=0.9 if noise < 0.03 else 0.85)


def test_a_clean_plate_without_a_subject_shows_nothing() -> None:
    picture = composed(room(), room(), coverage(), 0.02, seed=1)
    plate = composed(room(), room(), coverage(), 0.02, seed=2)
    assert clean_plate_mask(picture, plate).mean() < 1e-3
    assert clean_plate_mask(plate, plate).max() == 0


def test_a_clean_plate_of_another_size_is_refused() -> None:
    with pytest.raises(PictureError, match="clean plate is 220 x 90 pixels"):
        clean_plate_mask(room(), room()[::2])


@pytest.mark.parametrize("noise", [0.0, 0.015])
def test_a_chroma_key(noise: float) -> None:
    picture = composed(subject(), screen(), coverage(), noise)
    assert_mask(chroma_key_mask(picture, GREEN), coverage(), 0.02)


def test_a_blue_screen_and_a_subject_in_other_strong_colours() -> None:
    blue = (0.1, 0.25, 0.8)
    behind = np.broadcast_to(np.array(blue, np.float32), (HEIGHT, WIDTH, 3))
    for colour in ([0.8, 0.1, 0.1], [0.1, 0.6, 0.1], [0.9, 0.8, 0.2], [0.05, 0.05, 0.05], [0.95, 0.95, 0.95]):
        inside = np.broadcast_to(np.array(colour, np.float32), (HEIGHT, WIDTH, 3))
        assert_mask(chroma_key_mask(composed(inside, behind, coverage()), blue), coverage(), 0.02)


def test_a_grey_key_is_refused() -> None:
    with pytest.raises(PictureError, match="nearly grey"):
        chroma_key_mask(room(), (0.5, 0.52, 0.5))


def test_spill_is_taken_from_the_key_alone() -> None:
    colours = np.array([[[0.5, 0.7, 0.4], [0.8, 0.8, 0.1], [0.6, 0.5, 0.4]]], np.float32)
    found = suppress_spill(colours, GREEN)
    assert found == pytest.approx(np.array([[[0.5, 0.5, 0.4], [0.8, 0.8, 0.1], [0.6, 0.5, 0.4]]]))


@pytest.mark.parametrize("known", [True, False])
def test_edges_have_no_halo(known: bool) -> None:
    behind = np.broadcast_to(np.float32([0.02, 0.9, 0.1]), (HEIGHT, WIDTH, 3))
    alpha = coverage()
    picture = composed(subject(), behind, alpha)
    found = unmix(picture, alpha, behind if known else None)
    assert (found[alpha == 1] == picture[alpha == 1]).all()
    edge = (alpha > 0.02) & (alpha < 0.98)
    before, after = (np.abs(colours - subject())[edge] for colours in (picture, found))
    assert before.mean() > 0.15
    assert after.mean() < 0.02
    assert after[alpha[edge] > 0.5].max() < 0.1
    # Beyond the edge the subject's colours go on, for samples between pixels.
    outside = np.zeros_like(alpha, dtype=bool)
    outside[1:] |= (alpha[1:] == 0) & (alpha[:-1] > 0)
    assert np.abs(found - subject())[outside].max() < 0.2


def test_extending_leaves_what_is_known_and_reaches_everything() -> None:
    weight = np.zeros((37, 53), np.float32)
    weight[10:14, 20:30] = 1.0
    colours = np.where(weight[..., None] > 0, np.float32([0.2, 0.5, 0.7]), np.float32(9.0)).astype(np.float32)
    found = extended(colours, weight)
    assert found == pytest.approx(np.broadcast_to([0.2, 0.5, 0.7], found.shape), abs=1e-5)
    assert (extended(colours, np.zeros_like(weight)) == 0).all()


def test_cleaning_removes_specks_and_small_holes_but_no_gap() -> None:
    mask = coverage() > 0.5
    dirty = mask.copy()
    dirty[5:8, 5:8] = True
    dirty[20:150, 112] = True
    dirty[40:44, 100:104] = False
    found = cleaned(dirty, 2)
    assert not found[:10, :10].any() and found[40:44, 100:104].all()
    assert not found[88, 112 - 15 : 112 + 15].any()
    assert (found != mask).mean() < 0.01


def test_mask_images() -> None:
    pixels = np.zeros((4, 6, 4), np.uint8)
    pixels[1:3, 2:5, :3] = 255
    pixels[0, 0, :3] = 51
    found = image_mask(pixels, "cam", (6, 4))
    assert found.dtype == np.float32 and found.sum() == pytest.approx(6.2)
    assert image_mask(pixels[..., 0].astype(np.uint16) * 257, "cam", (6, 4)) == pytest.approx(found)
    assert image_mask(pixels[..., :3], "cam", (6, 4)) == pytest.approx(found)
    assert image_mask(pixels[..., 0], "cam", (3, 2)).shape == (2, 3)
    assert image_mask(np.float32([[0.0, 2.0]]), "cam", (2, 1)).max() == 1.0
    with pytest.raises(PictureError, match="'cam' is 6 x 4 pixels, but its picture is 9 x 4"):
        image_mask(pixels, "cam", (9, 4))


def test_faults_are_one_sentence_each() -> None:
    mask = coverage()
    assert check_mask(mask, "cam", (WIDTH, HEIGHT)) == []
    with pytest.raises(PictureError, match="'cam' is 220 x 180 pixels, but its picture is 180 x 220"):
        check_mask(mask, "cam", (HEIGHT, WIDTH))
    with pytest.raises(PictureError, match="'cam' is empty"):
        check_mask(0.4 * mask, "cam", (WIDTH, HEIGHT))
    with pytest.raises(PictureError, match="'cam' covers the whole picture"):
        check_mask(np.ones_like(mask), "cam", (WIDTH, HEIGHT))
    with pytest.raises(PictureError, match="no numbers"):
        check_mask(mask * np.float32(np.nan), "cam", (WIDTH, HEIGHT))
    cut = mask[:120, 60:]
    assert check_mask(cut, "cam", (160, 120)) == [
        "The subject in 'cam' is cut by the bottom and left border of the picture; what lies outside will be missing."
    ]


def test_colour_spaces() -> None:
    values = np.linspace(0, 1, 256, dtype=np.float32)
    assert from_linear(to_linear(values)) == pytest.approx(values, abs=1e-5)
    assert to_linear(np.float32([0.5]))[0] == pytest.approx(0.21404, abs=1e-5)
    # Of the author's table of reference pairs: white and pure red.
    assert oklab(np.ones((1, 3), np.float32))[0] == pytest.approx([1.0, 0.0, 0.0], abs=1e-3)
    assert oklab(np.float32([[1, 0, 0]]))[0] == pytest.approx([0.628, 0.225, 0.126], abs=1e-3)
