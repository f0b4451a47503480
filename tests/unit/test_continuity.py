"""Pictures change little by little along a path, whatever comes and goes, and depend on nothing but their camera."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from inference import synthesis
from inference.camera import Camera
from inference.frame import Frame
from inference.planesweep.pipeline import render_draft
from inference.planesweep.sweep import SourceImages, Sweep
from inference.progress import silent
from inference.selection import relevant_sources
from inference.synthesis import Options, Session
from inference.view import Capture
from tests.unit.sweep_scenes import FAR, MIDDLE, NEAR, look_at, made_up_capture, source_images, target_camera

METHODS = pytest.mark.parametrize("method", ["plane-sweep", "convglr"])
# Two sources, as far to the left as to the right of where x is 0, and what is between them.
ENDS = ((-0.5, 0.05, 0.0), (0.5, -0.05, 0.0))
BETWEEN = ((0.02, 0.12, 0.0), (-0.2, -0.1, 0.0), (0.25, 0.0, 0.0))


def at(x: float) -> Camera:
    return look_at((x, 0.0, 0.0), MIDDLE)


def capture_of(places: tuple[tuple[float, float, float], ...], masked: bool = False) -> Capture:
    """Sources at these places; masked: one half of every other picture."""
    capture = made_up_capture([look_at(place, MIDDLE) for place in places])
    if not masked:
        return capture
    mask = np.ones((64, 72), np.float32)
    mask[:, :30] = 0.0
    views = [replace(view, mask=mask if index % 2 else None) for index, view in enumerate(capture.views)]
    return replace(capture, views=tuple(views))


def picture(capture: Capture, target: Camera, method: str, **options: Any) -> Frame:
    return Session().synthesize(capture, target, Options(method=method, device="cpu", **options))


def difference(a: Frame, b: Frame) -> float:
    """Largest mean difference of a layer, in 1/255; depth by disparity, of which the scene has a range of 0.36."""
    layers = [(a.rgb * a.alpha[..., None], b.rgb * b.alpha[..., None]), (a.alpha, b.alpha)]
    layers.append((a.alpha / a.depth / 0.36, b.alpha / b.depth / 0.36))
    return 255 * max(float(np.abs(first - second).mean()) for first, second in layers)


@METHODS
@pytest.mark.parametrize(
    ("places", "count", "masked"),
    [
        ((*BETWEEN, *ENDS), 4, False),
        ((*BETWEEN, *ENDS), 4, True),
        # Two sources at least: one that stays, and one of two.
        ((BETWEEN[0], *ENDS), 2, False),
        # All change at once.
        ((*ENDS, (-0.5, -0.05, 0.0), (0.5, 0.05, 0.0)), 2, False),
    ],
    ids=["four of five", "masks", "two of three", "two of four"],
)
def test_nothing_jumps_where_two_sources_are_equally_far(
    method: str,
    places: tuple[tuple[float, float, float], ...],
    count: int,
    masked: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    capture = capture_of(places, masked)
    before, here, after = (picture(capture, at(x), method, sources=count) for x in (-1e-4, 0.0, 1e-4))
    assert max(difference(before, here), difference(here, after)) < 0.1
    monkeypatch.setattr(synthesis, "FADING", 0.0)
    before, after = (picture(capture, at(x), method, sources=count) for x in (-1e-4, 1e-4))
    assert difference(before, after) > 0.5


@METHODS
def test_nothing_jumps_where_a_source_loses_sight(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The target turns away from what one of its sources sees, and there is no other in its place."""
    capture = capture_of((*BETWEEN, ENDS[0]))
    odd = replace(capture.views[3], camera=look_at(ENDS[0], (-2.5, 0.0, 4.0)))
    capture = replace(capture, views=(*capture.views[:3], odd))
    cameras = [view.camera for view in capture.views]

    def towards(x: float) -> Camera:
        return look_at((0.0, 0.0, 0.0), (x, 0.0, 4.0))

    seen, unseen = 0.5, 1.5
    for _ in range(12):
        middle = 0.5 * (seen + unseen)
        sees = len(relevant_sources(towards(middle), cameras, 4, NEAR, FAR)) == 4
        seen, unseen = (middle, unseen) if sees else (seen, middle)
    ends = towards(seen), towards(unseen)
    before, after = (picture(capture, target, method) for target in ends)
    assert [len(frame.metadata["sources"]) for frame in (before, after)] == [4, 3]
    assert difference(before, after) < 0.15
    monkeypatch.setattr(synthesis, "FADING", 0.0)
    before, after = (picture(capture, target, method) for target in ends)
    assert difference(before, after) > 0.5


@METHODS
@pytest.mark.parametrize("x", [-0.3, 0.0, 0.04])
def test_the_relevant_sources_make_the_same_picture(method: str, x: float) -> None:
    capture = capture_of(((0.9, 0.0, 0.0), *BETWEEN, (-0.8, 0.1, 0.0), *ENDS))
    relevant = relevant_sources(at(x), [view.camera for view in capture.views], 4, NEAR, FAR)
    assert 4 <= len(relevant) < 7
    alone = replace(capture, views=tuple(capture.views[index] for index in relevant))
    ours, whole = picture(alone, at(x), method), picture(capture, at(x), method)
    for layer in ("rgb", "alpha", "depth", "confidence"):
        assert np.array_equal(getattr(ours, layer), getattr(whole, layer)), layer


@METHODS
def test_pictures_do_not_depend_on_the_order_they_are_made_in(method: str) -> None:
    capture = capture_of((*BETWEEN, *ENDS))
    places = (-0.1, 0.0, 0.02, 0.3)
    options = Options(method=method, device="cpu")
    forwards, backwards = Session(), Session()
    first = [forwards.synthesize(capture, at(x), options) for x in places]
    second = [backwards.synthesize(capture, at(x), options) for x in reversed(places)]
    for a, b in zip(first, reversed(second), strict=True):
        assert np.array_equal(a.rgb, b.rgb) and np.array_equal(a.depth, b.depth)


def test_fewer_sources_than_asked_for_all_count_fully() -> None:
    capture = capture_of(BETWEEN)
    frame = picture(capture, at(0.0), "plane-sweep", sources=6)
    assert len(frame.metadata["sources"]) == 3
    assert not any("counts" in source["reason"] for source in frame.metadata["sources"])


def test_a_source_of_hardly_any_presence_changes_hardly_anything() -> None:
    target = target_camera()
    sources = source_images([look_at(place, MIDDLE) for place in (*BETWEEN, *ENDS)])

    def layers(count: int, last: float) -> torch.Tensor:
        presence = torch.tensor([*[1.0] * (count - 1), last])
        chosen = SourceImages(sources.cameras[:count], sources.images[:count], sources.masks[:count], presence)
        return render_draft(Sweep(target, chosen, NEAR, FAR, 16), 640, silent)

    without, hardly, fully = layers(4, 1.0), layers(5, 1e-5), layers(5, 1.0)
    assert (hardly - without)[:4].abs().mean() < 0.02 * (fully - without)[:4].abs().mean()
