"""The backward pass of blending on the CPU, compiled by numba."""

from __future__ import annotations

import numba
import numpy as np

from .kernels import CLOSED, LEAST, MOST, TILE, covered_columns, covered_rows

PARAMETERS = 10  # place (2), conic (3), opacity, colour (3), depth


@numba.njit(parallel=True, cache=True, nogil=True)
def blend_gradients(starts, members, places, conics, opacities, colours, depths, pull, total):  # type: ignore[no-untyped-def]
    """Differentiate :func:`.kernels.blend_tiles`.

    A pixel is sum w_i q_i + T q_background, w_i = T_i s_i, in terms of what the loss gains by it, so that the share s_i
    gains T_i q_i less what it hides: all behind it, which is the total less all up to it, over 1 - s_i. Front to back
    again, the same pixels close at the same Gaussian.

    Args:
        starts, members, places, conics, opacities, colours, depths: As for ``blend_tiles``.
        pull: (H, W, 4) gradient of the loss by a pixel's red, green, blue and sum of depths.
        total: (H, W) the sum above.

    Returns:
        (members, PARAMETERS): what each Gaussian gains in each tile.
    """
    height, width = total.shape
    columns = (width + TILE - 1) // TILE
    gains = np.zeros((len(members), PARAMETERS), np.float32)
    for tile in numba.prange(len(starts) - 1):
        top, left = tile // columns * TILE, tile % columns * TILE
        bottom, right = min(top + TILE, height), min(left + TILE, width)
        light = np.ones((TILE, TILE), np.float32)
        done = np.zeros((TILE, TILE), np.bool_)
        behind = np.zeros((TILE, TILE), np.float64)  # differences of near values: single precision is too little
        for y in range(top, bottom):
            for x in range(left, right):
                behind[y - top, x - left] = total[y, x]
        open_pixels = (bottom - top) * (right - left)
        for index in range(starts[tile], starts[tile + 1]):
            if open_pixels == 0:
                break
            n = members[index]
            px, py, opacity, z = places[n, 0], places[n, 1], opacities[n], depths[n]
            a, b, c = conics[n, 0], conics[n, 1], conics[n, 2]
            red, green, blue = colours[n, 0], colours[n, 1], colours[n, 2]
            by_x, by_y, by_a, by_b, by_c = 0.0, 0.0, 0.0, 0.0, 0.0
            by_opacity, by_red, by_green, by_blue, by_z = 0.0, 0.0, 0.0, 0.0, 0.0
            reach, first_row, last_row = covered_rows(py, a, b, c, opacity, top, bottom)
            for y in range(first_row, last_row + 1):
                dy = np.float32(y) + np.float32(0.5) - py
                first, last = covered_columns(px, a, b, c, dy, reach, left, right)
                for x in range(first, last + 1):
                    i, j = y - top, x - left
                    if done[i, j]:
                        continue
                    dx = np.float32(x) + np.float32(0.5) - px
                    power = np.float32(0.5) * (a * dx * dx + c * dy * dy) + b * dx * dy
                    falloff = np.exp(-power)
                    share = min(np.float32(MOST), opacity * falloff)
                    if power < 0 or share < np.float32(LEAST):
                        continue
                    after = light[i, j] * (np.float32(1.0) - share)
                    if after <= np.float32(CLOSED):
                        done[i, j] = True
                        open_pixels -= 1
                        continue
                    weight = light[i, j] * share
                    pull_red, pull_green = pull[y, x, 0], pull[y, x, 1]
                    pull_blue, pull_z = pull[y, x, 2], pull[y, x, 3]
                    value = pull_red * red + pull_green * green + pull_blue * blue + pull_z * z
                    by_red += weight * pull_red
                    by_green += weight * pull_green
                    by_blue += weight * pull_blue
                    by_z += weight * pull_z
                    behind[i, j] -= weight * value
                    by_share = light[i, j] * value - behind[i, j] / (np.float32(1.0) - share)
                    light[i, j] = after
                    if opacity * falloff > np.float32(MOST):
                        continue
                    by_opacity += by_share * falloff
                    by_power = -by_share * share
                    by_a += by_power * np.float32(0.5) * dx * dx
                    by_b += by_power * dx * dy
                    by_c += by_power * np.float32(0.5) * dy * dy
                    by_x -= by_power * (a * dx + b * dy)
                    by_y -= by_power * (b * dx + c * dy)
            gains[index, 0], gains[index, 1] = by_x, by_y
            gains[index, 2], gains[index, 3], gains[index, 4] = by_a, by_b, by_c
            gains[index, 5] = by_opacity
            gains[index, 6], gains[index, 7], gains[index, 8] = by_red, by_green, by_blue
            gains[index, 9] = by_z
    return gains


@numba.njit(cache=True, nogil=True)
def gather(gains, members, order, count):  # type: ignore[no-untyped-def]
    """Sum over tiles, on one thread and so in one order: (count, PARAMETERS), by the Gaussians' own order."""
    sums = np.zeros((count, PARAMETERS), np.float32)
    for index in range(len(members)):
        n = order[members[index]]
        for k in range(PARAMETERS):
            sums[n, k] += gains[index, k]
    return sums
