"""The method ``plane-sweep``: the classical draft as a picture of its own. No weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from ..progress import Progress, part
from .draft import Draft, attend
from .sweep import Slab, Sweep, Tile, blend, tiles

PLANES = 32


def layers_of(rgb: Tensor, draft: Draft) -> Tensor:
    """Stack what a method makes of a tile as (7, H, W): RGB, alpha, disparity, confidence, coverage."""
    return torch.cat([rgb, torch.stack([draft.seen, draft.disparity, draft.confidence, draft.covered])])


def render_draft(sweep: Sweep, side: int, progress: Progress) -> Tensor:
    """Return (7, H, W) layers of the classical draft of a whole target (see :func:`layers_of`)."""

    def paint(slab: Slab, progress: Progress) -> Tensor:
        draft = attend(slab.volume, torch.softmax(-slab.energy, dim=0), sweep.view_weights)
        return layers_of(draft.rgb, draft)

    return render_tiles(sweep, side, paint, progress)


def render_tiles(sweep: Sweep, side: int, paint: Callable[[Slab, Progress], Tensor], progress: Progress) -> Tensor:
    """Sweep in tiles of at most ``side`` pixels, make each one's layers by ``paint``, and blend them into (C, H, W)."""
    width, height = sweep.size
    count = len(tiles(width, height, side))

    def parts() -> Iterator[tuple[Tile, Tensor]]:
        for index, slab in enumerate(sweep.slabs(side, progress)):
            rest = part(progress, (index + 0.5) / count, (index + 1) / count)
            rest(0.0, "Rendering")
            yield slab.tile, paint(slab, rest)

    return blend(parts(), width, height)[:, : sweep.target.height, : sweep.target.width]
