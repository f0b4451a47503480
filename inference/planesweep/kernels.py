"""Sampling kernels for the CPU, compiled by numba. :mod:`volume` chooses between these and torch."""

from __future__ import annotations

import numba
import numpy as np

# What a sample of a volume is: not in the picture, in a part of it that the user masked out, or a view of the scene.
OUTSIDE, MASKED, SEEN = 0, 1, 2


@numba.njit(inline="always", fastmath=True)
def _bilinear(picture, x, y, out):  # type: ignore[no-untyped-def]
    """Sample ``picture`` (H, W, 3) at pixel-edge coordinates into ``out`` (3,); zero outside, as in zero padding."""
    height, width = picture.shape[0], picture.shape[1]
    px, py = x - np.float32(0.5), y - np.float32(0.5)
    x0, y0 = int(np.floor(px)), int(np.floor(py))
    ax, ay = px - x0, py - y0
    one = np.float32(1.0)
    if x0 >= 0 and y0 >= 0 and x0 < width - 1 and y0 < height - 1:
        w00, w01 = (one - ax) * (one - ay), ax * (one - ay)
        w10, w11 = (one - ax) * ay, ax * ay
        for c in range(3):
            out[c] = (
                w00 * picture[y0, x0, c]
                + w01 * picture[y0, x0 + 1, c]
                + w10 * picture[y0 + 1, x0, c]
                + w11 * picture[y0 + 1, x0 + 1, c]
            )
        return
    for c in range(3):
        out[c] = 0.0
    for j in range(2):
        yy = y0 + j
        if yy < 0 or yy >= height:
            continue
        wy = ay if j else one - ay
        for i in range(2):
            xx = x0 + i
            if xx < 0 or xx >= width:
                continue
            w = wy * (ax if i else one - ax)
            for c in range(3):
                out[c] += w * picture[yy, xx, c]


@numba.njit(parallel=True, fastmath=True, cache=True, nogil=True)
def sweep(picture, matrix, offset, low, high, planes, view, volume, state):  # type: ignore[no-untyped-def]
    """Fill one view of a volume.

    Args:
        picture: (h, w, 3) float32.
        matrix, offset: (3, 3) and (3,) float64 of this view (see :mod:`geometry`).
        low, high: (H, W) float32 disparity of the first and the last plane at every pixel.
        planes: Number of planes D.
        view: Index of this view.
        volume: (D, V, 3, H, W) float32, written at [:, view].
        state: (D, V, H, W) uint8, written at [:, view]: SEEN where the sample lies inside the picture, else OUTSIDE.
    """
    height, width = low.shape
    source_height, source_width = np.float32(picture.shape[0]), np.float32(picture.shape[1])
    for y in numba.prange(height):
        colour = np.empty(3, np.float32)
        v = y + 0.5
        for k in range(planes):
            share = np.float32(k) / np.float32(max(planes - 1, 1))
            for x in range(width):
                u = x + 0.5
                d = low[y, x] + share * (high[y, x] - low[y, x])
                a = matrix[0, 0] * u + matrix[0, 1] * v + matrix[0, 2] + offset[0] * d
                b = matrix[1, 0] * u + matrix[1, 1] * v + matrix[1, 2] + offset[1] * d
                c = matrix[2, 0] * u + matrix[2, 1] * v + matrix[2, 2] + offset[2] * d
                inside = False
                if c > 1e-9:
                    px, py = np.float32(a / c), np.float32(b / c)
                    if px > -1.0 and py > -1.0 and px < source_width + 1 and py < source_height + 1:
                        _bilinear(picture, px, py, colour)
                        volume[k, view, 0, y, x] = colour[0]
                        volume[k, view, 1, y, x] = colour[1]
                        volume[k, view, 2, y, x] = colour[2]
                        within = px >= 0 and py >= 0 and px <= source_width and py <= source_height
                        state[k, view, y, x] = SEEN if within else OUTSIDE
                        inside = True
                if not inside:
                    volume[k, view, 0, y, x] = 0.0
                    volume[k, view, 1, y, x] = 0.0
                    volume[k, view, 2, y, x] = 0.0
                    state[k, view, y, x] = OUTSIDE


@numba.njit(parallel=True, fastmath=True, cache=True, nogil=True)
def mark_masked(mask, matrix, offset, low, high, planes, view, state):  # type: ignore[no-untyped-def]
    """Turn SEEN into MASKED where ``mask`` (h, w) of this view is below one half; the rest as in :func:`sweep`."""
    height, width = low.shape
    for y in numba.prange(height):
        v = y + 0.5
        for k in range(planes):
            share = np.float32(k) / np.float32(max(planes - 1, 1))
            for x in range(width):
                if state[k, view, y, x] != SEEN:
                    continue
                u = x + 0.5
                d = low[y, x] + share * (high[y, x] - low[y, x])
                a = matrix[0, 0] * u + matrix[0, 1] * v + matrix[0, 2] + offset[0] * d
                b = matrix[1, 0] * u + matrix[1, 1] * v + matrix[1, 2] + offset[1] * d
                c = matrix[2, 0] * u + matrix[2, 1] * v + matrix[2, 2] + offset[2] * d
                column = min(max(int(a / c), 0), mask.shape[1] - 1)
                row = min(max(int(b / c), 0), mask.shape[0] - 1)
                if mask[row, column] < 0.5:
                    state[k, view, y, x] = MASKED


