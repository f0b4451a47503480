"""3D Gaussians as every room speaks of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import GaussiansError

Floats = NDArray[np.float32]

SH_COUNTS = (1, 4, 9, 16)  # coefficients of spherical harmonics of degree 0 to 3
SH_ZERO = 0.28209479177387814  # the constant harmonic, 1 / (2 sqrt(pi))


@dataclass(frozen=True, eq=False)
class Gaussians:
    """A cloud of N 3D Gaussians: Kerbl et al., 3D Gaussian Splatting, SIGGRAPH 2023.

    Args:
        means: (N, 3) centres in scene units.
        quaternions: (N, 4) rotations from the Gaussian's axes to the world's, wxyz; made unit length here.
        scales: (N, 3) standard deviations along the Gaussian's axes in scene units, linear, not negative.
        opacities: (N,) in [0, 1].
        harmonics: (N, K, 3) spherical harmonics of sRGB colour, K = 1, 4, 9 or 16, in the order and the signs of the
            authors' code; a colour is 0.5 + sum of coefficients times harmonics, cut at 0 from below.
    """

    means: Floats = field(repr=False)
    quaternions: Floats = field(repr=False)
    scales: Floats = field(repr=False)
    opacities: Floats = field(repr=False)
    harmonics: Floats = field(repr=False)

    def __post_init__(self) -> None:
        count = len(self.means)
        shapes = {"means": (count, 3), "quaternions": (count, 4), "scales": (count, 3), "opacities": (count,)}
        for name in (*shapes, "harmonics"):
            values = np.ascontiguousarray(getattr(self, name), dtype=np.float32)
            object.__setattr__(self, name, values)
            if name in shapes and values.shape != shapes[name]:
                raise GaussiansError(
                    f"The {name} of {count} Gaussians have the shape {values.shape}; it must be {shapes[name]}."
                )
            if not np.isfinite(values).all():
                raise GaussiansError(
                    f"Some {name} of the Gaussians are not finite numbers; make or export the cloud again."
                )
        shape = self.harmonics.shape
        if len(shape) != 3 or shape[::2] != (count, 3) or shape[1] not in SH_COUNTS:
            raise GaussiansError(
                f"The colours of {count} Gaussians have the shape {shape}; "
                "they need 1, 4, 9 or 16 coefficients of 3 channels each."
            )
        if (self.scales < 0).any():
            raise GaussiansError("Some scales of the Gaussians are negative; they must be lengths.")
        if (self.opacities < 0).any() or (self.opacities > 1).any():
            raise GaussiansError("Some opacities of the Gaussians lie outside 0 to 1.")
        lengths = np.linalg.norm(self.quaternions, axis=1, keepdims=True)
        if (lengths < 1e-12).any():
            raise GaussiansError("Some rotations of the Gaussians are quaternions of length zero.")
        object.__setattr__(self, "quaternions", self.quaternions / lengths)

    def __len__(self) -> int:
        return len(self.means)

    @property
    def degree(self) -> int:
        """Degree of the spherical harmonics, 0 to 3."""
        return SH_COUNTS.index(self.harmonics.shape[1])

    @property
    def colours(self) -> Floats:
        """(N, 3) sRGB colours of the constant harmonic alone, the same from all sides; they may leave [0, 1]."""
        return np.asarray(0.5 + SH_ZERO * self.harmonics[:, 0], dtype=np.float32)

    @classmethod
    def coloured(
        cls, means: ArrayLike, quaternions: ArrayLike, scales: ArrayLike, opacities: ArrayLike, colours: ArrayLike
    ) -> Gaussians:
        """Return Gaussians of one sRGB colour (N, 3) in [0, 1] each, the same from all sides."""
        harmonics = (np.asarray(colours, dtype=np.float32)[:, None] - 0.5) / SH_ZERO
        arrays = (np.asarray(values, dtype=np.float32) for values in (means, quaternions, scales, opacities, harmonics))
        return cls(*arrays)

    def chosen(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> Gaussians:
        """Return those that a mask or indices choose."""
        return replace(self, **{name: getattr(self, name)[which] for name in self.__dataclass_fields__})


def joined(clouds: Sequence[Gaussians]) -> Gaussians:
    """Return one cloud of several, in their order; colours of lower degree get harmonics of zero."""
    most = max((cloud.harmonics.shape[1] for cloud in clouds), default=1)
    if not clouds:
        return Gaussians.coloured(*(np.zeros(shape) for shape in ((0, 3), (0, 4), (0, 3), (0,), (0, 3))))
    harmonics = [np.pad(cloud.harmonics, ((0, 0), (0, most - cloud.harmonics.shape[1]), (0, 0))) for cloud in clouds]
    return Gaussians(
        np.concatenate([cloud.means for cloud in clouds]),
        np.concatenate([cloud.quaternions for cloud in clouds]),
        np.concatenate([cloud.scales for cloud in clouds]),
        np.concatenate([cloud.opacities for cloud in clouds]),
        np.concatenate(harmonics),
    )
