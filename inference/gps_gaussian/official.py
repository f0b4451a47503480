"""The authors' published checkpoint, read without executing what is in it."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import WeightsError
from ..weights import save_weights
from .network import GPSGaussian, NetworkConfig, official_state

LICENCE = "not stated by the authors (their code is MIT); ask them before passing the weights on"


class _Inert:
    """Stands for whatever else the file names: optimiser and schedule are of no use here, and nothing is run."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


def convert_official(source: Path, out: Path) -> int:
    """Write the second-stage weights of the authors' checkpoint as a Sightline weights file, the paper's configuration.

    PyTorch's restricted unpickler reads it: it builds tensors and plain containers; every other name in the file
    becomes an object that does nothing.

    Returns:
        The number of parameters.

    Raises:
        WeightsError: If the file is no such checkpoint, is damaged, or holds code of the operating system.
    """
    network = _network_of(source)
    expected = {name: tensor.shape for name, tensor in GPSGaussian(NetworkConfig(guided=False)).state_dict().items()}
    try:
        state = official_state(network)
    except ValueError as error:
        raise WeightsError(f"{source} is not the official GPS-Gaussian checkpoint: {error}.") from None
    missing, unknown = sorted(expected.keys() - state.keys()), sorted(state.keys() - expected.keys())
    if missing or unknown:
        told = f"it lacks '{missing[0]}'" if missing else f"it has an unknown tensor '{unknown[0]}'"
        advice = "; this looks like the first stage, convert the second" if _is_first_stage(missing) else ""
        raise WeightsError(f"{source} is not the official second-stage checkpoint of GPS-Gaussian: {told}{advice}.")
    for name, shape in expected.items():
        if state[name].shape != shape:
            raise WeightsError(
                f"'{name}' of {source} has the shape {tuple(state[name].shape)}; the network needs {tuple(shape)}."
            )
        if not bool(state[name].isfinite().all()):
            raise WeightsError(f"'{name}' of {source} holds values that are no numbers; get the file again.")
    record = {"data": "the authors' training", "converted_from": source.name}
    save_weights(out, state, "gps-gaussian", NetworkConfig(guided=False).to_json(), record, LICENCE)
    return sum(tensor.numel() for tensor in state.values())


def _is_first_stage(missing: list[str]) -> bool:
    return bool(missing) and all(name.startswith("gs_parm_regresser.") for name in missing)


def _network_of(source: Path) -> dict[str, Tensor]:
    try:
        with source.open("rb") as file:
            zipped = zipfile.is_zipfile(file)
        if not zipped:
            raise WeightsError(
                f"{source} is no checkpoint in PyTorch's zip format; get the published file again, or save it with "
                "PyTorch 1.6 or newer."
            )
        unsafe = torch.serialization.get_unsafe_globals_in_checkpoint(source)
        with torch.serialization.safe_globals([(_Inert, name) for name in unsafe]):
            record = torch.load(source, map_location="cpu", weights_only=True)
    except OSError as error:
        raise WeightsError(f"{source} cannot be read ({error.strerror or error}).") from None
    except pickle.UnpicklingError:
        raise WeightsError(
            f"{source} holds more than weights and is not read, since reading it could run what is in it."
        ) from None
    except (RuntimeError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        raise WeightsError(f"{source} is damaged or cut short; get the file again.") from None
    network = record.get("network") if isinstance(record, dict) else None
    if not isinstance(network, dict) or not all(isinstance(value, Tensor) for value in network.values()):
        raise WeightsError(f"{source} has no entry 'network' with tensors; choose GPS-GS_stage2_final.pth.")
    return {str(name): tensor for name, tensor in network.items()}
