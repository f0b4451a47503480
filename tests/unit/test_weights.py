"""Weights files: what is written is read back, and everything else is refused by name."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from inference.convglr.pipeline import load_network
from inference.errors import WeightsError
from inference.weights import (
    DEFAULTS,
    FOLDERS_VARIABLE,
    list_weights,
    load_weights,
    refused_weights,
    save_weights,
)
from inference.weights.store import FOLDER
from tests.unit.sweep_scenes import CPU

CONFIGURATION = {"views": 4, "guided": True}
TRAINING = {"steps": 12, "data": "synthetic"}


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "mine.safetensors"
    tensors = {"a": torch.linspace(-2, 2, 60).reshape(3, 4, 5), "b": torch.arange(7.0)}
    save_weights(path, tensors, "convglr", CONFIGURATION, TRAINING)
    return path


def test_round_trip(stored: Path) -> None:
    weights = load_weights(stored, "convglr")
    assert set(weights.tensors) == {"a", "b"}
    assert torch.equal(weights.tensors["a"], torch.linspace(-2, 2, 60).reshape(3, 4, 5).half())
    info = weights.info
    assert (info.name, info.network, info.licence) == ("mine", "convglr", "GPL-3.0-or-later")
    assert (info.configuration, info.training) == (CONFIGURATION, TRAINING)
    assert load_weights(str(stored), "convglr").info == info
    assert [path.name for path in stored.parent.iterdir()] == ["mine.safetensors"]  # nothing left aside


def test_hash_names_the_content(stored: Path) -> None:
    before = load_weights(stored, "convglr").info.hash
    save_weights(stored, {"a": torch.ones(3)}, "convglr", CONFIGURATION, TRAINING)
    after = load_weights(stored, "convglr").info.hash
    assert before != after and len(after) == 16


def test_failed_writing_keeps_what_was_there(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(tensors: object, path: Path, metadata: object) -> None:
        path.write_bytes(b"half of")
        raise OSError(28, "No space left on device")

    before = stored.read_bytes()
    monkeypatch.setattr("safetensors.torch.save_file", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save_weights(stored, {"a": torch.ones(3)}, "convglr", {}, {})
    assert stored.read_bytes() == before


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 60, 0.5, 0.9, -1])
def test_truncated_file_is_refused(stored: Path, length: float) -> None:
    content = stored.read_bytes()
    kept = int(len(content) * length) if 0 < length < 1 else int(length)
    stored.write_bytes(content[:kept])
    with pytest.raises(WeightsError, match=r"mine\.safetensors' are damaged"):
        load_weights(stored, "convglr")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e6])
def test_values_that_are_no_numbers_are_refused(stored: Path, value: float) -> None:
    """Also those that half precision cannot hold."""
    save_weights(stored, {"a": torch.tensor([1.0, value])}, "convglr", CONFIGURATION, TRAINING)
    with pytest.raises(WeightsError, match=r"mine\.safetensors' are damaged"):
        load_weights(stored, "convglr")


@pytest.mark.parametrize("seed", range(5))
def test_random_bytes_are_refused(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "noise.safetensors"
    path.write_bytes(np.random.default_rng(seed).bytes(3000))
    with pytest.raises(WeightsError, match=r"noise\.safetensors"):
        load_weights(path, "convglr")
    assert list_weights(tmp_path) == []


class Trap:
    """Leaves a file behind where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("name", ["trap.safetensors", "trap.pth"])
