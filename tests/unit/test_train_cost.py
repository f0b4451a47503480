"""Training of the learned matching cost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from inference.convglr.learned_cost import LearnedCost
from inference.convglr.pipeline import load_network
from tests.unit.networks import SMALL, network_of, save_network
from tests.unit.sweep_scenes import CPU
from training import train_cost as training
from training.scenes import SceneConfig, sample_scene
from training.train import Settings


def test_the_true_plane_is_where_the_depth_says() -> None:
    """Of a scene without faults, the classical cost at the true plane is mostly lower than elsewhere."""
    sample = sample_scene(5, SceneConfig(views=4, crop=60, degrade=False), CPU)
    example = training.coarse_example(sample)
    inside = torch.isfinite(example.plane) & (example.plane > 0) & (example.plane < len(example.cost) - 1)
    assert inside.float().mean() > 0.2
    true = example.cost.gather(0, example.plane.round().long()[None])[0]
    assert (true[inside] < example.cost.median(dim=0).values[inside]).float().mean() > 0.75


def test_the_loss_favours_the_truth() -> None:
    sample = sample_scene(5, SceneConfig(views=4, crop=60, degrade=False), CPU)
    example = training.coarse_example(sample)
    right = LearnedCost()
    planes = torch.arange(len(example.cost))[:, None, None]
    right.corrected = lambda cues, cost: (planes - example.plane).abs().clamp(max=5.0)  # type: ignore[method-assign]
    with torch.no_grad():
        value, psnr = training.rendering_loss(LearnedCost(), example)
        best, best_psnr = training.rendering_loss(right, example)
    assert best < value and best_psnr > psnr - 0.1


def test_a_run_leaves_weights_with_a_new_cost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "VALIDATION", 1)
    start = save_network(tmp_path, network_of(SMALL, awake=True))
    settings = Settings(tmp_path / "run", 0.05, SMALL, str(start), crop=144, rate=0.01, workers=0)
    training.train_cost(settings)
    before, _ = load_network(start, CPU)
    after, info = load_network(tmp_path / "run" / "weights.safetensors", CPU)
    assert not torch.equal(after.cost.correction.weight, before.cost.correction.weight)
    assert torch.allclose(after.tree[0].join.weight, before.tree[0].join.weight)
    record = json.loads((tmp_path / "run" / "log.jsonl").read_text().splitlines()[-1])
    assert record["step"] >= 1 and record["psnr"] > 5 and info.training["cost"]["step"] == record["step"]


def test_there_must_be_something_to_resume(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="resume"):
        training.train_cost(Settings(tmp_path, 1.0, SMALL))
