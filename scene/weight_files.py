"""The weights that are there, in words, for the preferences."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from ..inference.weights import WeightsInfo, list_weights, refused_weights
from ..inference.weights.store import FOLDER
from . import backend

# For so many seconds the page believes what was found (seconds): hashing takes some milliseconds a file.
_BELIEVED = 10.0


@dataclass(frozen=True)
class Listed:
    """A weights file.

    Args:
        info: What it says of itself.
        place: Whose folder it is in, in words.
        path: Of the file.
        card: Of its description, ``None`` where there is none.
    """

    info: WeightsInfo
    place: str
    path: Path
    card: Path | None

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self.path.stat().st_size

    @property
    def trained_on(self) -> str:
        """What it was trained on, as its record says."""
        return str(self.info.training.get("data") or "not told")


class _Known:
    found: tuple[float, tuple[Path, ...], list[Listed], list[str]] | None = None


def weight_files() -> tuple[list[Listed], list[str]]:
    """Return the weights of all folders and a sentence for every file that is refused; at most ten seconds old."""
    folders = (("the extension", FOLDER), *backend.weights_folders())
    key = tuple(folder for _, folder in folders)
    now = time.monotonic()
    if _Known.found is None or _Known.found[1] != key or now - _Known.found[0] > _BELIEVED:
        listed: list[Listed] = []
        refused: list[str] = []
        for place, folder in folders:
            for info in list_weights(folder):
                path = folder / f"{info.name}.safetensors"
                card = path.with_suffix(".md")
                listed.append(Listed(info, place, path, card if card.is_file() else None))
            refused += refused_weights(folder)
        _Known.found = now, key, listed, refused
    return _Known.found[2], _Known.found[3]


def forget() -> None:
    """Look anew at the next question."""
    _Known.found = None
