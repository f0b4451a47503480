"""Training: preparation, losses, checkpoints and the loop."""

from __future__ import annotations

import copy
import json
import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from inference.convglr.network import ConvGLR, NetworkConfig
from inference.convglr.pipeline import load_network
from inference.planesweep.kernels import OUTSIDE
from inference.planesweep.volume import Volume
from inference.synthesis import Options, Session
from tests.unit.networks import network_of
from tests.unit.sweep_scenes import (
    CPU,
    FAR,
    NEAR,
    cast,
    made_up_capture,
    photograph,
    psnr,
    source_cameras,
    target_camera,
)
from training import train as training
from training.checkpoint import Progress, load_checkpoint, save_checkpoint
from training.losses import depth_loss, loss, structure
from training.preparation import Example, prepare
from training.scenes import Sample
from training.train import REPLAY, Settings, _recoloured, twice

TINY = NetworkConfig(views=3, planes=8, group=4, width=4)


def made_up_sample(views: int = 3) -> Sample:
    """The made-up scene as the scenes of training come."""
    target, sources = target_camera(32, 32, 36.0), source_cameras(views, 48, 40, 50.0)
    images = [torch.from_numpy(photograph(source)).permute(2, 0, 1).contiguous() for source in sources]
    rgb = torch.from_numpy(photograph(target)).permute(2, 0, 1).contiguous()
    depth = torch.from_numpy(cast(target).astype(np.float32))
    depth[:4, :4] = math.inf
    return Sample(target, sources, rgb, images, depth, NEAR, FAR)


def example_of(config: NetworkConfig = TINY, seed: int = 1) -> Example:
    return prepare(made_up_sample(), config, np.random.default_rng(seed))


def total(model: ConvGLR, example: Example) -> Tensor:
    return loss(model(example.volume, example.encodings, example.energy, example.view_weights), example)


def step(model: ConvGLR, optimizer: torch.optim.Optimizer, example: Example) -> float:
    optimizer.zero_grad(set_to_none=True)
    value = total(model, example)
    torch.autograd.backward(value)
    optimizer.step()
    return float(value.detach())


