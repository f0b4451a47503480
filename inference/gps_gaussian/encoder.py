"""Residual blocks, and the encoder that image and depth have in common. Names are those of the official weights."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


def group_norm(channels: int) -> nn.GroupNorm:
    """Return a normalisation over groups of eight channels."""
    return nn.GroupNorm(channels // 8, channels)


class ResidualBlock(nn.Module):
    """ReLU(skip + ReLU(GN(conv(ReLU(GN(conv(x))))))): the branch passes a ReLU before the sum, too."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1)
        self.norm1 = group_norm(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1)
        self.norm2 = group_norm(outputs)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride), group_norm(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, outputs, h / stride, w / stride) of (N, inputs, h, w)."""
        y = functional.relu(self.norm1(self.conv1(x)))
        y = functional.relu(self.norm2(self.conv2(y)))
        return functional.relu(self.downsample(x) + y)


class Encoder(nn.Module):
    """Features at a half, a quarter and an eighth of the resolution."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        # The stem's groups are of four channels, unlike all others.
        self.in_ds = nn.Sequential(nn.Conv2d(inputs, 32, 5, 2, 2), nn.GroupNorm(8, 32), nn.ReLU())
        self.res1 = nn.Sequential(ResidualBlock(32, 32), ResidualBlock(32, 32))
        self.res2 = nn.Sequential(ResidualBlock(32, 48, 2), ResidualBlock(48, 48))
        self.res3 = nn.Sequential(ResidualBlock(48, 96, 2), ResidualBlock(96, 96))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return (N, 32, H / 2, W / 2), (N, 48, H / 4, W / 4) and (N, 96, H / 8, W / 8) of (N, inputs, H, W)."""
        half = self.res1(self.in_ds(x))
        quarter = self.res2(half)
        return half, quarter, self.res3(quarter)
