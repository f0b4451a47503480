"""ConvGLR's network against plain convolutions with as many multiply-adds: what all around them costs."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from inference.convglr.network import ConvGLR, Encodings, NetworkConfig
from inference.planesweep.volume import Volume

from .measure import Row, compared, medians

HEIGHT, WIDTH = 384, 512
PLAIN_CHANNELS = 64
PLAIN = f"plain convolutions, {PLAIN_CHANNELS} channels"


def run() -> list[Row]:
    """Measure both configurations on a random volume of 4 views."""
    rows: list[Row] = []
    for guided in (True, False):
        rows += compare(NetworkConfig(guided=guided))
    return rows


@torch.inference_mode()
def compare(config: NetworkConfig) -> list[Row]:
    """Return the rows of one configuration; the weights are random, which changes nothing of the time."""
    torch.manual_seed(0)
    network = ConvGLR(config).eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    inputs = random_inputs(config)
    multiply_adds = count_multiply_adds(network, inputs)
    layer = nn.Conv2d(PLAIN_CHANNELS, PLAIN_CHANNELS, 3, padding=1).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    features = torch.rand(1, PLAIN_CHANNELS, HEIGHT // 4, WIDTH // 4).to(memory_format=torch.channels_last)
    times = max(1, round(multiply_adds / (9 * PLAIN_CHANNELS**2 * features.shape[2] * features.shape[3])))

    def plain() -> None:
        for _ in range(times):
            layer(features)

    name = "guided" if config.guided else "pure"
    subject = f"{name} network, {config.planes} planes, width {config.width}, {2e-9 * multiply_adds:.0f} GFLOP"
    seconds = medians({PLAIN: plain, "the network": lambda: network(*inputs)}, repeats=3)
    return compared(subject, seconds, PLAIN)


def random_inputs(config: NetworkConfig) -> tuple[Any, ...]:
    """Return a volume, its encodings, a classical energy and view weights, all random."""
    planes, views = config.planes, config.views
    volume = Volume(
        torch.rand(planes, views, 3, HEIGHT, WIDTH),
        torch.ones(planes, views, HEIGHT, WIDTH, dtype=torch.bool),
        torch.linspace(0.5, 1.5, planes)[:, None, None].expand(planes, HEIGHT, WIDTH).contiguous(),
    )
    encodings = Encodings(
        torch.rand(2, HEIGHT, WIDTH),
        torch.rand(planes // config.group, views, HEIGHT, WIDTH),
        torch.ones(HEIGHT, WIDTH),
    )
    return volume, encodings, torch.rand(planes, HEIGHT, WIDTH), torch.full((views,), 1.0 / views)


def count_multiply_adds(network: nn.Module, inputs: tuple[Any, ...]) -> int:
    """Return the multiply-adds of all convolutions in one pass."""
    counts: list[int] = []

    def count(layer: nn.Module, given: Any, made: torch.Tensor) -> None:
        assert isinstance(layer, nn.Conv2d)
        counts.append(made.numel() * layer.weight[0].numel())

    hooks = [layer.register_forward_hook(count) for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    network(*inputs)
    for hook in hooks:
        hook.remove()
    return sum(counts)
