"""The network's weights file: what is written comes back, and what does not fit is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from inference.errors import WeightsError
from inference.gps_gaussian.network import GPSGaussian, NetworkConfig
from inference.gps_gaussian.weights import NAME, load_network, save_network
from inference.weights import save_weights

CPU = torch.device("cpu")


@pytest.mark.parametrize("guided", [True, False])
def test_a_network_comes_back_to_half_precision(tmp_path: Path, guided: bool) -> None:
    torch.manual_seed(0)
    network = GPSGaussian(NetworkConfig(guided))
    save_network(tmp_path / "small.safetensors", network, {"steps": 3})
    assert (tmp_path / "small.safetensors").stat().st_size < 10e6
    loaded, info = load_network(tmp_path / "small.safetensors", CPU)
    assert loaded.config == network.config
    assert info.training == {"steps": 3}
    assert not loaded.training
    for name, tensor in network.state_dict().items():
        read = loaded.state_dict()[name]
        assert read.dtype == torch.float32
        torch.testing.assert_close(read, tensor, rtol=2**-11, atol=2**-25)


def test_tensors_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    state = GPSGaussian(NetworkConfig()).state_dict()
    state.pop("gs_parm_regresser.out_conv.bias")
    save_weights(tmp_path / "short.safetensors", state, NAME, NetworkConfig().to_json(), {})
    with pytest.raises(WeightsError, match="do not fit"):
        load_network(tmp_path / "short.safetensors", CPU)
