"""The ConvGLR network.

From the paper: the plane sweep volume is grouped over depth, one matching network with shared weights reduces every
group to a slice at a quarter of the resolution, a binary tree over depth with weights shared inside a level joins the
slices to one, and an upsampler makes the picture; all of it 2D convolutions and residual blocks, with positional and
angular encodings added to the volume. The paper gives neither widths nor depths nor the encodings' form: those are
ours. So is the *guided* configuration, in which the network corrects a classical draft instead of painting from
nothing: attention over the planes starts from the classical energy, and the upsampler's last level chooses among the
views' colours and adds a residual. Both corrections start at zero, and so
does that of the coarse pass's matching cost (:mod:`learned_cost`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..planesweep.draft import Draft, attend
from ..planesweep.volume import Volume
from .learned_cost import LearnedCost

VIEW_CUES = 6  # a view's colour against the draft (3), how much (1), its share (1), the depth's confidence (1)
SCALE = 4.0  # of corrections to log-probabilities, so that rates which suit convolutions move them too
ENCODING_CHANNELS = 13  # 8 of the ray's direction, 4 of the plane's place, 1 of the distance between planes


@dataclass(frozen=True)
class NetworkConfig:
    """What makes one ConvGLR network; stored in its weights file.

    Args:
        views: V, sources per target; fewer are filled up by repeating them.
        planes: D, planes of the sweep.
        group: G, planes per slice; D / G is a power of two.
        width: C; the latent has 4 C channels.
        guided: Whether the network corrects the classical draft (ours) or paints alone (the paper).
    """

    views: int = 4
    planes: int = 32
    group: int = 4
    width: int = 16
    guided: bool = True

    def __post_init__(self) -> None:
        for name, least in (("views", 2), ("planes", 2), ("group", 1), ("width", 1)):
            value = getattr(self, name)
            if not isinstance(value, int) or value < least:
                raise ValueError(f"{name} is {value!r}; it must be a whole number from {least} on")
        slices = self.planes // self.group
        if self.planes % self.group or slices & (slices - 1):
            raise ValueError(f"{self.planes} planes in groups of {self.group} do not make a power of two of slices")

    def to_json(self) -> dict[str, Any]:
        """Return plain values for the header of a weights file."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> NetworkConfig:
        """Read what :meth:`to_json` wrote."""
        return cls(**{field.name: record[field.name] for field in fields(cls)})


class ResidualBlock(nn.Module):
    """x + conv(ReLU(conv(x))), without normalisation, as in the authors' earlier code (MPFER)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        # A small start keeps the sum of many blocks in range.
        with torch.no_grad():
            self.second.weight.mul_(0.1)

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of the shape of ``x``."""
        change: Tensor = self.second(functional.relu(self.first(x)))
        return x + change


