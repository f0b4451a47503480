"""Tiles: what is swept in parts equals what is swept at once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from inference.convglr.encodings import encode
from inference.planesweep.pipeline import render_draft
from inference.planesweep.sweep import ALIGNMENT, OVERLAP, SourceImages, Sweep, Tile, blend, tiles
from inference.progress import silent
from tests.unit.sweep_scenes import FAR, NEAR, source_cameras, source_images, target_camera


@pytest.fixture(scope="module")
def sources() -> SourceImages:
    return source_images(source_cameras(3))


@pytest.mark.parametrize("side", [80, 96, 160, 640])
@pytest.mark.parametrize("width", [4, 76, 80, 84, 128, 132, 300, 1000])
def test_tiles_cover_and_overlap(width: int, side: int) -> None:
    cut = tiles(width, 40, side)
    assert cut[0].x == 0 and cut[-1].x + cut[-1].width == width
    for tile in cut:
        assert tile.width <= side and tile.x % ALIGNMENT == 0 and tile.width % ALIGNMENT == 0
        assert tile.x >= 0 and tile.x + tile.width <= width and (tile.y, tile.height) == (0, 40)
    for left, right in itertools.pairwise(cut):
        assert left.x + left.width - right.x >= OVERLAP - ALIGNMENT
    # No more tiles than are needed.
    assert len(cut) <= max(1, -(-(width - OVERLAP) // (side - OVERLAP)))


def test_blending_gives_back_what_was_cut() -> None:
    whole = torch.rand(2, 132, 200, generator=torch.Generator().manual_seed(0))

    def parts() -> Iterator[tuple[Tile, Tensor]]:
        for tile in tiles(200, 132, 96):
            yield tile, whole[:, tile.y : tile.y + tile.height, tile.x : tile.x + tile.width]

    assert torch.allclose(blend(parts(), 200, 132), whole, atol=1e-5)


def test_blending_fades_without_a_seam() -> None:
    """Tiles that disagree as much as can be leave a ramp, not a step."""
    cut = tiles(200, 64, 96)
    joined = blend(((tile, torch.full((1, 64, tile.width), float(n % 2))) for n, tile in enumerate(cut)), 200, 64)
    assert joined.min() == 0 and joined.max() == 1
    assert joined.diff(dim=2).abs().max() < 2.5 / OVERLAP


def test_nothing_to_blend_is_an_error() -> None:
    with pytest.raises(ValueError, match="no tiles"):
        blend(iter(()), 8, 8)


def test_tiles_are_crops_of_the_whole_sweep(sources: SourceImages) -> None:
    """Volume, interval and encodings exactly; the energy where its windows do not reach over the tile's border."""
    sweep = Sweep(target_camera(140, 100, 120.0), sources, NEAR, FAR, 8)
    whole = next(sweep.slabs(640))
    assert whole.tile == Tile(0, 0, 140, 100)
    slabs = list(sweep.slabs(80))
    assert len(slabs) == 6
    steps = sweep.pixels_per_disparity
    encodings = encode(whole.geometry, whole.interval, 2, steps, 8)
    for slab in slabs:
        tile = slab.tile
        window = (..., slice(tile.y, tile.y + tile.height), slice(tile.x, tile.x + tile.width))
        assert torch.equal(slab.interval.low, whole.interval.low[window])
        assert torch.allclose(slab.volume.colours, whole.volume.colours[window], atol=2e-4)
        ours = encode(slab.geometry, slab.interval, 2, steps, 8)
        for name in ("rays", "angles", "steps"):
            assert torch.allclose(getattr(ours, name), getattr(encodings, name)[window], atol=1e-5), name
        inner = (..., slice(2, -2), slice(2, -2))
        assert torch.allclose(slab.energy[inner], whole.energy[window][inner], atol=0.05)


@pytest.mark.parametrize("size", [(140, 100), (129, 81), (101, 1), (1, 97), (83, 2)])
def test_draft_in_tiles_equals_the_draft_at_once(sources: SourceImages, size: tuple[int, int]) -> None:
    """Also for sizes that are no multiples of four, and those that leave a strip of a pixel."""
    sweep = Sweep(target_camera(*size, 100.0), sources, NEAR, FAR, 8)
    calls: list[float] = []
    whole = render_draft(sweep, 640, silent)
    cut = render_draft(sweep, 80, lambda fraction, stage: calls.append(fraction))
    assert whole.shape == cut.shape == (7, size[1], size[0])
    assert torch.isfinite(whole).all() and torch.isfinite(cut).all()
    assert (whole - cut).abs().max() < 0.02
    assert (whole - cut).abs().mean() < 1e-4
    expected = len(tiles(*sweep.size, 80))
    assert len(calls) == 3 * expected and calls == sorted(calls) and calls[0] == 0 and calls[-1] < 1
    assert expected > 1