# Not with fastmath: code from the cache then rounds otherwise than the same code in the process that compiled it.
@numba.njit(parallel=True, cache=True, nogil=True)
def interpolate_costs(costs, left, top, scale_x, scale_y, first, last, low, high, planes, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` (D, H, W) with coarse costs at the planes of a sweep; see :meth:`narrowing.Coarse.prior`.

    Args:
        costs: (h, w, K) coarse costs.
        left, top: Position of this window's first pixel edge in the whole target.
        scale_x, scale_y: Coarse pixels per pixel.
        first, last: Disparities of the first and the last coarse plane.
        low, high: (H, W) interval of the sweep.
        planes: D.
        out: Written.
    """
    coarse_height, coarse_width, count = costs.shape
    height, width = low.shape
    for y in numba.prange(height):
        v = min(max((top + y + 0.5) * scale_y - 0.5, 0.0), coarse_height - 1.0)
        y0 = min(int(v), max(coarse_height - 2, 0))
        y1 = min(y0 + 1, coarse_height - 1)
        b = np.float32(v - y0)
        for x in range(width):
            u = min(max((left + x + 0.5) * scale_x - 0.5, 0.0), coarse_width - 1.0)
            x0 = min(int(u), max(coarse_width - 2, 0))
            x1 = min(x0 + 1, coarse_width - 1)
            a = np.float32(u - x0)
            w00, w01 = (1 - a) * (1 - b), a * (1 - b)
            w10, w11 = (1 - a) * b, a * b
            for k in range(planes):
                d = low[y, x] + (high[y, x] - low[y, x]) * np.float32(k) / np.float32(max(planes - 1, 1))
                s = min(max((d - first) / (last - first) * (count - 1), 0.0), count - 1.0)
                k0 = min(int(s), max(count - 2, 0))
                k1 = min(k0 + 1, count - 1)
                t = np.float32(s - k0)
                below = (
                    w00 * costs[y0, x0, k0]
                    + w01 * costs[y0, x1, k0]
                    + w10 * costs[y1, x0, k0]
                    + w11 * costs[y1, x1, k0]
                )
                above = (
                    w00 * costs[y0, x0, k1]
                    + w01 * costs[y0, x1, k1]
                    + w10 * costs[y1, x0, k1]
                    + w11 * costs[y1, x1, k1]
                )
                out[k, y, x] = below + t * (above - below)


@numba.njit(parallel=True, fastmath=True, cache=True, nogil=True)
def ray_angles(slopes_x, slopes_y, centres, low, high, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` (groups, V, H, W) with the angles between the target's and the sources' rays.

    Args:
        slopes_x, slopes_y: (W,) and (H,) slopes x / z and y / z of the target's rays.
        centres: (V, 3) of the sources in the target's axes.
        low, high: (H, W) interval of the sweep.
        out: Written.
    """
    groups, views = out.shape[0], out.shape[1]
    for y in numba.prange(out.shape[2]):
        for group in range(groups):
            share = (np.float32(group) + np.float32(0.5)) / np.float32(groups)
            for view in range(views):
                cx, cy, cz = np.float32(centres[view, 0]), np.float32(centres[view, 1]), np.float32(centres[view, 2])
                for x in range(out.shape[3]):
                    d = low[y, x] + share * (high[y, x] - low[y, x])
                    rx, ry = slopes_x[x], slopes_y[y]
                    tx, ty, tz = rx - cx * d, ry - cy * d, np.float32(1.0) - cz * d
                    kx, ky, kz = ty - tz * ry, tz * rx - tx, tx * ry - ty * rx
                    cross = np.sqrt(kx * kx + ky * ky + kz * kz)
                    out[group, view, y, x] = np.arctan2(cross, tx * rx + ty * ry + tz)


@numba.njit(parallel=True, fastmath=True, cache=True, nogil=True)
def average_planes(colours, state, attention, views_out, inside_out, seen_out):  # type: ignore[no-untyped-def]
    """Average a volume over its planes by ``attention`` (D, H, W).

    Args:
        colours, state: (D, V, 3, H, W) float32 and (D, V, H, W) uint8.
        attention: Summing to one over D.
        views_out: (V, 3, H, W), written: mean colour.
        inside_out, seen_out: (V, H, W), written: attention on samples inside the picture, and on those not masked.
    """
    planes, views, _, height, width = colours.shape
    for y in numba.prange(height):
        for v in range(views):
            for x in range(width):
                inside_out[v, y, x] = 0.0
                seen_out[v, y, x] = 0.0
            for c in range(3):
                for x in range(width):
                    views_out[v, c, y, x] = 0.0
        for k in range(planes):
            for v in range(views):
                for x in range(width):
                    inside_out[v, y, x] += attention[k, y, x] * np.float32(state[k, v, y, x] != OUTSIDE)
                    seen_out[v, y, x] += attention[k, y, x] * np.float32(state[k, v, y, x] == SEEN)
                for c in range(3):
                    for x in range(width):
                        views_out[v, c, y, x] += attention[k, y, x] * colours[k, v, c, y, x]
