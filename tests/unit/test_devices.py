"""Devices as torch and NVIDIA's own tool tell of them."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from inference import devices


@pytest.fixture
def graphics_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """What torch says where there is one."""
    told = SimpleNamespace(name="NVIDIA X", total_memory=24 * 10**9, major=8, minor=9)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: told)


def tool(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a program in the place of NVIDIA's."""
    path = folder / "nvidia-smi"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_a_graphics_card_comes_first_with_its_driver(
    graphics_card: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool(tmp_path, monkeypatch, "echo 570.86.10; echo 570.86.10")
    found = devices.list_devices()
    assert found[0] == devices.Device("cuda", "NVIDIA X", 24 * 10**9, "8.9", "570.86.10")
    assert [device.name for device in found] == ["cuda", "cuda:1", "cpu"]
    assert found[-1].memory is None and not found[-1].driver


@pytest.mark.parametrize("script", ["echo no driver; exit 9", ""])
def test_a_driver_that_does_not_say(
    graphics_card: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    tool(tmp_path, monkeypatch, script)
    assert devices.list_devices()[0].driver == ""
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert devices.list_devices()[0].driver == ""
