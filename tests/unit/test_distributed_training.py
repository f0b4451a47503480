"""Training by several processes: with ``torchrun`` the same losses, gradients and weights as by one."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from inference.gps_gaussian.network import GPSGaussian, NetworkConfig
from tests.unit.training_runs import STEPS, UnevenBalls
from training.distributed import Ranks
from training.gps_gaussian.drawing import repeated
from training.gps_gaussian.example import Example
from training.gps_gaussian.stages import choose_parts, stage_loss
from training.sharing import Colours, Draw, numbered, own_examples, shared_out
from training.train import twice

ROOT = Path(__file__).resolve().parents[2]
CPU = torch.device("cpu")
TWO = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
# Connections to this machine alone; one core for each process, numba's threads among them.
ENVIRONMENT = {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
if sys.platform == "darwin":
    ENVIRONMENT["GLOO_SOCKET_IFNAME"] = "lo0"


def start(*arguments: str) -> subprocess.Popen[str]:
    """Start Python in a session of its own, so that all of its processes can be ended with it."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=os.environ | ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finished(process: subprocess.Popen[str]) -> str:
    """Wait for its end and return what it printed."""
    try:
        return process.communicate(timeout=120)[0]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def checkpoint(folder: Path) -> dict[str, Tensor]:
    files = folder.glob("checkpoint*.safetensors")
    return {name: value for file in files for name, value in load_file(file).items()}


def log(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.mark.skipif(sys.platform == "win32", reason="processes of one session")
@pytest.mark.parametrize("name", ["convglr", "gps-gaussian"])
def test_two_processes_learn_as_one_does(name: str, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    run = ("-m", "tests.unit.training_runs", name)
    for process in [start(*run, str(one)), start(*TWO, *run, str(two))]:
        printed = finished(process)
        assert process.returncode == 0, printed
    # The first process alone has written, and all have stopped after the same step.
    assert sorted(file.name for file in one.iterdir()) == sorted(file.name for file in two.iterdir())
    expected, found = log(one), log(two)
    assert [line["step"] for line in expected] == [line["step"] for line in found]
    assert found[-1]["step"] == STEPS
    losses = {"loss"} if name == "convglr" else {"flow", "render"}
    assert len([line for line in found if losses <= line.keys()]) == STEPS
    for before, after in zip(expected, found, strict=True):
        for key in {"loss", "flow", "render", "rate", "psnr"} & before.keys() & after.keys():
            assert after[key] == pytest.approx(before[key], rel=1e-5), (key, before["step"])
    ours, theirs = checkpoint(one), checkpoint(two)
    assert ours.keys() == theirs.keys()
    # Moments of the gradients tell more than weights, which have hardly moved.
    for kind in ("model.", "average.", ".exp_avg", ".exp_avg_sq"):
        names = [name for name in ours if name.startswith(kind) or name.endswith(kind)]
        a, b = (torch.cat([tensors[name].flatten() for name in names]) for tensors in (ours, theirs))
        assert (b - a).norm() < 1e-4 * a.norm(), kind


@pytest.mark.skipif(sys.platform == "win32", reason="processes of one session")
def test_a_batch_that_cannot_be_shared_out_is_refused_in_one_sentence(tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = start(*TWO, "-m", "training", "convglr", "--out", str(out), "--minutes", "1", "--batch", "3")
    printed = finished(process)
    assert process.returncode != 0
    assert printed.count("a batch of 3 cannot be shared out equally over 2 processes") == 1
    assert 'Traceback (most recent call last):\n  File "' + str(ROOT / "training") not in printed
    assert not out.exists()


Seen = tuple[int, tuple[int, ...] | None]


def order(kind: str) -> Iterator[tuple[Draw[Seen], Colours | None]]:
    random = np.random.default_rng(3)
    if kind == "twice":
        return twice(numbered(5), random)
    return ((draw, random.permutation(3)) for draw in repeated(numbered(5), random))


def seen_by(rank: int, count: int, kind: str, examples: int) -> tuple[list[Seen], list[int]]:
    """What one of several processes sees, and the numbers that it draws for that."""
    drawn: list[int] = []

    def draw(number: int) -> Seen:
        drawn.append(number)
        return number, None

    def recoloured(example: Seen, colours: Colours) -> Seen:
        return example[0], tuple(colours.tolist())

    stream = own_examples(order(kind), draw, recoloured, 8, Ranks(CPU, rank, count), workers=0)
    return list(itertools.islice(stream, examples)), drawn


@pytest.mark.parametrize("kind", ["twice", "repeated"])
@pytest.mark.parametrize("count", [2, 4, 8])
def test_processes_see_together_what_one_would(kind: str, count: int) -> None:
    steps = 100
    alone, drawn_alone = seen_by(0, 1, kind, 8 * steps)
    parts = [seen_by(rank, count, kind, 8 * steps // count) for rank in range(count)]
    size = 8 // count
    for step in range(steps):
        together = [one for seen, _ in parts for one in seen[step * size : (step + 1) * size]]
        assert sorted(together, key=str) == sorted(alone[step * 8 : (step + 1) * 8], key=str)
    assert len(drawn_alone) == len(set(drawn_alone))
    # Some is drawn by two processes, but each one has much less to do than alone.
    assert max(len(drawn) for _, drawn in parts) < 1.7 * len(drawn_alone) / count


def test_a_process_is_given_what_it_has_while_it_has_room() -> None:
    fresh, of_first, of_second = ([Draw[int](0, rank) for _ in range(6)] for rank in (None, 0, 1))
    assert shared_out(fresh[:6], 3) == [0, 1, 2, 0, 1, 2]
    assert shared_out([*fresh[:2], *of_second[:2]], 2) == [0, 0, 1, 1]
    assert shared_out(of_first[:4], 2) == [0, 0, 1, 1]
    assert shared_out([of_second[0], fresh[0], of_first[0], fresh[1]], 2) == [1, 0, 0, 1]


@pytest.fixture(scope="module")
def example() -> Example:
    drawn = UnevenBalls(64, None).draw(2)
    torch.set_num_threads(1)  # numba's first kernel has given it all cores
    return drawn


@pytest.mark.parametrize(
    ("stage", "parts", "guided"),
    [
        (1, ("encoder", "stereo"), False),
        (2, ("encoder", "regressor"), True),
        (2, ("regressor",), True),
        (2, ("encoder", "stereo", "regressor"), True),
    ],
)
def test_all_that_learns_gets_a_gradient(stage: int, parts: tuple[str, ...], guided: bool, example: Example) -> None:
    """A parameter that is not reached would stop several processes at their second step."""
    network = GPSGaussian(NetworkConfig(guided)).train()
    choose_parts(network, parts)
    torch.autograd.backward(torch.stack(list(stage_loss(network, example, stage, half=False).values())).sum())
    assert all((parameter.grad is not None) == parameter.requires_grad for parameter in network.parameters())
