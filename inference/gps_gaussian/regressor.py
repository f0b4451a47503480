"""From image, inverse depth and features to rotation, scale and opacity of every pixel's Gaussian."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from .encoder import Encoder, ResidualBlock

LARGEST_SCALE = 0.01  # metres: keeps early training from Gaussians that cover the whole picture
SHARPNESS = 100.0  # of the softplus that makes scales positive
OPAQUE = 4.0  # guided: logit of the opacity at the start
STRETCH = 2.0  # guided: scales stay within this factor's power of e of their start


@dataclass(frozen=True, eq=False)
class PixelGaussians:
    """Shape of every pixel's Gaussian.

    Args:
        rotations: (N, 4, H, W) unit quaternions wxyz, in world axes.
        scales: (N, 3, H, W) standard deviations in metres.
        opacities: (N, 1, H, W) in [0, 1].
    """

    rotations: Tensor
    scales: Tensor
    opacities: Tensor


class Regressor(nn.Module):
    """The Gaussian parameter network. Names are those of the official weights."""

    def __init__(self, guided: bool) -> None:
        super().__init__()
        self.guided = guided
        self.depth_encoder = Encoder(1)
        self.decoder3 = nn.Sequential(ResidualBlock(192, 96), ResidualBlock(96, 96))
        self.decoder2 = nn.Sequential(ResidualBlock(192, 64), ResidualBlock(64, 64))
        self.decoder1 = nn.Sequential(ResidualBlock(128, 48), ResidualBlock(48, 48))
        self.out_conv = nn.Conv2d(52, 32, 3, 1, 1)
        self.rot_head = _head(4)
        self.scale_head = _head(3)
        self.opacity_head = _head(1)

    def forward(
        self,
        image: Tensor,
        inverse_depth: Tensor,
        features: tuple[Tensor, Tensor, Tensor],
        start: tuple[Tensor, Tensor] | None = None,
    ) -> PixelGaussians:
        """Return the Gaussians of N views.

        Args:
            image: (N, 3, H, W) in [-1, 1], 0 outside the mask.
            inverse_depth: (N, 1, H, W) in 1 / m, 0 outside the mask.
            features: Of the image encoder.
            start: Rotations (N, 4, H, W) and scales (N, 3, H, W) to start from (guided configuration).
        """
        half, quarter, eighth = features
        depth_half, depth_quarter, depth_eighth = self.depth_encoder(inverse_depth)
        x = _doubled(self.decoder3(torch.cat([eighth, depth_eighth], dim=1)))
        x = _doubled(self.decoder2(torch.cat([x, quarter, depth_quarter], dim=1)))
        x = _doubled(self.decoder1(torch.cat([x, half, depth_half], dim=1)))
        x = functional.relu(self.out_conv(torch.cat([x, image, inverse_depth], dim=1)))
        rotation, scale, opacity = self.rot_head(x), self.scale_head(x), self.opacity_head(x)
        if self.guided:
            if start is None:
                raise ValueError("the guided configuration needs rotations and scales to start from")
            rotation = rotation + start[0]
            scale = start[1] * torch.exp(scale.clamp(-STRETCH, STRETCH))
            opacity = opacity + OPAQUE
        else:
            scale = functional.softplus(scale, beta=SHARPNESS).clamp(max=LARGEST_SCALE)
        return PixelGaussians(functional.normalize(rotation, dim=1), scale, torch.sigmoid(opacity))


def _head(outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(32, 32, 3, 1, 1), nn.ReLU(), nn.Conv2d(32, outputs, 1))


def _doubled(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
