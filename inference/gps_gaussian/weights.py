"""The network from its weights file, and back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..errors import WeightsError
from ..weights import WeightsInfo, load_weights, save_weights
from .network import GPSGaussian, NetworkConfig

NAME = "gps-gaussian"


def load_network(source: str | Path, device: torch.device) -> tuple[GPSGaussian, WeightsInfo]:
    """Read a network by the name or the path of its weights, in single precision and evaluation mode.

    Raises:
        WeightsError: If the file cannot be used, or its tensors do not fit the configuration in its header.
    """
    weights = load_weights(source, NAME)
    try:
        network = GPSGaussian(NetworkConfig.from_json(weights.info.configuration))
        network.load_state_dict({name: tensor.float() for name, tensor in weights.tensors.items()})
    except (KeyError, TypeError, ValueError, RuntimeError):
        raise WeightsError(
            f"The weights '{source}' do not fit the network that their header describes; choose another file."
        ) from None
    # Convolutions on the CPU are 1.6 times faster in this layout.
    laid_out = network.eval().to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return laid_out, weights.info


def save_network(path: Path, network: GPSGaussian, training: Mapping[str, Any]) -> None:
    """Write a network with the record of its training; half precision, whole or not at all."""
    save_weights(path, network.state_dict(), NAME, network.config.to_json(), training)
