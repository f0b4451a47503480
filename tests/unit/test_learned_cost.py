"""The learned matching cost: starts as the classical one, treats sources alike, and is used by the coarse pass."""

from __future__ import annotations

import torch

from inference.convglr.learned_cost import LearnedCost
from inference.planesweep.matching import aggregate, matching_cost, matching_cues
from inference.planesweep.narrowing import coarse_pass
from inference.planesweep.volume import Volume
from tests.unit.sweep_scenes import FAR, NEAR, source_cameras, source_images, target_camera
from tests.unit.test_matching import random_volume


def awake() -> LearnedCost:
    """A cost that corrects, as after some training."""
    torch.manual_seed(0)
    cost = LearnedCost()
    with torch.no_grad():
        cost.correction.weight.normal_(0, 0.3)
    return cost


def test_untrained_it_is_the_classical_cost() -> None:
    volume = random_volume(1, planes=4)
    with torch.no_grad():
        assert torch.equal(LearnedCost()(volume), matching_cost(volume))


def test_the_order_of_few_sources_does_not_matter() -> None:
    volume, cost = random_volume(2), awake()
    order = [2, 0, 3, 1]
    other = Volume(volume.colours[:, order].contiguous(), volume.state[:, order].contiguous(), volume.disparities)
    with torch.no_grad():
        expected = cost(volume)
        torch.testing.assert_close(cost(other), expected, rtol=0, atol=2e-4)
    assert (expected - matching_cost(volume)).abs().mean() > 0.01


def test_the_coarse_pass_uses_it() -> None:
    target, sources = target_camera(90, 80, 200.0), source_images(source_cameras(3))
    cost = awake()
    with torch.inference_mode():
        coarse = coarse_pass(target, sources.cameras, sources.images, NEAR, FAR, cost)
        classical = coarse_pass(target, sources.cameras, sources.images, NEAR, FAR)
    assert coarse.costs.shape == classical.costs.shape
    assert (coarse.costs - classical.costs).abs().mean() > 0.01


def test_it_learns_which_plane_is_true() -> None:
    """Gradients reach the network through the aggregation."""
    volume, cost = random_volume(3, planes=5), awake()
    cues, classical = matching_cues(volume), matching_cost(volume)
    optimizer = torch.optim.Adam(cost.parameters(), lr=0.02)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = -torch.log_softmax(-aggregate(cost.corrected(cues, classical)) / 0.1, dim=0)[2].mean()
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]