class Level(nn.Module):
    """One level of the tree: joins neighbouring slices in pairs."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.join = nn.Conv2d(2 * channels, channels, 3, padding=1)
        self.refine = ResidualBlock(channels)

    def forward(self, slices: Tensor) -> Tensor:
        """Return (S / 2, C, h, w) of (S, C, h, w)."""
        count, channels, height, width = slices.shape
        pairs = slices.reshape(count // 2, 2 * channels, height, width)
        joined: Tensor = self.refine(functional.relu(self.join(pairs)))
        return joined


def _silent(inputs: int, outputs: int) -> nn.Conv2d:
    """Return a convolution that starts at zero: the untrained network then gives the classical draft."""
    layer = nn.Conv2d(inputs, outputs, 3, padding=1)
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


@dataclass(frozen=True, eq=False)
class Encodings:
    """Where the volume's samples come from.

    Args:
        rays: (2, H, W) slopes x / z and y / z of the target's rays.
        angles: (D / G, V, H, W) angle in radians between the target's and the source's ray at the middle of each group.
        steps: (H, W) distance between neighbouring planes in pixels of the widest source.
    """

    rays: Tensor
    angles: Tensor
    steps: Tensor


@dataclass(frozen=True, eq=False)
class Output:
    """What the network makes: ``rgb`` (3, H, W), and in the guided configuration the draft and its attention."""

    rgb: Tensor
    draft: Draft | None = None
    attention: Tensor | None = None


def slots(presence: Tensor, views: int) -> Tensor | None:
    """Return (views, V), what a network's inputs show of V sources that take part in parts; ``None``: each its own.

    The sources are laid end to end, each as long as it is present (together no longer than ``views``), and round
    again where they are too few; an input shows what lies over its piece of length one.
    """
    if len(presence) == views and bool((presence == 1).all()):
        return None
    lengths = presence * (views / presence.sum()).clamp(max=1)
    rounds = -int(-views // lengths.sum())
    ends = lengths.repeat(rounds).cumsum(dim=0)
    starts = ends - lengths.repeat(rounds)
    first = torch.arange(views, device=presence.device)[:, None]
    pieces = torch.minimum(ends, first + 1) - torch.maximum(starts, first)
    return pieces.clamp_min(0).reshape(views, rounds, -1).sum(dim=1)


class ConvGLR(nn.Module):
    """Plane sweep volume of one target -> picture."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        width, latent = config.width, 4 * config.width
        channels = config.group * config.views * 3 + config.views + ENCODING_CHANNELS
        if config.guided:
            channels += config.group
        self.matching = nn.Sequential(
            nn.Conv2d(channels, 2 * width, 3, stride=2, padding=1),
            nn.ReLU(),
            ResidualBlock(2 * width),
            nn.Conv2d(2 * width, latent, 3, stride=2, padding=1),
            nn.ReLU(),
            ResidualBlock(latent),
            ResidualBlock(latent),
        )
        slices = config.planes // config.group
        self.tree = nn.ModuleList(Level(latent) for _ in range(slices.bit_length() - 1))
        self.upsampler = nn.Sequential(
            nn.Conv2d(latent, 8 * width, 3, padding=1),
            nn.PixelShuffle(2),
            nn.ReLU(),
            ResidualBlock(2 * width),
            nn.Conv2d(2 * width, 4 * width, 3, padding=1),
            nn.PixelShuffle(2),
            nn.ReLU(),
        )
        extra = 3 + 4 * config.views + 2 if config.guided else 0
        self.last = nn.Sequential(
            nn.Conv2d(width + extra, width, 3, padding=1),
            nn.ReLU(),
            ResidualBlock(width),
            _silent(width, 3) if config.guided else nn.Conv2d(width, 3, 3, padding=1),
        )
        if config.guided:
            self.cost = LearnedCost()
            self.attention = nn.Sequential(nn.Conv2d(2 * latent, latent, 1), nn.ReLU(), _silent(latent, config.group))
            self.view_features = nn.Conv2d(width, width, 3, padding=1)
            self.view_cues = nn.Conv2d(VIEW_CUES, width, 3, padding=1)
            self.view_score = _silent(width, 1)

    def forward(self, volume: Volume, encodings: Encodings, energy: Tensor, view_weights: Tensor) -> Output:
        """Render one target.

        Args:
            volume: D planes of V views or of more that share their places, H and W multiples of 4.
            encodings: Of the same samples.
            energy: (D, H, W) classical energy of every plane (guided configuration).
            view_weights: (V,) classical weight of every view (guided configuration).
        """
        config = self.config
        height, width = encodings.steps.shape
        mixture = slots(volume.present, config.views)
        grouped = self._grouped(volume, encodings, mixture)
        if config.guided:
            # What classical matching has found spares the network from learning to compare colours.
            excess = ((energy - energy.amin(dim=0)) / 8).clamp(max=4)
            grouped = torch.cat([grouped, excess.reshape(len(grouped), config.group, height, width)], dim=1)
        slices = self.matching(grouped)
        root = slices
        for level in self.tree:
            root = level(root)
        features = self.upsampler(root)
        if not config.guided:
            return Output(self.last(features)[0])
        logits = self.attention(torch.cat([slices, root.expand_as(slices)], dim=1)).reshape(
            1, config.planes, height // 4, width // 4
        )
        logits = functional.interpolate(logits, scale_factor=4, mode="bilinear", align_corners=False)[0]
        # Half precision is for the convolutions: averages over planes would lose a level in 255 by it.
        with torch.autocast(energy.device.type, enabled=False):
            attention = torch.softmax(SCALE * logits.float() - energy, dim=0)
            draft = attend(volume, attention, view_weights)
        shares = self._shares(features, draft)
        chosen = (shares[:, None] * draft.views).sum(dim=0)
        relative, parts = draft.views - chosen, shares
        if mixture is not None:
            relative = torch.einsum("sv,vchw->schw", mixture, relative)
            parts = torch.einsum("sv,vhw->shw", mixture / mixture.sum(dim=0).clamp_min(1e-6), shares)
        guides = [features[0], chosen, 4 * relative.flatten(0, 1), parts]
        guides += [draft.confidence[None], draft.seen[None]]
        return Output(chosen + self.last(torch.cat(guides)[None])[0], draft, attention)

    def _shares(self, features: Tensor, draft: Draft) -> Tensor:
        """Return the views' shares (V, H, W): the draft's, corrected by a small network that treats all views alike.

        In which view a point is hidden shows in how its colour stands to the others'.
        """
        difference = draft.views - draft.rgb
        certainty = draft.confidence.expand_as(draft.weights)
        cues = [
            4 * difference,
            4 * difference.abs().mean(dim=1, keepdim=True),
            draft.weights[:, None],
            certainty[:, None],
        ]
        scores = self.view_score(functional.relu(self.view_features(features) + self.view_cues(torch.cat(cues, dim=1))))
        shares = draft.weights * torch.exp((SCALE * scores[:, 0].float()).clamp(-8, 8))
        corrected: Tensor = shares / shares.sum(dim=0, keepdim=True).clamp_min(1e-9)
        return corrected

    def _grouped(self, volume: Volume, encodings: Encodings, mixture: Tensor | None = None) -> Tensor:
        """Return (D / G, channels, H, W): grouped volume (plane-major, then view, then colour) and encodings."""
        config = self.config
        count = config.planes // config.group
        height, width = encodings.steps.shape
        colours, angles = volume.colours, encodings.angles
        if mixture is not None:
            colours = torch.einsum("sv,dvchw->dschw", mixture, colours)
            angles = torch.einsum("sv,gvhw->gshw", mixture, angles)
        colours = colours.reshape(count, -1, height, width)
        octaves = [encodings.rays * (torch.pi * 2**octave) for octave in range(2)]
        rays = torch.cat([function(octave) for octave in octaves for function in (torch.sin, torch.cos)])
        middle = (torch.arange(count, device=rays.device) + 0.5) / count
        places = torch.stack(
            [function(middle * torch.pi * 2**o) for o in range(2) for function in (torch.sin, torch.cos)], 1
        )
        steps = torch.log2(encodings.steps.clamp(2**-4, 2**6))[None]
        return torch.cat(
            [
                colours,
                2 * angles,
                rays.expand(count, -1, -1, -1),
                places[:, :, None, None].expand(-1, -1, height, width),
                0.5 * steps.expand(count, -1, -1, -1),
            ],
            dim=1,
        )
