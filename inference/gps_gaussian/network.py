"""The GPS-Gaussian network: image encoder, two-way stereo, Gaussian regressor.

From the authors' code, layer by layer, with their names, so that their weights load by name. The *guided* configuration
is ours: the stereo starts from a given flow and the Gaussians from the size of a pixel, and all corrections start at
zero, so that the untrained network already makes a picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor, nn

from .encoder import Encoder
from .regressor import Regressor
from .stereo import Stereo

# In the official file, but without effect: two recurrent units that one-level stereo never runs.
UNUSED = ("raft_stereo.update_module.update_block.gru16.", "raft_stereo.update_module.update_block.gru32.")


@dataclass(frozen=True)
class NetworkConfig:
    """What makes one GPS-Gaussian network; stored in its weights file.

    Args:
        guided: Whether it starts from classical stereo and pixel footprints (ours) or from nothing (the paper).
    """

    guided: bool = True

    def to_json(self) -> dict[str, Any]:
        """Return plain values for the header of a weights file."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> NetworkConfig:
        """Read what :meth:`to_json` wrote."""
        return cls(bool(record["guided"]))


class GPSGaussian(nn.Module):
    """The three networks; what lies between them (disparity to depth, unprojection) is :mod:`unprojection`'s."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.img_encoder = Encoder(3)
        self.raft_stereo = Stereo()
        self.gs_parm_regresser = Regressor(config.guided)
        if config.guided:
            heads = [getattr(self.gs_parm_regresser, name)[-1] for name in ("rot_head", "scale_head", "opacity_head")]
            for layer in (*heads, self.raft_stereo.update_module.update_block.flow_head.conv2):
                nn.init.zeros_(layer.weight)
                nn.init.zeros_(layer.bias)


def official_state(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the state of a :class:`GPSGaussian` from the official names: without aliases and what is never used.

    Every residual block with a projection holds its skip's normalisation twice, as ``norm3`` and ``downsample.1``.

    Raises:
        ValueError: If the two differ.
    """
    state = {}
    for name, tensor in tensors.items():
        if name.startswith(UNUSED):
            continue
        if ".norm3." in name:
            twin = tensors.get(name.replace(".norm3.", ".downsample.1."))
            if twin is None or twin.shape != tensor.shape or not bool((twin == tensor).all()):
                raise ValueError(f"'{name}' and its twin under downsample.1 differ")
            continue
        state[name] = tensor.float()
    return state
