"""Reading and writing weights files. What a file says of itself is read without torch, in Blender too."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor

FOLDER = Path(__file__).parent
# An environment variable with further folders, as PATH has them.
FOLDERS_VARIABLE = "SIGHTLINE_WEIGHTS"
SUFFIX = ".safetensors"
# What other programs save networks as: pickles mostly, which may run anything when they are read.
_OTHER_SUFFIXES = frozenset({".pt", ".pth", ".ckpt", ".bin", ".pkl", ".pickle", ".onnx", ".h5", ".npz", ".gguf"})
FORMAT = "sightline-weights-1"
# The weights that each network has where none are named.
DEFAULTS = {"convglr": "convglr-guided", "gps-gaussian": "gps-gaussian"}


@dataclass(frozen=True)
class WeightsInfo:
    """What a weights file says of itself.

    Args:
        name: File name without its ending.
        hash: First 16 hexadecimal digits of the file's SHA-256.
        network: The network it is for, such as ``convglr``.
        configuration: Of that network.
        training: Record of how it came to be.
        licence: Of the weights.
    """

    name: str
    hash: str
    network: str
    configuration: dict[str, Any]
    training: dict[str, Any]
    licence: str


@dataclass(frozen=True)
class Weights:
    """A weights file in memory."""

    info: WeightsInfo
    tensors: dict[str, Tensor] = field(repr=False)


def load_weights(source: str | Path, network: str) -> Weights:
    """Read weights by the name of a file that comes with Sightline, or by path (with a folder or its ending).

    Raises:
        WeightsError: If the file is missing, damaged, not safetensors, not Sightline's, or for another network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    path = _path(source)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(
            f"The weights '{path}' cannot be read ({error.strerror}); choose another file or install Sightline again."
        ) from None
    try:
        tensors = load(content)
    except SafetensorError:
        raise WeightsError(
            f"The weights '{path}' are damaged or not a safetensors file; "
            "install Sightline again or choose another file."
        ) from None
    if not all(tensor.isfinite().all() for tensor in tensors.values()):
        raise WeightsError(
            f"The weights '{path}' are damaged (a value is no number); install Sightline again or choose another file."
        )
    info = _info(path, content)
    if info.network != network:
        raise WeightsError(f"The weights '{path}' are for '{info.network}', not for '{network}'; choose another file.")
    return Weights(info, tensors)


def weights_folders() -> list[Path]:
    """Return where weights are looked for by name: the extension, then what :data:`FOLDERS_VARIABLE` names.

    The first folder that has a name counts.
    """
    named = os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep)
    return [FOLDER, *(Path(folder) for folder in named if folder)]


def list_weights(*folders: Path) -> list[WeightsInfo]:
    """Return what the readable weights files of folders (by default of all) say of themselves, sorted by name."""
    found: dict[str, WeightsInfo] = {}
    for folder in folders or weights_folders():
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            try:
                found.setdefault(path.stem, _info(path, path.read_bytes()))
            except (WeightsError, OSError):
                continue  # a file of something else; refused_weights says why
    return [found[name] for name in sorted(found)]


def refused_weights(folder: Path) -> list[str]:
    """Return a sentence for every file of a folder that looks like weights and cannot be used."""
    sentences = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        try:
            if path.suffix in _OTHER_SUFFIXES:
                raise WeightsError(
                    f"'{path.name}' is not read: only safetensors files are, which hold numbers alone; the authors' "
                    "checkpoints are turned into one by 'python -m inference convert-weights'."
                )
            if path.suffix == SUFFIX:
                _info(path, path.read_bytes())
        except WeightsError as error:
            sentences.append(str(error))
        except OSError as error:
            sentences.append(f"'{path.name}' cannot be read ({error.strerror}).")
    return sentences


def save_weights(
    path: Path,
    tensors: Mapping[str, Tensor],
    network: str,
    configuration: Mapping[str, Any],
    training: Mapping[str, Any],
    licence: str = "GPL-3.0-or-later",
) -> None:
    """Write weights with their configuration and training record in the header; half precision, whole or not at all."""
    from safetensors.torch import save_file

    metadata = {
        "format": FORMAT,
        "network": network,
        "configuration": json.dumps(dict(configuration)),
        "training": json.dumps(dict(training)),
        "licence": licence,
    }
    aside = path.with_suffix(".partial")
    halves = {name: tensor.detach().cpu().half().contiguous() for name, tensor in tensors.items()}
    save_file(halves, aside, metadata=metadata)
    aside.replace(path)


def _path(source: str | Path) -> Path:
    path = Path(source)
    if path.suffix == SUFFIX or len(path.parts) > 1:
        return path
    places = [folder / f"{source}{SUFFIX}" for folder in weights_folders()]
    return next((place for place in places if place.is_file()), places[0])


def _info(path: Path, content: bytes) -> WeightsInfo:
    """Read the header: eight bytes of length, then JSON (the safetensors format)."""
    try:
        length = int.from_bytes(content[:8], "little")
        metadata = json.loads(content[8 : 8 + length])["__metadata__"]
        if metadata["format"] != FORMAT:
            raise KeyError("format")
        return WeightsInfo(
            name=path.stem,
            hash=hashlib.sha256(content).hexdigest()[:16],
            network=metadata["network"],
            configuration=json.loads(metadata["configuration"]),
            training=json.loads(metadata["training"]),
            licence=metadata["licence"],
        )
    except (KeyError, TypeError, ValueError):
        raise WeightsError(
            f"The weights '{path}' have no record of what they are; choose a file that Sightline wrote."
        ) from None
