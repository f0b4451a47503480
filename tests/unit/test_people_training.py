"""Training on people: losses, frozen parts, guards, and the loop from a folder of examples to weights and back."""

from __future__ import annotations

import copy
import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from inference.gps_gaussian.forward import pixel_gaussians
from inference.gps_gaussian.network import GPSGaussian, NetworkConfig
from inference.gps_gaussian.weights import load_network
from tests.unit.people_examples import ball_sample
from training import checkpoint
from training.checkpoint import Progress, load_checkpoint, save_checkpoint
from training.gps_gaussian.drawing import Folder, Source, repeated
from training.gps_gaussian.example import Example, join, prepare
from training.gps_gaussian.losses import flow_loss, picture_loss, render_loss
from training.gps_gaussian.stages import choose_parts, run, stage_loss
from training.gps_gaussian.storage import save_example
from training.gps_gaussian.train import Settings, _Run, _step, train
from training.sharing import drawn

SIDE = 64
CPU = torch.device("cpu")


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@dataclass(frozen=True)
class Balls(Source):
    """Balls in place of people, seen by cameras farther and farther apart."""

    def draw(self, seed: int) -> Example:
        return prepare(ball_sample(15.0 + seed % 7, (5.0,)), self.size)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def example() -> Example:
    return Balls(SIDE, None).draw(5)


@pytest.fixture
def network() -> GPSGaussian:
    torch.manual_seed(0)
    return GPSGaussian(NetworkConfig()).train()


def test_flow_loss_weighs_the_last_step_most() -> None:
    truth = torch.zeros(2, 1, 4, 4)
    valid = torch.zeros_like(truth, dtype=torch.bool)
    valid[0, 0, 0, :2] = True
    flow = torch.full_like(truth, 100.0)
    flow[0, 0, 0, :2] = torch.tensor([1.0, -3.0])
    # The specification's weights, of three errors of 2 px on average.
    assert float(flow_loss([flow] * 3, truth, valid)) == pytest.approx(2 * (0.2059 + 0.4538 + 1.0), rel=1e-4)
    assert float(flow_loss([flow, truth, truth], truth, valid)) == pytest.approx(2 * 0.2059, rel=1e-3)


def test_an_empty_mask_costs_nothing_and_is_a_number() -> None:
    flow = torch.ones(2, 1, 4, 4, requires_grad=True)
    value = flow_loss([flow], torch.zeros(2, 1, 4, 4), torch.zeros(2, 1, 4, 4, dtype=torch.bool))
    torch.autograd.backward(value)
    assert float(value.detach()) == 0.0
    assert flow.grad is not None and not flow.grad.any()


def test_picture_loss_is_absolute_difference_and_structure() -> None:
    torch.manual_seed(0)
    truth = torch.rand(3, 20, 30)
    assert float(picture_loss(truth, truth)) == pytest.approx(0.0, abs=1e-5)
    flat = torch.full_like(truth, 0.5)
    # Between pictures without structure of their own, SSIM is its brightness term.
    brightness = (2 * 0.5 * 0.7 + 0.01**2) / (0.5**2 + 0.7**2 + 0.01**2)
    expected = 0.8 * 0.2 + 0.2 * (1 - brightness)
    assert float(picture_loss(flat + 0.2, flat)) == pytest.approx(expected, rel=1e-3)


def test_skipped_work_changes_nothing(network: GPSGaussian, example: Example) -> None:
    network.eval()
    with torch.no_grad():
        whole, short = pixel_gaussians(network, example.pairs), run(network, example.pairs)
    torch.testing.assert_close(short.flows[-1], whole.flows[-1])
    torch.testing.assert_close(short.points, whole.points)
    torch.testing.assert_close(short.shapes.scales, whole.shapes.scales)


