"""Ways to tell a subject from its background that are worked out from the picture itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .errors import PictureError


@dataclass(frozen=True)
class ChromaKey:
    """The subject stands before a screen of one colour.

    Args:
        colour: The screen's sRGB colour, each channel in [0, 1].
        tolerance: How far from that colour (share of its saturation, above 0 and below 1) the screen may be.
    """

    colour: tuple[float, float, float]
    tolerance: float = 0.4

    def __post_init__(self) -> None:
        values = np.asarray(self.colour, dtype=np.float64)
        if values.shape != (3,) or not ((values >= 0) & (values <= 1)).all():
            raise PictureError(f"The key colour {tuple(self.colour)} is no colour; give red, green and blue in 0 to 1.")
        if not 0 < self.tolerance < 1:
            raise PictureError(f"The tolerance of a chroma key is {self.tolerance:g}; it must be between 0 and 1.")
        object.__setattr__(self, "colour", tuple(float(value) for value in values))

    def to_json(self) -> dict[str, Any]:
        """Return a record of plain values."""
        return {"chroma_key": list(self.colour), "tolerance": self.tolerance}


@dataclass(frozen=True)
class CleanPlate:
    """There is a picture of the same camera without the subject.

    Args:
        plate: The file, as large as the view's picture.
        threshold: Positive; above 1, differences must be larger to count, below 1 smaller ones do.
    """

    plate: Path
    threshold: float = 1.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.threshold) and self.threshold > 0):
            raise PictureError(f"The threshold of a clean plate is {self.threshold:g}; it must be positive.")

    def to_json(self) -> dict[str, Any]:
        """Return a record of plain values."""
        return {"clean_plate": str(self.plate), "threshold": self.threshold}


Matte = ChromaKey | CleanPlate


def matte_from_json(record: Mapping[str, Any]) -> Matte:
    """Read what ``to_json`` of either wrote.

    Raises:
        PictureError: If it is neither.
    """
    if "chroma_key" in record:
        return ChromaKey(tuple(record["chroma_key"]), float(record["tolerance"]))
    if "clean_plate" in record:
        return CleanPlate(Path(record["clean_plate"]), float(record["threshold"]))
    raise PictureError(f"A mask made from '{', '.join(record)}' is not known; use chroma_key or clean_plate.")
