"""Flow where nothing matched: from its surroundings, and from where the visual hull touches the surface."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from inference.stereo.completion import Span, complete, refill

SIZE = (60, 90)
ROWS, COLUMNS = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32) + 0.5
Floats = np.ndarray[Any, np.dtype[np.float32]]
FLAT = np.full((*SIZE, 3), 0.5, np.float32)
EVERYWHERE = np.ones(SIZE, np.bool_)
DISC = (COLUMNS - 45) ** 2 + (ROWS - 30) ** 2 < 25**2
# A slanted plane.
PLANE = (-8 + 0.05 * COLUMNS + 0.03 * ROWS).astype(np.float32)


def span_of(hull: Floats | None = None, low: float = -15.0, high: float = 5.0, of_right: bool = False) -> Span:
    base = np.zeros(SIZE, np.float32) if hull is None else hull
    return Span(base, low, high, of_right, hull is not None)


def textured(shift: Floats | float = 0.0) -> Floats:
    """Soft waves without a period, at columns moved by ``shift``."""
    x, y = COLUMNS - shift, ROWS
    waves = [
        np.sin(0.9 * x + 0.3 * y) * np.cos(0.37 * x),
        np.sin(0.7 * x - 0.5 * y),
        np.cos(0.55 * x + 0.11 * y * y / 9),
    ]
    return (0.5 + 0.3 * np.stack(waves, axis=-1)).astype(np.float32)


def with_gap() -> tuple[Floats, Floats, Any]:
    """Return confidence that is 0 in a box, nonsense to start from there, and the box."""
    gap = (np.abs(COLUMNS - 50) < 9) & (np.abs(ROWS - 28) < 7)
    return np.where(gap, 0.0, 1.0).astype(np.float32), np.where(gap, np.float32(3.0), PLANE), gap


def test_a_gap_in_a_plane_is_filled_and_the_rest_stays() -> None:
    confidence, flow, gap = with_gap()
    # Pictures without any detail: nothing to refine by.
    found = complete(flow, confidence, EVERYWHERE, FLAT, FLAT, span_of())
    assert np.array_equal(found.confidence, confidence) and found.valid.all()
    away = (np.abs(COLUMNS - 50) > 14) | (np.abs(ROWS - 28) > 12)
    inner = away & (np.abs(COLUMNS - 45) < 41) & (np.abs(ROWS - 30) < 26)
    assert np.abs(found.flow - PLANE)[inner].max() < 0.02
    # What one view alone sees belongs to the farther side, so the plane is not gone on with exactly.
    assert np.abs(found.flow - PLANE)[gap].max() < 0.6


def test_fractions_of_a_pixel_are_found_by_the_pictures() -> None:
    truth = (-4 + 0.4 * np.sin(ROWS / 11)).astype(np.float32)
    # The other picture shows at column + flow what the own one shows at column.
    own, other = textured(), textured(truth)
    found = complete(np.round(truth), np.ones(SIZE, np.float32), EVERYWHERE, own, other, span_of())
    inner = (np.abs(COLUMNS - 48) < 36) & EVERYWHERE
    before = np.abs(np.round(truth) - truth)[inner]
    after = np.abs(found.flow - truth)[inner]
    assert before.mean() > 0.15 and after.mean() < 0.03 and np.quantile(after, 0.99) < 0.15


def test_an_edge_of_the_picture_keeps_two_surfaces_apart() -> None:
    near = np.broadcast_to(COLUMNS > 45, SIZE)
    picture = np.where(near[..., None], np.float32(0.9), np.float32(0.2)) * np.ones(3, np.float32)
    truth = np.where(near, np.float32(-12.0), np.float32(-2.0))
    confidence = (np.abs(COLUMNS - 45) > 8).astype(np.float32) * np.ones(SIZE, np.float32)
    found = complete(np.where(confidence > 0, truth, 0), confidence, EVERYWHERE, picture, FLAT, span_of())
    assert np.abs(found.flow - truth).max() < 0.1


@pytest.mark.parametrize("of_right", [False, True])
def test_what_did_not_match_beside_two_surfaces_is_of_the_farther_one(of_right: bool) -> None:
    # Left flows rise with distance, right ones fall.
    near, far = (4.0, -10.0) if of_right else (-10.0, 4.0)
    truth = np.where(COLUMNS < 30, np.float32(near), np.float32(far)) * np.ones(SIZE, np.float32)
    confidence = ((COLUMNS < 30) | (COLUMNS > 60)).astype(np.float32) * np.ones(SIZE, np.float32)
    span = span_of(low=-12.0, high=6.0, of_right=of_right)
    found = complete(np.where(confidence > 0, truth, 0), confidence, EVERYWHERE, FLAT, FLAT, span)
    middle = (np.abs(COLUMNS - 45) < 3) & EVERYWHERE
    assert np.abs(found.flow - far)[middle].mean() < 0.25 * abs(far - near)


def test_with_a_hull_it_is_near_the_hull() -> None:
    hull = (-9 + 0.02 * COLUMNS * np.ones(SIZE)).astype(np.float32)
    confidence = ((COLUMNS < 30) | (COLUMNS > 60)).astype(np.float32) * np.ones(SIZE, np.float32)
    # One surface on the hull, one far behind it.
    rest = np.where(COLUMNS < 30, np.float32(0.2), np.float32(9.0)) * np.ones(SIZE, np.float32)
    found = complete(hull + rest, confidence, EVERYWHERE, FLAT, FLAT, span_of(hull, low=-3.0, high=12.0))
    middle = (np.abs(COLUMNS - 45) < 3) & EVERYWHERE
    assert np.abs(found.flow - hull)[middle].mean() < 2.0


def test_the_hull_touches_the_surface_at_its_rim() -> None:
    hull = np.full(SIZE, -6.0, np.float32)
    middle = (COLUMNS - 45) ** 2 + (ROWS - 30) ** 2 < 12**2
    flow = np.where(middle, np.float32(-3.0), np.float32(0.0))
    found = complete(flow, middle.astype(np.float32), DISC, FLAT, FLAT, span_of(hull, low=-3.0, high=12.0))
    radius = np.hypot(COLUMNS - 45, ROWS - 30)
    rim, inner = DISC & (radius > 24), DISC & (radius < 9)
    assert np.abs(found.flow + 6.0)[rim].max() < 0.5
    assert np.abs(found.flow + 3.0)[inner].max() < 0.05
    # From one to the other without a bump.
    between = found.flow[30, 45:70]
    assert (np.diff(between) < 0.05).all()
    assert not found.flow[~DISC].any() and np.array_equal(found.valid, DISC)


def test_without_any_match_there_is_the_hull_or_the_middle_of_the_search() -> None:
    nothing = np.zeros(SIZE, np.float32)
    hull = (-6 + 0.02 * COLUMNS * np.ones(SIZE)).astype(np.float32)
    on_hull = complete(nothing, nothing, DISC, FLAT, FLAT, span_of(hull))
    assert np.array_equal(on_hull.flow, np.where(DISC, hull, 0))
    middle = complete(nothing, nothing, DISC, FLAT, FLAT, span_of())
    assert np.array_equal(middle.flow, np.where(DISC, np.float32(-5.0), 0))
    assert not on_hull.confidence.any() and not middle.confidence.any()


def test_a_part_of_the_mask_without_a_match_gets_a_flow_all_the_same() -> None:
    two = EVERYWHERE & ((COLUMNS < 30) | (COLUMNS > 60))
    confidence = np.where(COLUMNS < 30, np.float32(1.0), np.float32(0.0)) * np.ones(SIZE, np.float32)
    found = complete(np.full(SIZE, -4.0, np.float32), confidence, two, FLAT, FLAT, span_of())
    assert np.abs(found.flow + 4.0)[two].max() < 0.1 and not found.flow[~two].any()


def test_what_others_found_fills_the_gaps_and_nothing_else() -> None:
    confidence, flow, gap = with_gap()
    own = complete(flow, confidence, EVERYWHERE, FLAT, FLAT, span_of())
    told = np.where(gap, PLANE + np.float32(2.0), np.float32(100.0))
    sure = np.where(gap, np.float32(0.8), np.float32(1.0))
    filled = refill(own, told, sure, FLAT)
    inner = (np.abs(COLUMNS - 50) < 5) & (np.abs(ROWS - 28) < 3)
    assert np.abs(filled.flow - PLANE - 2.0)[inner].max() < 0.15
    far = (np.abs(COLUMNS - 50) > 14) | (np.abs(ROWS - 28) > 12)
    assert np.abs(filled.flow - own.flow)[far].max() < 0.06
    assert np.array_equal(filled.confidence, np.where(gap, np.float32(0.8), np.float32(1.0)))
    assert filled.span is own.span


def test_nothing_told_changes_next_to_nothing() -> None:
    confidence, flow, gap = with_gap()
    own = complete(flow, confidence, DISC, FLAT, FLAT, span_of())
    nothing = np.zeros(SIZE, np.float32)
    same = refill(own, nothing, nothing, FLAT)
    assert np.array_equal(same.confidence, own.confidence)
    assert np.abs(same.flow - own.flow)[DISC & ~gap].max() < 0.05
    # What is told outside of the mask counts for nothing.
    outside = refill(own, np.full(SIZE, 50.0, np.float32), np.where(DISC, np.float32(0), np.float32(1)), FLAT)
    assert np.array_equal(outside.flow, same.flow)


def test_a_view_without_a_match_takes_all_from_others() -> None:
    nothing = np.zeros(SIZE, np.float32)
    own = complete(nothing, nothing, DISC, FLAT, FLAT, span_of())
    assert refill(own, nothing, nothing, FLAT) is own
    filled = refill(own, PLANE, np.where(COLUMNS < 45, np.float32(1), np.float32(0)) * DISC, FLAT)
    assert np.abs(filled.flow - PLANE)[DISC & (COLUMNS < 40)].max() < 0.3
    assert np.array_equal(filled.valid, DISC)
