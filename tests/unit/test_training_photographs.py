from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from inference.convglr.network import NetworkConfig
from training.losses import depth_loss
from training.photographs import PhotographSamples
from training.preparation import prepare
from training.scenes import SceneConfig

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "still_life"


def test_a_photograph_is_held_out_and_its_neighbours_show_the_same() -> None:
    torch.set_num_threads(1)
    samples = PhotographSamples([EXAMPLE], SceneConfig(views=3, crop=64))
    random = np.random.default_rng(1)
    for _ in range(4):
        sample = samples.draw(random)
        assert sample.rgb.shape == (3, 64, 64) and (sample.target.width, sample.target.height) == (64, 64)
        assert len(sample.images) == len(sample.sources) == 3
        distances = [float(np.linalg.norm(source.centre - sample.target.centre)) for source in sample.sources]
        # The target's own photograph is no source, and the nearest comes first.
        assert distances == sorted(distances) and distances[0] > 1e-3
        for source, image in zip(sample.sources, sample.images, strict=True):
            assert image.shape == (3, source.height, source.width)
        example = prepare(sample, NetworkConfig(3, 8, 4, 4), random)
        # Its middle plane, averaged over the views, is nearer to the truth than a flat picture of its mean colour.
        best = (example.volume.colours.mean(dim=1) - example.rgb).abs().mean(dim=1).amin(dim=0)
        flat = (example.rgb.mean(dim=(1, 2), keepdim=True) - example.rgb).abs().mean(dim=0)
        assert best.mean() < 0.5 * flat.mean() or flat.mean() < 0.02
        assert torch.isfinite(example.energy).all() and example.disparity.isnan().all()
        attention = torch.softmax(-example.energy, dim=0)
        assert depth_loss(attention, example).item() == 0.0  # unknown depth has no say


def test_the_view_that_is_kept_for_tests_is_never_drawn() -> None:
    samples = PhotographSamples([EXAMPLE], SceneConfig(views=2, crop=64))
    names = {view.name for capture in samples._captures for view in capture.views}
    assert len(names) == 13 and "view_06" not in names
