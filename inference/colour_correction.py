"""What makes the photographs of several cameras agree in exposure and white balance. numpy only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import PictureError

# Luminance of linear light with the primaries of sRGB (IEC 61966-2-1).
LUMINANCE = (0.2126, 0.7152, 0.0722)


@dataclass(frozen=True)
class ColourCorrection:
    """A gain and an offset for each channel in linear light; as it stands by default, it changes nothing.

    Args:
        gain: Positive factors of red, green and blue: exposure and white balance.
        offset: What is added afterwards, with 1 as white: black level and stray light.

    Raises:
        PictureError: If a number is not finite, or a gain not positive.
    """

    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        for name in ("gain", "offset"):
            values = np.asarray(getattr(self, name), dtype=np.float64)
            if values.shape != (3,) or not np.isfinite(values).all() or (name == "gain" and (values <= 0).any()):
                raise PictureError(
                    f"The {name} {getattr(self, name)} of a colour correction is not possible; reset the exposure."
                )
            object.__setattr__(self, name, tuple(float(value) for value in values))

    @property
    def changes_nothing(self) -> bool:
        """Whether a picture stays as it is."""
        return self == ColourCorrection()

    @property
    def stops(self) -> float:
        """By how many stops a neutral surface becomes brighter."""
        return float(np.log2(np.dot(LUMINANCE, self.gain)))

    def to_json(self) -> dict[str, Any]:
        """Return a record of plain values."""
        return {"gain": list(self.gain), "offset": list(self.offset)}

    @classmethod
    def from_json(cls, record: Mapping[str, Sequence[float]]) -> ColourCorrection:
        """Read what :meth:`to_json` wrote."""
        (red, green, blue), (dark_red, dark_green, dark_blue) = record["gain"], record["offset"]
        return cls((red, green, blue), (dark_red, dark_green, dark_blue))