@pytest.mark.parametrize("writer", ["pickle", "torch"])
def test_pickles_are_refused_and_not_run(tmp_path: Path, name: str, writer: str) -> None:
    path, sprung = tmp_path / name, tmp_path / "sprung"
    if writer == "pickle":
        path.write_bytes(pickle.dumps(Trap(sprung)))
    else:
        torch.save({"weight": Trap(sprung)}, path)
    with pytest.raises(WeightsError, match=f"{name}' are damaged or not a safetensors file"):
        load_weights(path, "convglr")
    assert not sprung.exists()
    pickle.loads(pickle.dumps(Trap(sprung)))  # the trap works
    assert sprung.exists()


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"nowhere\.safetensors' cannot be read"):
        load_weights(tmp_path / "nowhere.safetensors", "convglr")
    with pytest.raises(WeightsError, match=r"no-such-name\.safetensors' cannot be read"):
        load_weights("no-such-name", "convglr")
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(WeightsError, match="cannot be read"):
        load_weights(tmp_path / "folder.safetensors", "convglr")


def test_weights_of_another_network_are_refused(stored: Path) -> None:
    with pytest.raises(WeightsError, match="are for 'convglr', not for 'gps-gaussian'"):
        load_weights(stored, "gps-gaussian")


RECORD = {"format": "sightline-weights-1", "network": "convglr", "configuration": "{}", "training": "{}"}


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {"format": "pt"},
        RECORD,  # no licence
        {**RECORD, "licence": "-", "configuration": "{"},
        {**RECORD, "licence": "-", "format": "sightline-weights-2"},
    ],
)
def test_safetensors_without_our_record_are_refused(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    path = tmp_path / "theirs.safetensors"
    save_file({"a": torch.ones(3)}, path, metadata=metadata)
    with pytest.raises(WeightsError, match=r"theirs\.safetensors' have no record"):
        load_weights(path, "convglr")
    assert list_weights(tmp_path) == []


def test_list_names_what_can_be_used(stored: Path) -> None:
    save_weights(stored.with_name("also.safetensors"), {"a": torch.ones(1)}, "other", {}, {})
    stored.with_name("broken.safetensors").write_bytes(b"\0" * 40)
    stored.with_name("notes.txt").write_text("no weights")
    listed = list_weights(stored.parent)
    assert [(info.name, info.network) for info in listed] == [("also", "other"), ("mine", "convglr")]
    assert listed[1] == load_weights(stored, "convglr").info


def test_shipped_weights_load_and_are_listed() -> None:
    path = FOLDER / f"{DEFAULTS['convglr']}.safetensors"
    assert path.is_file(), "the weights that the extension ships are missing"
    network, info = load_network(DEFAULTS["convglr"], CPU)
    assert network.config.guided and info.licence == "GPL-3.0-or-later" and info.training["data"] == "synthetic scenes"
    assert json.dumps(info.configuration)
    assert DEFAULTS["convglr"] in {listed.name for listed in list_weights()}
    assert all(torch.isfinite(parameter).all() for parameter in network.parameters())
    # Trained: what started at zero no longer is.
    assert all(parameter.any() for parameter in network.parameters())
    assert path.with_suffix(".md").is_file(), "the model card is missing"


def test_weights_are_found_in_named_folders(stored: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(FOLDERS_VARIABLE, os.pathsep.join([str(tmp_path / "not there"), "", str(stored.parent)]))
    assert load_weights("mine", "convglr").info.name == "mine"
    assert {"mine", DEFAULTS["convglr"]} <= {listed.name for listed in list_weights()}
    # A file with the name of one that comes with Sightline does not take its place.
    shipped = next(listed for listed in list_weights() if listed.name == DEFAULTS["convglr"])
    stored.with_name(f"{DEFAULTS['convglr']}.safetensors").write_bytes(stored.read_bytes())
    assert shipped in list_weights() and load_weights(DEFAULTS["convglr"], "convglr").info == shipped


def test_what_is_refused_says_why(stored: Path) -> None:
    folder = stored.parent
    for name in ("official.pth", "noise.safetensors", "notes.txt"):
        (folder / name).write_bytes(b"\x80\x04.")
    refused = refused_weights(folder)
    assert len(refused) == 2
    assert "noise.safetensors' have no record" in refused[0] and "'official.pth' is not read" in refused[1]
    assert refused_weights(folder / "not there") == []