@pytest.mark.parametrize("parts", [("encoder", "regressor"), ("regressor",)])
def test_frozen_stereo_gives_the_others_their_gradient(
    network: GPSGaussian, example: Example, parts: tuple[str, ...]
) -> None:
    torch.nn.init.normal_(network.gs_parm_regresser.scale_head[-1].weight, std=0.01)
    whole = copy.deepcopy(network)
    torch.autograd.backward(render_loss(pixel_gaussians(whole.eval(), example.pairs), example))
    choose_parts(network, parts)
    losses = stage_loss(network, example, stage=2, half=False)
    assert list(losses) == ["render"]
    torch.autograd.backward(losses["render"])
    expected = dict(whole.named_parameters())
    for name, parameter in network.named_parameters():
        if name.startswith("raft_stereo") or (name.startswith("img_encoder") and "encoder" not in parts):
            assert parameter.grad is None
        elif name.startswith("gs_parm_regresser"):
            torch.testing.assert_close(parameter.grad, expected[name].grad, rtol=1e-3, atol=1e-6)
    moved = network.img_encoder.in_ds[0].weight.grad
    assert (moved is not None and bool(moved.any())) == ("encoder" in parts)


def test_first_stage_moves_flow_alone(network: GPSGaussian, example: Example) -> None:
    choose_parts(network, ("encoder", "stereo"))
    losses = stage_loss(network, example, stage=1, half=False)
    assert list(losses) == ["flow"]
    torch.autograd.backward(losses["flow"])
    assert all(parameter.grad is None for parameter in network.gs_parm_regresser.parameters())
    head = network.raft_stereo.update_module.update_block.flow_head.conv2.weight.grad
    assert head is not None and bool(head.any())


def test_half_precision_gives_nearly_the_same_gradient(network: GPSGaussian, example: Example) -> None:
    gradients = []
    for half in (False, True):
        network.zero_grad()
        torch.autograd.backward(torch.stack(list(stage_loss(network, example, 2, half).values())).sum())
        present = [parameter.grad.flatten() for parameter in network.parameters() if parameter.grad is not None]
        gradients.append(torch.cat(present))
    assert torch.nn.functional.cosine_similarity(*gradients, dim=0) > 0.99


def settings(folder: Path, **changes: object) -> Settings:
    values: dict[str, object] = {
        "minutes": 0.0,
        "stage": 2,
        "parts": ("encoder", "regressor"),
        "validation": 1,
        "workers": 0,
    }
    return Settings(folder=folder, source=Balls(SIDE, None), **{**values, **changes})  # type: ignore[arg-type]


def started(network: GPSGaussian) -> _Run:
    return _Run(network, copy.deepcopy(network).eval(), torch.optim.AdamW(network.parameters()))


def test_steps_improve_the_picture(network: GPSGaussian, example: Example, tmp_path: Path) -> None:
    choose_parts(network, ("encoder", "regressor"))
    state = started(network)
    losses = [_step(state, example, settings(tmp_path), 2e-3) for _ in range(12)]
    assert losses[0] is not None and losses[-1] is not None
    assert losses[-1]["render"] < 0.9 * losses[0]["render"]


def test_flow_learns_from_nothing_too(example: Example, tmp_path: Path) -> None:
    torch.manual_seed(0)
    state = started(GPSGaussian(NetworkConfig(guided=False)).train())
    first_stage = settings(tmp_path, stage=1, parts=("encoder", "stereo"))
    choose_parts(state.model, first_stage.parts)
    losses = [_step(state, example, first_stage, 1e-4) for _ in range(20)]
    flows = [values["flow"] for values in losses if values is not None]
    assert len(flows) == 20 and max(flows[-5:]) < 0.5 * flows[0]


def test_what_is_no_number_changes_nothing(network: GPSGaussian, example: Example, tmp_path: Path) -> None:
    broken = replace(example, pairs=replace(example.pairs, image=torch.full_like(example.pairs.image, math.nan)))
    before = copy.deepcopy(network.state_dict())
    state = started(network)
    assert _step(state, broken, settings(tmp_path), 1e-3) is None
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert _step(state, example, settings(tmp_path), 1e-3) is not None


