"""What is wrong with a rig, its masks or its target: one clear sentence, or the right result with a warning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from inference.camera import Camera
from inference.errors import SightlineError
from inference.frame import Frame
from inference.synthesis import Options, Session
from inference.view import Capture
from tests.unit.ball_rigs import camera_at, exchanged, psnr_of, ring, view_of, well_seen
from tests.unit.people_examples import CENTRE
from tests.unit.stereo_rigs import looking_at, on_ring

OPTIONS = Options("gps-gaussian", device="cpu")
TARGET = camera_at(22.5)
EMPTY = np.zeros((168, 160), np.float32)
SMALL = {"width": 160, "height": 168, "fx": 340.0, "fy": 340.0, "cx": 80.0, "cy": 84.0}


@pytest.fixture(scope="module", autouse=True)
def fast(untrained: None) -> Iterator[None]:
    yield


@pytest.fixture(scope="module")
def capture() -> Capture:
    return ring((315, 0, 45, 90))


@pytest.fixture(scope="module")
def plain(capture: Capture) -> Frame:
    return Session().synthesize(capture, TARGET, OPTIONS)


def told(capture: Capture, target: Camera = TARGET) -> str:
    """Return the one sentence that both requests fail with."""
    with pytest.raises(SightlineError) as failed:
        Session().synthesize(capture, target, OPTIONS)
    sentence = str(failed.value)
    assert sentence.endswith(".") and "\n" not in sentence
    return sentence


@pytest.mark.parametrize(("mask", "reason"), [(EMPTY, "'at_45' is empty"), (None, "'at_45' has no mask")])
def test_a_view_without_a_subject_is_left_out_with_a_reason(mask: Any, reason: str) -> None:
    capture = exchanged(ring((315, 0, 45, 90, 22)), "at_45", mask=mask)
    frame = Session().synthesize(capture, camera_at(11), OPTIONS)
    [pair] = frame.metadata["pairs"]
    assert {pair["left"], pair["right"]} == {"at_0", "at_22"}
    [left_out] = [entry for entry in frame.metadata["skipped"] if entry["name"] == "at_45"]
    assert reason in left_out["reason"]
    [warning] = frame.metadata["warnings"]
    assert warning.startswith("Left out: 'at_45'. ") and reason in warning
    assert psnr_of(frame, well_seen(camera_at(11), [camera_at(0), camera_at(22)])) > 24.0


@pytest.mark.parametrize(
    ("mask", "sentence"),
    [
        (EMPTY, "The mask of 'at_315' is empty: nothing in it is the subject; check it or its settings."),
        (np.ones_like(EMPTY), "The mask of 'at_315' covers the whole picture, so nothing is told from the background; "
         "check it or its settings."),
        (None, "'at_315' has no mask, so the subject cannot be told from the background; give it an alpha channel, a "
         "mask image, a clean plate or a chroma key."),
    ],
    ids=["empty", "full", "none"],
)  # fmt: skip
def test_a_rig_without_usable_masks_is_refused(capture: Capture, mask: Any, sentence: str) -> None:
    masked = replace(capture, views=tuple(replace(view, mask=mask) for view in capture))
    assert told(masked) == sentence
    with pytest.raises(SightlineError) as failed:
        Session().reconstruct(masked, None, OPTIONS)
    assert str(failed.value) == sentence
    one = replace(masked, views=(capture["at_0"], *masked.views[2:]))
    assert "'at_45'" in told(one)


def test_one_view_alone_is_refused(capture: Capture) -> None:
    assert told(replace(capture, views=capture.views[:1])).startswith("One view alone cannot be turned into Gaussians")


@pytest.mark.parametrize(
    ("side", "changes"),
    [("left", {"cx": 55.0}), ("right", {"width": 110}), ("top", {"cy": 50.0}), ("bottom", {"height": 110})],
)
def test_a_subject_cut_by_the_border_is_right_where_both_see_it(
    capture: Capture, plain: Frame, side: str, changes: dict[str, Any]
) -> None:
    camera = camera_at(45, **changes)
    cut = view_of(camera, "at_45")
    frame = Session().synthesize(
        exchanged(capture, "at_45", camera=camera, image=cut.image, mask=cut.mask), TARGET, OPTIONS
    )
    [warning] = frame.metadata["warnings"]
    assert warning.startswith(f"The subject in 'at_45' is cut by the {side} border")
    seen = well_seen(TARGET, [camera_at(0), camera])
    assert 0.2 < seen.mean() < 0.4
    assert psnr_of(frame, seen) > psnr_of(plain, seen) - 1.0


def two(first: Camera, second: Camera) -> Capture:
    return Capture((view_of(first, "one"), view_of(second, "other")))


@pytest.mark.parametrize(
    ("capture", "words"),
    [
        (two(camera_at(0), camera_at(0)), "are parallel, so it cannot be told where"),
        (two(camera_at(0), on_ring(0, 26.0, 3.9, CENTRE, **SMALL)), "are parallel, so it cannot be told where"),
        (two(camera_at(0), on_ring(0, 26.0, 6.5, CENTRE, **SMALL)), "'one' and 'other' stand one behind the other"),
        (ring((0, 90, 180, 270)), "'at_0' and 'at_90' are 89° apart as seen from the subject, more than 70°"),
        (two(camera_at(0), camera_at(0.2)), "are 0.2° apart as seen from the subject, less than 0.5°"),
    ],
    ids=["same place", "in one line", "one behind the other", "too wide", "too near"],
)
def test_pairs_that_cannot_be_rectified_are_refused(capture: Capture, words: str) -> None:
    assert words in told(capture)
    with pytest.raises(SightlineError, match=words.split("'")[-1]):
        Session().reconstruct(capture, None, OPTIONS)


def test_two_cameras_at_one_place_do_not_harm_the_rest(capture: Capture, plain: Frame) -> None:
    doubled = replace(capture, views=(*capture.views, view_of(camera_at(0), "again")))
    frame = Session().synthesize(doubled, TARGET, OPTIONS)
    assert psnr_of(frame) > psnr_of(plain) - 0.5
    assert sum(pair["share"] for pair in frame.metadata["pairs"]) == pytest.approx(1.0)


def test_a_target_that_sees_nothing_is_refused(capture: Capture) -> None:
    away = looking_at(TARGET.centre, 2 * TARGET.centre - CENTRE, **SMALL)
    assert told(capture, away) == ("The target sees nothing of the subject; turn it towards what the cameras look at.")
    inside = looking_at(CENTRE, TARGET.centre, **SMALL)
    assert told(capture, inside) == "The target stands in the subject's centre; move it back."


def test_a_target_outside_the_rig_shows_what_the_nearest_pair_sees(capture: Capture) -> None:
    target = camera_at(120)
    frame = Session().synthesize(capture, target, OPTIONS)
    [pair] = frame.metadata["pairs"]
    assert (pair["left"], pair["right"]) == ("at_45", "at_90")
    assert frame.metadata["warnings"] == [
        "The target stands 30° beside the nearest pair of cameras, so parts of the person are missing or wrong; move "
        "it between two cameras."
    ]
    seen = well_seen(target, [target, camera_at(45), camera_at(90)])
    assert seen.mean() > 0.03 and psnr_of(frame, seen) > 20.0


def test_a_close_target_is_filled(capture: Capture) -> None:
    near = looking_at(CENTRE + 0.35 * (TARGET.centre - CENTRE), CENTRE, **SMALL)
    frame = Session().synthesize(capture, near, OPTIONS)
    core = np.s_[50:118, 50:110]
    assert frame.alpha[core].min() > 0.9
    assert -10 * np.log10(((frame.rgb - view_of(near, "near").image) ** 2)[core].mean()) > 20.0  # type: ignore[operator]
