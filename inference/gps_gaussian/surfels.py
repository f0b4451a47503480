"""The guided start of a pixel's Gaussian: a disc on the surface, as large as what the pixel covers of it (ours)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

FOOTPRINT = 0.5  # standard deviation at the start, in pixels
FLATNESS = 0.5  # across the surface, as a share of that
# A pixel covers at most this many times its width on a slanted surface; a steeper step is an edge of the depth.
STEEPEST = 4.0


@torch.no_grad()
def surface_discs(points: Tensor, valid: Tensor, pixel_size: Tensor) -> tuple[Tensor, Tensor]:
    """Return unit quaternions wxyz (N, 4, H, W; world axes) and standard deviations (N, 3, H, W).

    Args:
        points: (N, 3, H, W) the surface points of pixels, in world axes.
        valid: (N, 1, H, W) which pixels have one.
        pixel_size: (N, 1, H, W) how wide a pixel is at its point's depth, in the unit of the points.
    """
    across = _step(points, valid, pixel_size, -1)
    down = _step(points, valid, pixel_size, -2)
    # Of the parallelogram that a pixel covers: the longer side as it is, the other one square to it.
    longer = (across.square().sum(1, keepdim=True) >= down.square().sum(1, keepdim=True)).expand_as(across)
    first, second = torch.where(longer, across, down), torch.where(longer, down, across)
    length = first.norm(dim=1, keepdim=True)
    x = first / length.clamp_min(1e-12)
    rest = second - (second * x).sum(1, keepdim=True) * x
    height = rest.norm(dim=1, keepdim=True)
    y = rest / height.clamp_min(1e-12)
    axes = torch.stack([x, y, torch.linalg.cross(x, y, dim=1)], dim=2)
    whole = torch.cat([length, height, FLATNESS * pixel_size], dim=1)
    known = ((length > 0) & (height > 0.1 * pixel_size) & valid).expand(-1, 4, -1, -1)
    quaternions = torch.where(known, _quaternions(axes), _identity(points))
    return quaternions, FOOTPRINT * torch.where(known[:, :3], whole, pixel_size.expand_as(whole))


def _step(points: Tensor, valid: Tensor, pixel_size: Tensor, axis: int) -> Tensor:
    """Return the surface's step (N, 3, H, W) from a pixel to the next: the mean of those to both neighbours.

    Steps to pixels without a point, or steeper than a surface's, do not count; without any it is zero.
    """
    size = points.shape[axis] - 1
    ahead = points.narrow(axis, 1, size) - points.narrow(axis, 0, size)
    counts = valid.narrow(axis, 1, size) & valid.narrow(axis, 0, size)
    counts &= ahead.norm(dim=1, keepdim=True) <= STEEPEST * pixel_size.narrow(axis, 0, size)
    ahead = ahead * counts
    rim = (0, 1) if axis == -1 else (0, 0, 0, 1)
    before = (1, 0) if axis == -1 else (0, 0, 1, 0)
    total = functional.pad(ahead, rim) + functional.pad(ahead, before)
    number = functional.pad(counts.float(), rim) + functional.pad(counts.float(), before)
    return total / number.clamp_min(1)


def _identity(points: Tensor) -> Tensor:
    one = points.new_tensor([1.0, 0.0, 0.0, 0.0]).view(1, 4, 1, 1)
    return one.expand(points.shape[0], 4, *points.shape[2:])


def _quaternions(axes: Tensor) -> Tensor:
    """Return quaternions wxyz (N, 4, H, W) of rotations whose columns are ``axes`` (N, 3, 3, H, W).

    Each of the four candidates is exact; the one with the largest component is stable (Shepperd 1978).
    """
    m = [[axes[:, row, column] for column in range(3)] for row in range(3)]
    trace = m[0][0] + m[1][1] + m[2][2]
    candidates = [[1 + trace, m[2][1] - m[1][2], m[0][2] - m[2][0], m[1][0] - m[0][1]]]
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        parts = {
            0: m[k][j] - m[j][k],
            i + 1: 1 + 2 * m[i][i] - trace,
            j + 1: m[j][i] + m[i][j],
            k + 1: m[k][i] + m[i][k],
        }
        candidates.append([parts[index] for index in range(4)])
    stacked = torch.stack([torch.stack(candidate, dim=1) for candidate in candidates])
    best = torch.stack([candidate[index] for index, candidate in enumerate(candidates)]).argmax(dim=0)
    chosen = stacked.gather(0, best[None, :, None].expand(1, -1, 4, -1, -1))[0]
    return functional.normalize(chosen, dim=1)
