"""convert-weights: the official checkpoint's layout, and files that must not be trusted."""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from inference.__main__ import main
from inference.errors import WeightsError
from inference.gps_gaussian.network import GPSGaussian, NetworkConfig
from inference.gps_gaussian.official import convert_official
from inference.weights import load_weights
from tests.unit.test_gps_gaussian_network import official_tensors


def anneal(start: float, end: float, share: float) -> float:
    """A function of another module, as an old OneCycleLR's state refers to one."""
    return start + (end - start) * share


class Marks:
    """Unpickled carelessly, it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


class MarksByEval:
    """The same by way of builtins."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return eval, (f"__import__('os').mkdir({str(self.folder)!r})",)


def checkpoint(folder: Path, network: Any = None, **others: Any) -> Path:
    path = folder / "GPS-GS_stage2_final.pth"
    network = OrderedDict(official_tensors()) if network is None else network
    torch.save({"total_steps": 100000, "network": network, **others}, path)
    return path


def test_the_official_layout_is_converted(tmp_path: Path) -> None:
    parameter = torch.nn.Parameter(torch.zeros(3))
    optimizer = torch.optim.AdamW([parameter], lr=1e-4)
    parameter.sum().backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    source = checkpoint(tmp_path, optimizer=optimizer.state_dict(), scheduler={"_anneal_func": anneal, "last": 3})
    out = tmp_path / "official.safetensors"
    assert main(["convert-weights", str(source), str(out)]) == 0
    weights = load_weights(out, "gps-gaussian")
    assert weights.info.configuration == {"guided": False} and "not stated" in weights.info.licence
    network = GPSGaussian(NetworkConfig.from_json(weights.info.configuration))
    network.load_state_dict({name: tensor.float() for name, tensor in weights.tensors.items()}, strict=True)
    expected = official_tensors()["raft_stereo.update_module.update_block.gru08.convz.weight"]
    found = network.raft_stereo.update_module.update_block.gru08.convz.weight
    torch.testing.assert_close(found.detach(), expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("trap", [Marks, MarksByEval])
def test_nothing_in_the_file_is_executed(tmp_path: Path, trap: type) -> None:
    source = checkpoint(tmp_path, scheduler=trap(tmp_path / "trapped"))
    out = tmp_path / "out.safetensors"
    try:
        convert_official(source, out)
    except WeightsError as error:
        assert "not read" in str(error)
    assert not (tmp_path / "trapped").exists()


def changed(**changes: Tensor | None) -> dict[str, Tensor]:
    tensors: dict[str, Tensor | None] = {**official_tensors(), **changes}
    return {name: tensor for name, tensor in tensors.items() if tensor is not None}


@pytest.mark.parametrize(
    ("network", "told"),
    [
        (lambda: changed(**{"gs_parm_regresser.out_conv.bias": None}), "lacks 'gs_parm_regresser.out_conv.bias'"),
        (lambda: changed(extra=torch.zeros(1)), "unknown tensor 'extra'"),
        (lambda: changed(**{"gs_parm_regresser.out_conv.bias": torch.zeros(31)}), r"shape \(31,\)"),
        (lambda: changed(**{"gs_parm_regresser.out_conv.bias": torch.full((32,), torch.nan)}), "no numbers"),
        (lambda: {k: v for k, v in official_tensors().items() if not k.startswith("gs_")}, "first stage"),
        (lambda: 5, "no entry 'network'"),
    ],
)
def test_another_network_is_refused_by_name(tmp_path: Path, network: Any, told: str) -> None:
    with pytest.raises(WeightsError, match=told):
        convert_official(checkpoint(tmp_path, network()), tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    source = checkpoint(tmp_path)
    whole = source.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"no zip at all", whole[:-3000]):
        source.write_bytes(content)
        with pytest.raises(WeightsError, match=r"zip format|damaged"):
            convert_official(source, tmp_path / "out.safetensors")
    with pytest.raises(WeightsError, match="cannot be read"):
        convert_official(tmp_path / "nowhere.pth", tmp_path / "out.safetensors")
    torch.save({"network": {}}, source, _use_new_zipfile_serialization=False)
    with pytest.raises(WeightsError, match="zip format"):
        convert_official(source, tmp_path / "out.safetensors")


def test_wrong_usage_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert-weights", str(tmp_path / "a.pth"), str(tmp_path / "b.pth")]) == 2
    assert ".safetensors" in capsys.readouterr().err