def test_a_folder_is_read_in_rounds_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    examples = [Balls(SIDE, None).draw(seed) for seed in range(3)]
    for seed, one in enumerate(examples):
        save_example(tmp_path / f"{seed}.safetensors", one)
    offsets = [float(one.pairs.transform[0]) for one in examples]
    folder = Folder(tmp_path, 1)
    read = [float(one.pairs.transform[0]) for one in itertools.islice(drawn(folder.read, itertools.count(), 0), 9)]
    for start in (0, 3, 6):
        assert sorted(read[start : start + 3]) == sorted(offsets)
    again = itertools.islice(drawn(folder.read, itertools.count(4), workers=1), 5)
    assert [float(one.pairs.transform[0]) for one in again] == read[4:]
    with pytest.raises(ValueError, match="people-draw"):
        Folder(tmp_path / "empty", 1).read(0)


def test_drawn_examples_come_back(example: Example) -> None:
    examples = [replace(example, flow=torch.full((1,), float(n))) for n in range(200)]
    seen = [int(one.flow) for one in repeated(iter(examples), np.random.default_rng(0))]
    assert len(seen) == 400
    assert set(seen) == set(range(200))
    assert np.ptp([seen[place] - place // 2 for place in range(1, 400, 2)]) > 10


def test_loop_leaves_weights_and_goes_on(tmp_path: Path) -> None:
    for seed in range(2):
        save_example(tmp_path / f"{seed}.safetensors", Balls(SIDE, None).draw(seed))
    out = tmp_path / "run"
    train(settings(out, data=tmp_path, minutes=0.04))
    names = sorted(entry.name for entry in out.iterdir() if not entry.name.startswith("checkpoint-"))
    assert names == ["checkpoint.safetensors", "log.jsonl", "sheet.jpg", "weights.safetensors"]
    assert all(entry.stat().st_size < 16 * 2**20 for entry in out.iterdir())
    log = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert log[0]["psnr"] == log[0]["psnr_guided"] > 15
    steps = log[-1]["step"]
    assert steps > 1 and log[-1]["psnr"] != log[0]["psnr"]
    network, info = load_network(out / "weights.safetensors", CPU)
    assert network.config.guided
    assert info.training["step"] == steps and info.training["parts"] == ["encoder", "regressor"]
    train(settings(out, data=tmp_path, minutes=0.01, resume=str(out / "checkpoint.safetensors")))
    log = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    # A quick machine logs losses in between.
    judged = [entry for entry in log if "psnr" in entry]
    assert judged[-1]["step"] > steps
    # The averaged weights are those that are judged: they go on from where they were.
    assert judged[-2]["psnr"] == pytest.approx(judged[-3]["psnr"], abs=1e-3)


def test_a_checkpoint_in_parts_comes_back(network: GPSGaussian, example: Example, tmp_path: Path) -> None:
    state = started(network)
    assert _step(state, example, settings(tmp_path), 1e-3) is not None
    path = tmp_path / "checkpoint.safetensors"
    for step in (1, 2):
        save_checkpoint(path, network, state.average, state.optimizer, Progress(step, 2, 3.0), network.config.to_json())
    parts = sorted(tmp_path.iterdir())
    assert len(parts) >= 5 and all(part.stat().st_size <= checkpoint.LARGEST + 100_000 for part in parts)
    with safe_open(path, framework="pt") as file:
        assert {part.name for part in parts} == {path.name, *json.loads(file.metadata()["others"])}
    other = started(GPSGaussian(NetworkConfig()))
    assert load_checkpoint(path, other.model, other.average, other.optimizer) == Progress(2, 2, 3.0)
    for one, two in ((network, other.model), (state.average, other.average)):
        assert all(torch.equal(value, two.state_dict()[name]) for name, value in one.state_dict().items())
    moments, read = state.optimizer.state_dict()["state"], other.optimizer.state_dict()["state"]
    assert moments.keys() == read.keys()
    assert all(torch.equal(moments[n]["exp_avg_sq"], read[n]["exp_avg_sq"]) for n in moments)


def test_a_batch_learns_what_its_pairs_do(network: GPSGaussian, example: Example) -> None:
    network.eval()
    other = Balls(SIDE, None).draw(2)
    together = stage_loss(network, join([example, other], CPU), 2, half=False)["render"]
    apart = [stage_loss(network, one, 2, half=False)["render"] for one in (example, other)]
    assert float(together.detach()) == pytest.approx(float(torch.stack(apart).mean().detach()), rel=1e-5)
