"""Rays against primitives, in closed form.

All shapes are convex (the quad is flat), so a ray's stay inside is one interval, and its start is the hit. Rays of one
call share their origin: a camera, or a light towards the surface. The ray parameter t is 1 at origin + direction: the
depth for camera rays whose direction has depth 1, the share of the way for rays from a light.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .world import BOX, CYLINDER, ELLIPSOID, QUAD, Packed, Vector

# Rays times primitives per pass: the temporaries of a pass stay in the processor's cache.
CHUNK = {"cpu": 1 << 16, "cuda": 1 << 24}
TINY = 1e-20


class Tracer:
    """The primitives of ``indices``, prepared for rays from ``origin`` (3,)."""

    def __init__(self, packed: Packed, origin: Vector, indices: NDArray[np.int64]) -> None:
        self.device = packed.device
        self.groups: list[tuple[int, Tensor, Tensor, Tensor]] = []
        count = 0
        for kind in (BOX, ELLIPSOID, CYLINDER, QUAD):
            members = indices[packed.kinds[indices] == kind]
            if len(members) == 0:
                continue
            count = max(count, len(members))
            start = packed.linear[members] @ origin + packed.shift[members]
            # Axis-major, so that a product with directions gives all x, then all y, then all z.
            linear = self._put(packed.linear[members].transpose(1, 0, 2).reshape(-1, 3))
            start_t = self._put(start.T[:, :, None])
            numbers = torch.from_numpy(members.astype(np.int64)).to(self.device)
            self.groups.append((kind, linear, start_t, numbers))
        self.chunk = max(256, CHUNK.get(self.device.type, 1 << 22) // max(count, 1))

    def _put(self, array: Vector) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32)).to(self.device)

    def closest(self, directions: Tensor) -> tuple[Tensor, Tensor]:
        """Return the nearest hit along ``directions`` (3, N): t (N,), infinite without one, and number (N,) or -1."""
        total = directions.shape[1]
        t = torch.full((total,), torch.inf, device=self.device)
        number = torch.full((total,), -1, dtype=torch.int64, device=self.device)
        for begin in range(0, total, self.chunk):
            part = slice(begin, min(begin + self.chunk, total))
            best, owner = t[part], number[part]
            for kind, linear, start, numbers in self.groups:
                hit, which = intersect(kind, linear, start, directions[:, part]).min(dim=0)
                nearer = hit < best
                torch.where(nearer, hit, best, out=best)
                torch.where(nearer, numbers[which], owner, out=owner)
        return t, number

    def blocked(self, directions: Tensor, own: Tensor) -> Tensor:
        """Return (N,) whether something other than primitive ``own`` (N,) lies between t = 0 and 1 of each ray."""
        total = directions.shape[1]
        result = torch.zeros(total, dtype=torch.bool, device=self.device)
        for begin in range(0, total, self.chunk):
            part = slice(begin, min(begin + self.chunk, total))
            for kind, linear, start, numbers in self.groups:
                hit = intersect(kind, linear, start, directions[:, part])
                between = (hit < 1.0 - 1e-4) & (numbers[:, None] != own[None, part])
                result[part] |= between.any(dim=0)
        return result


def intersect(kind: int, linear: Tensor, start: Tensor, directions: Tensor) -> Tensor:
    """Return the ray parameter (K, N) of the first hit of K primitives of one kind, infinite where there is none.

    Args:
        kind: BOX, ELLIPSOID, CYLINDER or QUAD; only a box can be hit from inside.
        linear: (3 K, 3) scene directions to own axes, axis-major.
        start: (3, K, 1) ray origin in own axes.
        directions: (3, N) in the scene.
    """
    count = start.shape[1]
    own = (linear @ directions).view(3, count, -1)
    if kind == BOX:
        return _box(start, own)
    if kind == QUAD:
        return _quad(start, own)
    if kind == ELLIPSOID:
        near, _, hit = _ball(start, own, 3)
    else:
        near, far, hit = _ball(start, own, 2)
        inverse = (own[2] + TINY).reciprocal_()
        middle = start[2] * inverse
        inverse.abs_()
        near = torch.maximum(near, -middle - inverse)
        far = torch.minimum(far, inverse.sub_(middle))
        hit &= far >= near
    hit &= near > 0
    return near.masked_fill_(~hit, torch.inf)


def _box(start: Tensor, own: Tensor) -> Tensor:
    inverse = own.add_(TINY).reciprocal_()
    middle = start * inverse
    inverse.abs_()
    near, far = (-middle).sub_(inverse), inverse.sub_(middle)
    enter = torch.maximum(torch.maximum(near[0], near[1]), near[2])
    leave = torch.minimum(torch.minimum(far[0], far[1]), far[2])
    missed = (leave < enter) | (leave <= 0)
    return torch.where(enter > 0, enter, leave).masked_fill_(missed, torch.inf)


def _quad(start: Tensor, own: Tensor) -> Tensor:
    t = -start[2] / (own[2] + TINY)
    x, y = (start[0] + t * own[0]).abs_(), (start[1] + t * own[1]).abs_()
    return t.masked_fill_(~((t > 0) & (torch.maximum(x, y) <= 1.0)), torch.inf)


def _ball(start: Tensor, own: Tensor, axes: int) -> tuple[Tensor, Tensor, Tensor]:
    """Where a ray enters and leaves the unit ball of the first ``axes`` axes (2: an endless cylinder)."""
    own, start = own[:axes], start[:axes]
    a = (own * own).sum(dim=0).add_(TINY)
    b = (own * start).sum(dim=0)
    c = (start * start).sum(dim=0) - 1.0
    discriminant = (b * b).sub_(a * c)
    hit = discriminant > 0
    root = discriminant.clamp_(min=0.0).sqrt_()
    inverse = a.reciprocal_()
    return (-b - root).mul_(inverse), root.sub_(b).mul_(inverse), hit
