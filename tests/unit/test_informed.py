"""Pairs that share a camera: what one has matched arrives at the right pixel of the other."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from inference.camera import Camera
from inference.gps_gaussian.matching import MatchedPair, informed
from inference.stereo.completion import Flow, Span
from inference.stereo.rectification import mask_outline, rectify
from tests.unit.ball_rigs import camera_at
from tests.unit.people_examples import ball

SIZE = (192, 192)
Floats = np.ndarray[Any, np.dtype[np.float32]]
GREY = np.full((SIZE[1], SIZE[0], 3), 0.5, np.float32)


def exact_pair(first: Camera, second: Camera) -> MatchedPair:
    """Two views of the ball with the flow of its surface, known from its geometry alone."""
    outlines = (mask_outline(ball(first).mask), mask_outline(ball(second).mask))
    pair = rectify(first, second, SIZE, outlines)
    pictures, masks, flows = [], [], []
    for index, (side, other) in enumerate(((pair.left, pair.right), (pair.right, pair.left))):
        truth = ball(side.camera)
        rows, columns = np.nonzero(truth.mask)
        centres = np.stack([columns + 0.5, rows + 0.5], axis=1)
        points = side.camera.unproject(centres, truth.depth[rows, columns])
        flow = np.zeros(SIZE[::-1], np.float32)
        flow[rows, columns] = other.camera.project(points)[0][:, 0] - centres[:, 0]
        pictures.append(truth.rgb)
        masks.append(truth.mask)
        span = Span(np.zeros_like(flow), float(flow.min()) - 5, float(flow.max()) + 5, index == 1, False)
        flows.append(Flow(flow, truth.mask, truth.mask > 0.5, span))
    return MatchedPair(pair, pictures, masks, (flows[0], flows[1]))


def ignorant(matched: MatchedPair) -> MatchedPair:
    """The pair as if nothing had matched, and without a picture that smoothing could follow."""
    assert matched.flows is not None
    flows = [
        replace(flow, flow=np.zeros_like(flow.flow), confidence=np.zeros_like(flow.flow)) for flow in matched.flows
    ]
    return replace(matched, flows=(flows[0], flows[1]), pictures=[GREY, GREY])


@pytest.fixture(scope="module")
def pairs() -> list[MatchedPair]:
    """Around the ring, each sharing its second camera with the next; focal lengths and heights differ."""
    cameras = [camera_at(0), camera_at(40, fx=300.0, fy=310.0, cx=70.0), camera_at(75), camera_at(110)]
    return [exact_pair(one, next_) for one, next_ in pairwise(cameras)]


def arrived(told: MatchedPair, truth: MatchedPair, index: int) -> Floats:
    """Return how wrong the flow of one view is where it has been told something, inside the ball's outline."""
    assert told.flows is not None and truth.flows is not None
    known = told.flows[index].confidence > 0
    assert known.sum() > 0.9 * truth.masks[index].sum()
    # Nearest pixels are told, and smoothing blunts the rim, where the surface turns away.
    off: Floats = np.abs(told.flows[index].flow - truth.flows[index].flow)[known]
    return off


@pytest.mark.parametrize(("mine", "other"), [(0, 1), (1, 0), (2, 1)])
def test_evidence_arrives_at_its_pixel(pairs: list[MatchedPair], mine: int, other: int) -> None:
    matched = pairs[mine]
    told = informed(ignorant(matched), [pairs[other]])
    cameras = [side.camera.centre for side in (matched.pair.left, matched.pair.right)]
    theirs = [side.camera.centre for side in (pairs[other].pair.left, pairs[other].pair.right)]
    [shared] = [index for index in (0, 1) if any(np.allclose(cameras[index], centre) for centre in theirs)]
    off = arrived(told, matched, shared)
    assert np.median(off) < 0.1 and np.quantile(off, 0.9) < 0.5
    # The camera that the other pair does not have learns nothing.
    assert told.flows is not None and not told.flows[1 - shared].confidence.any()


def test_a_shift_of_what_is_told_shifts_what_arrives(pairs: list[MatchedPair]) -> None:
    other = pairs[1]
    assert other.flows is not None
    # Half a unit nearer everywhere.
    flows = []
    for index, flow in enumerate(other.flows):
        depth = 1 / np.maximum(other.pair.inverse_depth(flow.flow.astype(np.float64), index == 1), 1e-6)
        moved = other.pair.flow(1 / (depth - 0.5), index == 1)
        flows.append(replace(flow, flow=np.where(flow.valid, moved, 0).astype(np.float32)))
    told = informed(ignorant(pairs[0]), [replace(other, flows=(flows[0], flows[1]))])
    assert told.flows is not None
    places = [index for index in (0, 1) if told.flows[index].confidence.any()]
    assert len(places) == 1
    side = (pairs[0].pair.left, pairs[0].pair.right)[places[0]]
    flow = told.flows[places[0]]
    core = slice(80, 112)
    inverse = pairs[0].pair.inverse_depth(flow.flow.astype(np.float64), places[0] == 1)[core, core]
    nearer = ball(side.camera).depth[core, core] - 1 / inverse
    # Along the other pair's axis, which is turned from this one's by less than half of 75 degrees.
    assert 0.35 < np.median(nearer) < 0.55


def test_own_matches_are_kept(pairs: list[MatchedPair]) -> None:
    wrong = pairs[1]
    assert wrong.flows is not None
    noise = tuple(replace(flow, flow=flow.flow + np.float32(20) * flow.valid) for flow in wrong.flows)
    told = informed(replace(pairs[0], pictures=[GREY, GREY]), [replace(wrong, flows=noise)])  # type: ignore[arg-type]
    assert told.flows is not None and pairs[0].flows is not None
    for mine, before in zip(told.flows, pairs[0].flows, strict=True):
        assert np.array_equal(mine.confidence, before.confidence)
        # Smoothing is all that happens to it.
        assert np.median(np.abs(mine.flow - before.flow)[before.valid]) < 0.2


def test_the_surest_of_several_is_believed(pairs: list[MatchedPair]) -> None:
    right = pairs[1]
    assert right.flows is not None
    wrong = tuple(
        replace(flow, flow=flow.flow + np.float32(9) * flow.valid, confidence=flow.confidence * np.float32(0.5))
        for flow in right.flows
    )
    doubtful = replace(right, flows=wrong)  # type: ignore[arg-type]
    for others in ([right, doubtful], [doubtful, right]):
        told = informed(ignorant(pairs[0]), others)
        assert told.flows is not None
        [shared] = [index for index in (0, 1) if told.flows[index].confidence.any()]
        assert np.median(arrived(told, pairs[0], shared)) < 0.1


def test_pairs_without_a_common_view_tell_nothing(pairs: list[MatchedPair]) -> None:
    before = ignorant(pairs[0])
    told = informed(before, [pairs[2], before])
    assert told.flows is not None and before.flows is not None
    for mine, own in zip(told.flows, before.flows, strict=True):
        assert np.array_equal(mine.flow, own.flow) and not mine.confidence.any()


@pytest.mark.parametrize("scale", [1e4, 1e-4])
def test_the_unit_of_the_scene_changes_nothing(pairs: list[MatchedPair], scale: float) -> None:
    expected = informed(ignorant(pairs[0]), [pairs[1]])
    larger = [replace(pair, pair=pair.pair.scaled(scale)) for pair in pairs]
    found = informed(ignorant(larger[0]), [larger[1]])
    assert expected.flows is not None and found.flows is not None
    for one, other in zip(expected.flows, found.flows, strict=True):
        assert np.abs(one.flow - other.flow).max() < 1e-3 and one.confidence.any() == other.confidence.any()
