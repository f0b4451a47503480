from __future__ import annotations

import torch

from inference.convglr.filling import filled_in


def test_covered_pixels_keep_their_colour() -> None:
    picture = torch.rand(3, 37, 53, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(filled_in(picture, torch.ones(37, 53)), picture, atol=1e-6)
    covered = torch.ones(37, 53)
    covered[10:20, 20:40] = 0
    kept = filled_in(picture * covered, covered)
    assert torch.allclose(kept[:, covered == 1], picture[:, covered == 1], atol=1e-6)


def test_a_gap_takes_the_colour_around_it() -> None:
    picture = torch.tensor([0.2, 0.5, 0.9])[:, None, None].expand(3, 40, 64).clone()
    covered = torch.ones(40, 64)
    covered[:, :20] = 0
    filled = filled_in(picture * covered, covered)
    assert torch.allclose(filled, picture, atol=1e-4)
    picture[:, :, 40:] = 0.0  # far from the gap: its far side does not matter near it
    assert (
        filled_in(picture * covered, covered)[:, :, 10:20] - torch.tensor([0.2, 0.5, 0.9])[:, None, None]
    ).abs().max() < 0.1


def test_nothing_covered_stays_black() -> None:
    assert filled_in(torch.zeros(3, 16, 12), torch.zeros(16, 12)).abs().max() == 0