@pytest.mark.parametrize("guided", [True, False])
def test_a_few_steps_lower_the_loss(guided: bool) -> None:
    model = network_of(NetworkConfig(3, 8, 4, 4, guided)).train()
    example = example_of(model.config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    values = [step(model, optimizer, example) for _ in range(16)]
    assert values[-1] < 0.9 * values[0]
    assert values[1] != values[0]


def test_structure_against_hand_values() -> None:
    random = torch.Generator().manual_seed(0)
    picture = torch.rand(3, 16, 16, generator=random)
    everywhere = torch.ones(16, 16)
    assert structure(picture, picture, everywhere).abs() < 1e-5
    a, b = torch.full((3, 9, 9), 0.2), torch.full((3, 9, 9), 0.8)
    # No variance, so that the luminance term alone is left.
    assert structure(a, b, torch.ones(9, 9)).item() == pytest.approx(
        1 - (2 * 0.2 * 0.8 + 1e-4) / (0.2**2 + 0.8**2 + 1e-4), abs=2e-3
    )
    window = torch.rand(3, 7, 7, generator=random)
    other = torch.rand(3, 7, 7, generator=random)
    parts = []
    for x, y in zip(window.double().numpy(), other.double().numpy(), strict=True):
        covariance = ((x - x.mean()) * (y - y.mean())).mean()
        similarity = (2 * x.mean() * y.mean() + 1e-4) * (2 * covariance + 9e-4)
        parts.append(similarity / ((x.mean() ** 2 + y.mean() ** 2 + 1e-4) * (x.var() + y.var() + 9e-4)))
    assert structure(window, other, torch.ones(7, 7)).item() == pytest.approx(1 - float(np.mean(parts)), abs=1e-4)
    assert structure(window, other, torch.full((7, 7), 0.5)).item() == pytest.approx(
        0.5 - 0.5 * float(np.mean(parts)), abs=1e-4
    )


def depth_example(truth: float) -> Example:
    """Planes at disparities 0.1, 0.2 .. 0.8 and one true disparity."""
    disparities = (torch.arange(8) + 1)[:, None, None].expand(8, 4, 4) / 10
    example = example_of()
    volume = Volume(example.volume.colours, example.volume.state, disparities)
    return replace(example, volume=volume, disparity=torch.full((4, 4), truth))


@pytest.mark.parametrize(
    ("truth", "plane", "expected"),
    [
        (0.3, 2, 0.0),  # on the plane
        (0.3, 3, -math.log(0.5)),  # a plane off: half
        (0.34, 2, 0.0),
        (0.37, 2, -math.log(0.8)),
        (0.3, 6, -math.log(1e-4)),  # far off: the floor
        (0.95, 7, 0.0),  # outside of the interval: no say
        (0.0, 0, -math.log(0.5)),
    ],
)
def test_depth_loss_against_hand_values(truth: float, plane: int, expected: float) -> None:
    attention = torch.zeros(8, 4, 4)
    attention[plane] = 1
    assert depth_loss(attention, depth_example(truth)).item() == pytest.approx(expected, abs=2e-3)


def test_even_attention_costs_what_it_misses() -> None:
    even = torch.full((8, 4, 4), 1 / 8)
    # A whole plane and half of either neighbour count.
    assert depth_loss(even, depth_example(0.4)).item() == pytest.approx(-math.log(2 / 8), abs=1e-3)


def test_loss_is_the_sum_of_its_parts() -> None:
    model, example = network_of(TINY), example_of()
    with torch.no_grad():
        output = model(example.volume, example.encodings, example.energy, example.view_weights)
        assert output.draft is not None and output.attention is not None
        half = replace(example, seen=torch.full_like(example.seen, 0.5))
        weight = 0.05 + 0.95 * half.seen
        expected = (
            (weight * (output.rgb - example.rgb).abs()).mean()
            + 0.1 * structure(output.rgb, example.rgb, weight)
            + 0.3 * (weight * (output.draft.rgb - example.rgb).abs()).mean()
            + 0.005 * depth_loss(output.attention, example)
        )
        assert torch.allclose(total(model, half), expected)


def test_examples_come_twice_with_colours_exchanged() -> None:
    examples = [replace(example_of(), disparity=torch.full((1, 1), float(number))) for number in range(REPLAY + 8)]
    turns = twice(iter(examples), np.random.default_rng(0))
    seen = [example if colours is None else _recoloured(example, colours) for example, colours in turns]
    numbers = [float(example.disparity) for example in seen]
    assert len(seen) == REPLAY + 16
    repeated = {number for number in numbers if numbers.count(number) == 2}
    assert len(repeated) == 8
    for number in repeated:
        first, second = (example for example in seen if float(example.disparity) == number)
        # The same exchange for the truth and for every source, so that they still agree.
        order = [int(torch.argmin((first.rgb - channel).abs().flatten(1).sum(dim=1))) for channel in second.rgb]
        assert torch.equal(second.rgb, first.rgb[order])
        assert torch.equal(second.volume.colours, first.volume.colours[:, :, order])


def test_preparation_is_repeatable_and_varied() -> None:
    sample = made_up_sample()
    kinds = {"narrow": 0, "whole": 0, "fewer": 0}
    widths = set()
    for seed in range(40):
        example = prepare(sample, TINY, np.random.default_rng(seed))
        assert example.volume.colours.shape == (8, 3, 3, 32, 32)
        assert torch.isfinite(example.energy).all() and torch.isfinite(example.encodings.steps).all()
        disparities = example.volume.disparities
        assert disparities.min() >= 1 / FAR - 1e-6 and disparities.max() <= 1 / NEAR + 1e-6
        assert (disparities.diff(dim=0) > 0).all()
        whole = torch.isclose(disparities[-1] - disparities[0], torch.tensor(1 / NEAR - 1 / FAR), atol=1e-6).all()
        kinds["whole" if whole else "narrow"] += 1
        if not example.view_weights.all():
            kinds["fewer"] += 1
            assert (example.volume.state[:, example.view_weights == 0] == OUTSIDE).all()
        widths.add(round(float((disparities[-1] - disparities[0]).mean()), 4))
    assert kinds["whole"] >= 2 and kinds["narrow"] >= 20 and kinds["fewer"] >= 2 and len(widths) > 5
    first, again = (prepare(sample, TINY, np.random.default_rng(7)) for _ in range(2))
    assert torch.equal(first.volume.colours, again.volume.colours) and torch.equal(first.energy, again.energy)
    assert not first.disparity[:4, :4].any() and first.disparity[10, 10] == 1 / sample.depth[10, 10]


def test_checkpoint_continues_bit_for_bit(tmp_path: Path) -> None:
    example, other = example_of(seed=1), example_of(seed=9)
    model = network_of(TINY).train()
    average = copy.deepcopy(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-4)
    for _ in range(3):
        step(model, optimizer, example)
        training.follow(average, model, 0.9)
    path = tmp_path / "checkpoint.safetensors"
    save_checkpoint(path, model, average, optimizer, Progress(3, 6, 1.5), TINY.to_json())
    resumed = network_of(TINY, seed=99).train()
    resumed_average = copy.deepcopy(resumed)
    resumed_optimizer = torch.optim.AdamW(resumed.parameters(), lr=1e-3, weight_decay=1e-4)
    progress = load_checkpoint(path, resumed, resumed_average, resumed_optimizer)
    assert vars(progress) == {"step": 3, "samples": 6, "seconds": 1.5}
    for current in (other, example):
        assert step(model, optimizer, current) == step(resumed, resumed_optimizer, current)
        training.follow(average, model, 0.9)
        training.follow(resumed_average, resumed, 0.9)
    for ours, theirs in ((model, resumed), (average, resumed_average)):
        for (name, a), b in zip(ours.named_parameters(), theirs.parameters(), strict=True):
            assert torch.equal(a, b), name
    assert [entry.name for entry in tmp_path.iterdir()] == ["checkpoint.safetensors"]


def test_rate_warms_up_and_falls() -> None:
    assert training.rate_at(1.0, 0.0, 0) == pytest.approx(0.01)
    assert training.rate_at(1.0, 0.0, 99) == pytest.approx(1.0)
    rates = [training.rate_at(1.0, share, 1000) for share in (0.0, 0.25, 0.5, 0.75, 1.0, 1.5)]
    assert rates == sorted(rates, reverse=True) and rates[-1] == pytest.approx(0.02)


def test_a_run_leaves_all_that_it_should_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop on a fixed scene: weights that the pipeline loads, a checkpoint to resume from, a log and a sheet."""
    seeds: list[int] = []

    def fixed(seed: int, *arguments: object) -> Sample:
        seeds.append(seed)
        return made_up_sample()

    monkeypatch.setattr(training, "sample_scene", fixed)
    folder = tmp_path / "run"
    settings = Settings(folder, 0.04, TINY, crop=32, batch=1, rate=2e-3, workers=0, save_minutes=0.02)
    training.train(settings)
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] >= 5 and math.isfinite(lines[-1]["psnr"]) and lines[-1]["psnr_classical"] > 15
    assert any(0 <= line.get("drawing_share", -1) <= 1 for line in lines)
    sheet = cv2.imread(str(folder / "sheet.jpg"))
    assert sheet is not None and sheet.shape == (320, 96, 3)
    network, info = load_network(folder / "weights.safetensors", CPU)
    assert (
        network.config == TINY and info.training["step"] == lines[-1]["step"] and info.training["data"] == "synthetic"
    )
    # The average has followed, for some began at zero; the matching cost is learned on its own.
    assert all(value.any() for name, value in network.named_parameters() if not name.startswith("cost."))
    cameras = source_cameras(3)
    frame = Session().synthesize(
        made_up_capture(cameras),
        target_camera(),
        Options(device="cpu", weights=str(folder / "weights.safetensors")),
    )
    assert psnr(frame.rgb, photograph(target_camera())) > 20
    # Seeds of validation are far from those of training, and a resumed run draws new ones.
    drawn = [seed for seed in seeds if seed < training.VALIDATION_SEED]
    assert len(seeds) - len(drawn) == 16 and drawn == list(range(len(drawn)))
    seeds.clear()
    resumed = Settings(folder, 0.01, TINY, str(folder / "checkpoint.safetensors"), crop=32, batch=1, workers=0)
    training.train(resumed)
    after = json.loads((folder / "log.jsonl").read_text().splitlines()[-1])
    assert after["step"] > lines[-1]["step"]
    assert min(seeds) == lines[-1]["step"]  # a sample a step, none of them again
    seeds.clear()
    fresh = Settings(tmp_path / "fresh", 0.002, TINY, str(folder / "weights.safetensors"), crop=32, batch=1, workers=0)
    training.train(fresh)
    record = load_network(tmp_path / "fresh" / "weights.safetensors", CPU)[1].training
    assert record["started_from"] == str(folder / "weights.safetensors") and min(seeds) == 0
