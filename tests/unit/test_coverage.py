"""What sources see of a target, against rays cast into a scene in closed form; and what is said of each source."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from inference.__main__ import main
from inference.camera import Camera
from inference.coverage import BACKGROUND, COLOURS, Sight, cover, coverage_picture, coverage_sentence
from inference.synthesis import Options, Session
from inference.target_report import SourceReport, report_target
from inference.view import Capture, View
from tests.unit.sweep_scenes import FAR, NEAR, Floats, cast, colours_at, look_at

STILL_LIFE = Path(__file__).resolve().parents[2] / "examples" / "still_life"
TARGET = look_at((0.0, 0.0, 0.0), (0.0, 0.0, 5.0), 144, 128, 150.0)
SOURCES = [look_at((x, 0.1, 0.0), (0.2 * x, 0.0, 5.0), 144, 128, 150.0) for x in (-1.2, -0.4, 0.5, 1.4)]


def truly_visible(source: Camera, points: Floats) -> np.ndarray:  # type: ignore[type-arg]
    """Whether the ray from a source to points (..., 3) meets nothing before; by casting its whole picture."""
    pixels, depth = source.project(points)
    inside = (pixels >= 0).all(axis=-1) & (pixels < [source.width, source.height]).all(axis=-1)
    column, row = np.clip(pixels, 0, [source.width - 1, source.height - 1]).astype(int).T
    return np.asarray(inside & (depth < cast(source)[row.T, column.T] * 1.05))


def surface() -> tuple[Floats, Floats]:
    x, y = np.meshgrid(np.arange(TARGET.width) + 0.5, np.arange(TARGET.height) + 0.5)
    depth = cast(TARGET)
    return depth, TARGET.unproject(np.stack([x, y], axis=-1), depth)


def test_what_the_box_hides_is_not_seen() -> None:
    depth, points = surface()
    found = cover(TARGET, depth, [Sight(source) for source in SOURCES])
    for index, source in enumerate(SOURCES):
        truth = truly_visible(source, points)
        assert (found.visible[index] == truth).mean() > 0.97
        seen, hidden = found.share_of(index)
        assert seen == pytest.approx(truth.mean(), abs=0.03) and hidden > 0.01
    np.testing.assert_array_equal(found.counts, found.visible.sum(axis=0))
    assert sum(found.shares) == pytest.approx(1) and found.shares[3] == pytest.approx((found.counts >= 3).mean())


def test_nobody_sees_a_surface_from_behind() -> None:
    depth, _ = surface()
    behind = look_at((0.0, 0.0, 12.0), (0.0, 0.0, 5.0), 144, 128, 150.0)
    beside = look_at((-4.0, 0.0, 2.0), (0.0, 0.0, 4.5), 144, 128, 150.0)
    found = cover(TARGET, depth, [Sight(behind), Sight(beside)])
    assert found.share_of(0)[0] < 0.02 and found.share_of(0)[1] > 0.5
    assert found.share_of(1)[0] > 0.3


def test_sparse_points_hide_what_the_target_cannot_know() -> None:
    depth, _ = surface()
    # Something close before the first source that the target does not see.
    x, y = np.meshgrid(np.linspace(0, 144, 80), np.linspace(0, 128, 80))
    curtain = SOURCES[0].unproject(np.stack([x, y], axis=-1).reshape(-1, 2), np.full(6400, 0.8))
    sights = [Sight(source) for source in SOURCES]
    bare, curtained = cover(TARGET, depth, sights), cover(TARGET, depth, sights, curtain)
    assert bare.share_of(0)[0] > 0.7 and curtained.share_of(0)[0] < 0.02
    assert curtained.share_of(0)[1] > 0.9 and curtained.share_of(2) == bare.share_of(2)


def test_what_all_sources_mask_is_background() -> None:
    depth, _ = surface()
    left = np.zeros((128, 144), np.float32)
    left[:, :72] = 1
    found = cover(TARGET, depth, [Sight(SOURCES[1], left), Sight(SOURCES[2], left)])
    assert (found.counts[:, -30:] == BACKGROUND).mean() > 0.9 and (found.counts[:, 20:30] > 0).mean() > 0.9
    assert sum(found.shares) == pytest.approx(1)
    nothing = cover(TARGET, depth, [Sight(SOURCES[1], np.zeros_like(left))])
    assert nothing.shares == (1.0, 0.0, 0.0, 0.0)


def test_the_picture_has_the_colours_of_the_legend() -> None:
    depth, _ = surface()
    found = cover(TARGET, depth, [Sight(source) for source in SOURCES])
    picture = coverage_picture(found, np.full(depth.shape, 0.5, np.float32))
    for count in range(4):
        there = np.minimum(found.counts, 3) == count
        if there.any():
            distance = np.linalg.norm(picture[there][0] - np.asarray(COLOURS), axis=-1)
            assert distance.argmin() == count
    away = look_at((0.0, 0.0, 0.0), (5.0, 0.0, -5.0))
    assert cover(away, np.full((64, 72), 4.0), [Sight(SOURCES[0])]).shares[0] == 1


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ((0.0, 0.0, 0.1, 0.9), "two sources or more"),
        ((0.0, 0.25, 0.0, 0.75), "25% by only one"),
        ((0.12, 0.08, 0.0, 0.8), "No source sees 12% of the picture, and 8% by only one"),
        ((1.0, 0.0, 0.0, 0.0), "No source sees 100% of the picture;"),
    ],
)
def test_shares_are_said_in_a_sentence(shares: tuple[float, ...], words: str) -> None:
    assert words in coverage_sentence(shares)


def views() -> list[View]:
    return [
        View(f"view {index}", source, colours_at(source, cast(source)).astype(np.float32))
        for index, source in enumerate(SOURCES)
    ]


def test_a_target_is_reported(one_thread: None) -> None:
    darker, softer, *others = views()
    darker = replace(darker, image=(np.asarray(darker.image) * 0.7).astype(np.float32))
    softer = replace(softer, image=cv2.GaussianBlur(np.asarray(softer.image), (0, 0), 3).astype(np.float32))
    capture = Capture((darker, softer, *others), depth_near=NEAR, depth_far=FAR)
    found = report_target(Session(), capture, TARGET, Options())
    assert found.picture.shape == (128, 144, 3) and found.shares[0] < 0.1 and found.shares[3] > 0.5
    assert "darker than the others" in found.sources[0].remark and "less sharp" in found.sources[1].remark
    assert found.sources[0].stops == pytest.approx(np.log2(0.7**2.3), abs=0.15)
    assert not found.sources[2].remark
    assert found.to_json()["sources"][1]["remark"] == found.sources[1].remark


def test_a_target_that_nobody_sees_is_reported_too(one_thread: None) -> None:
    away = look_at((0.0, 0.0, 0.0), (5.0, 0.0, -5.0))
    found = report_target(Session(), Capture(tuple(views()), depth_near=NEAR, depth_far=FAR), away, Options())
    assert found.shares[0] > 0.95 and "No source sees" in found.sentence


def test_remarks_name_what_speaks_against_a_source() -> None:
    assert SourceReport("a", 1.0, 0.0, None, None).remark == ""
    told = SourceReport("a", 0.5, 0.4, 0.7, 0.2).remark
    assert told == (
        "40% of the target is hidden from it or turned away, 0.7 stops brighter than the others, "
        "less sharp than the others (20% of their detail)"
    )


def test_the_command_writes_the_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str], one_thread: None) -> None:
    out = tmp_path / "coverage.png"
    arguments = ["coverage", str(STILL_LIFE), "--hold-out", "view_03", "--exclude", "view_0[5-9],view_1*"]
    assert main([*arguments, "--out", str(out)]) == 0
    assert cv2.imread(str(out)).shape[:2] == (480, 640)
    told = capsys.readouterr().out
    assert "view_02" in told and "view_03" not in told and "(orange)" in told
    assert main([*arguments, "--depth-near", "1", "--out", str(out)]) == 2
