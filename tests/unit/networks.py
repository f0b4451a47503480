"""Small ConvGLR networks and their inputs for the tests."""

from __future__ import annotations

from pathlib import Path

import torch

from inference.convglr.encodings import encode
from inference.convglr.network import ConvGLR, Encodings, NetworkConfig
from inference.planesweep.sweep import Slab, Sweep
from inference.weights import save_weights
from tests.unit.sweep_scenes import FAR, NEAR, source_cameras, source_images, target_camera

SMALL = NetworkConfig(views=3, planes=8, group=4, width=4)


def network_of(config: NetworkConfig, seed: int = 0, awake: bool = False) -> ConvGLR:
    """A network with random weights; awake: also in the layers that start at zero, as after some training."""
    torch.manual_seed(seed)
    network = ConvGLR(config).eval()
    if awake:
        with torch.no_grad():
            for parameter in network.parameters():
                if not parameter.any():
                    parameter.normal_(0, 0.03)
    return network


def save_network(folder: Path, network: ConvGLR, name: str = "small") -> Path:
    """Write a network's weights file as training does."""
    path = folder / f"{name}.safetensors"
    save_weights(path, network.state_dict(), "convglr", network.config.to_json(), {"data": "none"})
    return path


def sweep_for(config: NetworkConfig, width: int = 48, height: int = 40, sources: int | None = None) -> Sweep:
    """The sweep of the made-up scene with as many planes and views as a network takes."""
    images = source_images(source_cameras(sources or config.views))
    return Sweep(target_camera(width, height, 50.0), images, NEAR, FAR, config.planes, config.views)


def inputs_for(config: NetworkConfig, sources: int | None = None) -> tuple[Sweep, Slab, Encodings]:
    """One tile with the whole of the target, and its encodings."""
    sweep = sweep_for(config, sources=sources)
    slab = next(sweep.slabs(640))
    groups = config.planes // config.group
    return sweep, slab, encode(slab.geometry, slab.interval, groups, sweep.pixels_per_disparity, config.planes)
