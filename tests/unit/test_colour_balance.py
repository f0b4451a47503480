"""Evening out: injected gains and offsets are found again, from numbers and from pictures."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from inference.__main__ import main
from inference.camera import Array
from inference.capture import read_capture, write_transforms
from inference.capture.colour_balance import balance, even_out
from inference.capture.colour_samples import BRIGHTEST, ColourSamples, colour_samples, overlapping_pairs
from inference.capture.photographs import Photographs
from inference.colour import to_linear
from inference.errors import CaptureError
from inference.picture_output import write_picture
from inference.synthesis import Options
from inference.view import Capture, View
from tests.unit.sweep_scenes import cast, colours_at, look_at
from training.exposure import disturbed, exposed, measure, small

STILL_LIFE = Path(__file__).resolve().parents[2] / "examples" / "still_life"


def pair(first: int, second: int, gains: Array, offsets: Array, seed: int, darkest: float = 0.02) -> ColourSamples:
    """What two cameras with such corrections show of the same points, with noise and a tenth of false matches."""
    random = np.random.default_rng(seed)
    count = 400
    truth = np.exp(random.uniform(np.log(darkest), np.log(0.6), (count, 3)))
    a, b = ((truth * np.exp(random.normal(0, 0.02, truth.shape)) - offsets[i]) / gains[i] for i in (first, second))
    b[: count // 10] = random.uniform(0.02, 0.6, (count // 10, 3))
    return ColourSamples(first, second, np.maximum(a, 1e-3), np.maximum(b, 1e-3))


def injected(count: int, seed: int = 4) -> Array:
    gains = np.exp2(np.random.default_rng(seed).uniform(-0.7, 0.7, (count, 3)))
    return np.asarray(gains / np.exp(np.log(gains).mean(axis=0)))


def test_injected_gains_are_found() -> None:
    gains = injected(8)
    chain = [pair(i, i + 1, gains, np.zeros((8, 3)), i) for i in range(7)]
    closed = [*chain, pair(7, 0, gains, np.zeros((8, 3)), 9), pair(2, 6, gains, np.zeros((8, 3)), 10)]
    found, offsets = balance(closed, 8)
    np.testing.assert_allclose(np.log2(found / gains), 0, atol=0.03)
    np.testing.assert_allclose(np.log(found).mean(axis=0), 0, atol=1e-12)
    assert np.abs(offsets).max() < 0.002


def test_injected_offsets_are_found_as_well() -> None:
    # Much black is needed for that; without, an offset stays near 0.
    gains, offsets = injected(3), np.array([[0.004] * 3, [0.0] * 3, [-0.004] * 3])
    found = balance([pair(i, j, gains, offsets, i, 0.005) for i, j in ((0, 1), (1, 2), (0, 2))], 3)[1]
    assert (np.abs(found[0] - found[2] - 0.008) < 0.004).all()


def test_views_in_no_pair_stay_and_groups_are_apart() -> None:
    gains = injected(6)
    nothing = np.zeros((6, 3))
    found, _ = balance([pair(0, 1, gains, nothing, 1), pair(3, 4, gains, nothing, 2)], 6)
    assert (found[[2, 5]] == 1).all()
    for i, j in ((0, 1), (3, 4)):
        np.testing.assert_allclose(found[i] * found[j], 1, atol=1e-9)
        np.testing.assert_allclose(np.log2(found[i] / found[j] / (gains[i] / gains[j])), 0, atol=0.03)


def wall(places: tuple[float, ...] = (-0.6, -0.3, 0.0, 0.3, 0.6), size: int = 240) -> Capture:
    """A textured wall without lights, seen by a row of cameras."""
    views = []
    for index, x in enumerate(places):
        camera = look_at((x, 0.1 * (index % 2), 0.0), (0.0, 0.0, 5.0), size, size, 1.1 * size)
        picture = colours_at(camera, cast(camera, box=False)).astype(np.float32)
        views.append(View(f"camera {index}", camera, picture))
    return Capture(tuple(views))


def test_exposures_of_pictures_are_found() -> None:
    capture, gains = wall(), injected(5)
    views = [
        replace(view, image=exposed(np.asarray(view.image), 1 / gain, None))
        for view, gain in zip(capture, gains, strict=True)
    ]
    found = even_out(Capture(tuple(views)), Photographs())
    assert found.after < 0.05 < 0.3 < found.before and found.groups == (5,) and not found.warnings
    corrections = [camera.correction for camera in found.cameras]
    got = np.array([correction.gain for correction in corrections if correction is not None])
    np.testing.assert_allclose(np.log2(got / gains), 0, atol=0.04)
    # A correction that is there already does not count, so that evening out twice is evening out once.
    again = even_out(found.applied_to(Capture(tuple(views))), Photographs())
    assert again == found


def test_masked_and_clipped_pixels_are_left_out() -> None:
    capture = wall((0.0, 0.3))
    right = np.zeros((240, 240), np.float32)
    right[:, 80:] = 1
    red = np.asarray(capture.views[0].image).copy()
    red[:, :80] = red[:, :80] * [1.0, 0.2, 0.2]  # a passer-by
    bright = exposed(red, np.full(3, 1.6), None)
    capture = Capture((replace(capture.views[0], image=bright, mask=right), capture.views[1]))
    (samples,) = colour_samples(capture, Photographs())
    assert len(samples) >= 8 and samples.a.max() < to_linear(np.float32(BRIGHTEST))
    np.testing.assert_allclose(np.median(samples.a / samples.b, axis=0), 1.6, rtol=0.05)
    nothing = replace(capture.views[0], mask=np.zeros_like(right))
    with pytest.raises(CaptureError, match="cannot be evened out"):
        even_out(Capture((nothing, capture.views[1])), Photographs())


def test_a_camera_that_looks_elsewhere_is_named() -> None:
    capture = wall()
    blank = replace(capture.views[2], image=np.full((240, 240, 3), 0.5, np.float32))
    found = even_out(replace(capture, views=(*capture.views[:2], blank, *capture.views[3:])), Photographs())
    assert found.cameras[2].correction is None and "'camera 2' is left as before" in found.warnings[0]
    record = found.to_json()
    assert record["cameras"][2]["correction"] is None and len(record["cameras"][0]["correction"]["gain"]) == 3


def test_pairs_are_of_cameras_that_look_the_same_way_from_other_places() -> None:
    cameras = [look_at((x, 0.0, 0.0), (x, 0.0, 5.0)) for x in (0.0, 0.0, 0.1, 0.2, 3.0)]
    cameras.append(look_at((0.1, 0.0, 0.0), (0.1, 0.0, -5.0)))
    pairs = overlapping_pairs(cameras, 2)
    assert (0, 1) not in pairs and all(5 not in each for each in pairs)
    assert {(0, 2), (1, 2), (2, 3), (3, 4)} <= set(pairs)
    assert all(first < second for first, second in pairs) and all(a < b for a, b in pairwise(pairs))


def test_the_command_prints_and_writes_what_it_finds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "images").mkdir()
    views = []
    for index, view in enumerate(wall((0.0, 0.3, 0.6))):
        picture = exposed(np.asarray(view.image), np.full(3, 2.0 ** (0.4 * index)), None)
        path = tmp_path / "images" / f"{index}.png"
        write_picture(path, picture, bits=8)
        views.append(replace(view, image=path))
    write_transforms(Capture(tuple(views)), tmp_path / "transforms.json")
    before = path.read_bytes()
    assert main(["even-out", str(tmp_path), "--json", str(tmp_path / "report.json")]) == 0
    told = capsys.readouterr().out
    assert "+0.4" in told and "-0.4" in told and "3 of 3 cameras evened out" in told
    stops = [camera["stops"] for camera in json.loads((tmp_path / "report.json").read_text())["cameras"]]
    np.testing.assert_allclose(stops, [0.4, 0.0, -0.4], atol=0.06)
    assert path.read_bytes() == before


def test_quality_after_evening_out_is_that_of_the_unchanged_capture(one_thread: None) -> None:
    capture = small(read_capture(STILL_LIFE), 320)
    held_out = tuple(sorted(view.name for view in capture))[3:12:6]
    assert disturbed(capture, held_out, 1)[held_out[0]] is capture[held_out[0]]
    found = measure(capture, held_out, Options(method="plane-sweep"), 1)
    assert found.changed < found.unchanged - 0.5
    assert found.evened > found.unchanged - 0.3
