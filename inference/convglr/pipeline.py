"""The method ``convglr``: the network on the sweep of a target."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import torch
from torch import Tensor

from ..errors import WeightsError
from ..planesweep.draft import attend
from ..planesweep.pipeline import layers_of, render_tiles
from ..planesweep.sweep import Slab, Sweep
from ..progress import Progress
from ..weights import WeightsInfo, load_weights
from .encodings import encode
from .filling import filled_in
from .network import ConvGLR, NetworkConfig


def load_network(source: str | Path, device: torch.device) -> tuple[ConvGLR, WeightsInfo]:
    """Read a network by the name or the path of its weights.

    Raises:
        WeightsError: If the file cannot be used, or its tensors do not fit the configuration in its header.
    """
    weights = load_weights(source, "convglr")
    try:
        network = ConvGLR(NetworkConfig.from_json(weights.info.configuration))
        network.load_state_dict({name: tensor.float() for name, tensor in weights.tensors.items()})
    except (KeyError, TypeError, ValueError, RuntimeError):
        raise WeightsError(
            f"The weights '{source}' do not fit the network that their header describes; choose another file."
        ) from None
    network = network.eval().to(device)
    # Convolutions on the CPU are up to 1.6 times faster in this layout.
    return network.to(memory_format=torch.channels_last), weights.info  # type: ignore[call-overload]


def render(network: ConvGLR, sweep: Sweep, side: int, progress: Progress) -> Tensor:
    """Return (7, H, W) layers of a whole target (see :func:`layers_of`); guided, what no source shows is filled in.

    In the pure configuration the paper's network gives the picture alone; alpha, depth and confidence are then those of
    the classical draft.
    """
    config = network.config

    def paint(slab: Slab, progress: Progress) -> Tensor:
        encodings = encode(
            slab.geometry, slab.interval, config.planes // config.group, sweep.pixels_per_disparity, config.planes
        )
        half = torch.autocast(slab.energy.device.type, dtype=torch.bfloat16, enabled=slab.energy.device.type == "cuda")
        with half, _told_of_layers(network, progress):
            output = network(slab.volume, encodings, slab.energy, sweep.view_weights)
        draft = output.draft
        if draft is None:
            draft = attend(slab.volume, torch.softmax(-slab.energy, dim=0), sweep.view_weights)
        return layers_of(output.rgb.float(), draft)

    layers = render_tiles(sweep, side, paint, progress)
    # In the whole picture, not in each tile: what lies around a gap may be in the next one.
    if config.guided:
        layers[:3] = filled_in(layers[:3], layers[6])
    return layers


@contextmanager
def _told_of_layers(network: ConvGLR, progress: Progress) -> Iterator[None]:
    """Tell ``progress`` before each layer that runs: a whole tile takes too long for a cancel to wait."""
    layers = [module for module in network.modules() if not any(True for _ in module.children())]
    done = count()
    hooks = [
        layer.register_forward_pre_hook(lambda *_: progress(next(done) / len(layers), "Rendering")) for layer in layers
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
