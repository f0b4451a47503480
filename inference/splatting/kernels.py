"""Splatting kernels for the CPU, compiled by numba: projection, binning into tiles, blending."""

from __future__ import annotations

import numba
import numpy as np

TILE = 32  # pixels; smaller ones cost more in binning than they save
BLUR = 0.3  # square pixels added to every covariance
LEAST = 1.0 / 255.0  # contribution that still counts
MOST = 0.999  # of one Gaussian
CLOSED = 1e-4  # transmittance at which a pixel is done
MARGIN = 0.3  # of half the field of view: beyond it the projection is not linearised any further out


@numba.njit(cache=True, nogil=True)
def _axis(quaternion, axis):  # type: ignore[no-untyped-def]
    """Return column ``axis`` of the rotation matrix of a unit quaternion wxyz."""
    w, x = np.float64(quaternion[0]), np.float64(quaternion[1])
    y, z = np.float64(quaternion[2]), np.float64(quaternion[3])
    if axis == 0:
        return 1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)
    if axis == 1:
        return 2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)
    return 2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)


@numba.njit(parallel=True, cache=True, nogil=True)
def project(means, quaternions, scales, opacities, pose, intrinsics, width, height, near):  # type: ignore[no-untyped-def]
    """Project Gaussians.

    Returns:
        Centres (N, 2) in pixel-edge coordinates, conics (N, 3) as xx, xy, yy of the inverse covariance, half extents
        (N, 2) of where they contribute at all (0: nowhere in the picture), depths (N,).
    """
    count = len(means)
    places = np.empty((count, 2), np.float32)
    conics = np.empty((count, 3), np.float32)
    extents = np.zeros((count, 2), np.float32)
    depths = np.empty(count, np.float32)
    fx, fy, cx, cy = intrinsics[0], intrinsics[1], intrinsics[2], intrinsics[3]
    reach_x, reach_y = MARGIN * 0.5 * width / fx, MARGIN * 0.5 * height / fy
    low_x, high_x = -cx / fx - reach_x, (width - cx) / fx + reach_x
    low_y, high_y = -cy / fy - reach_y, (height - cy) / fy + reach_y
    for n in numba.prange(count):
        x = pose[0, 0] * means[n, 0] + pose[0, 1] * means[n, 1] + pose[0, 2] * means[n, 2] + pose[0, 3]
        y = pose[1, 0] * means[n, 0] + pose[1, 1] * means[n, 1] + pose[1, 2] * means[n, 2] + pose[1, 3]
        z = pose[2, 0] * means[n, 0] + pose[2, 1] * means[n, 1] + pose[2, 2] * means[n, 2] + pose[2, 3]
        depths[n] = z
        if z < near or opacities[n] < LEAST:
            continue
        # The linearised projection of each of the three axes, one standard deviation long.
        slope_x = min(max(x / z, low_x), high_x)
        slope_y = min(max(y / z, low_y), high_y)
        xx, xy, yy = BLUR, 0.0, BLUR
        for axis in range(3):
            ax, ay, az = _axis(quaternions[n], axis)
            length = np.float64(scales[n, axis])
            vx = (pose[0, 0] * ax + pose[0, 1] * ay + pose[0, 2] * az) * length
            vy = (pose[1, 0] * ax + pose[1, 1] * ay + pose[1, 2] * az) * length
            vz = (pose[2, 0] * ax + pose[2, 1] * ay + pose[2, 2] * az) * length
            u, v = fx / z * (vx - slope_x * vz), fy / z * (vy - slope_y * vz)
            xx += u * u
            xy += u * v
            yy += v * v
        determinant = xx * yy - xy * xy
        if not determinant > 0.0:
            continue
        px, py = fx * x / z + cx, fy * y / z + cy
        reach = 2.0 * np.log(opacities[n] / LEAST)
        half_x, half_y = np.sqrt(reach * xx), np.sqrt(reach * yy)
        if px + half_x <= 0 or py + half_y <= 0 or px - half_x >= width or py - half_y >= height:
            continue
        places[n, 0], places[n, 1] = px, py
        conics[n, 0], conics[n, 1], conics[n, 2] = yy / determinant, -xy / determinant, xx / determinant
        # Never 0 for what counts, and a little more than exact: spans are found again row by row.
        extents[n, 0], extents[n, 1] = half_x + 1e-3, half_y + 1e-3
    return places, conics, extents, depths


@numba.njit(cache=True, nogil=True)
def _tile_range(place, extent, tiles):  # type: ignore[no-untyped-def]
    first = max(int(np.floor((place - extent) / TILE)), 0)
    last = min(int(np.floor((place + extent) / TILE)), tiles - 1)
    return first, last


@numba.njit(cache=True, nogil=True)
def bin_tiles(places, extents, width, height):  # type: ignore[no-untyped-def]
    """List for every tile, row by row, the Gaussians that reach into it, in their order.

    Returns:
        starts (tiles + 1,) and members, so that tile t has ``members[starts[t] : starts[t + 1]]``.
    """
    columns, rows = (width + TILE - 1) // TILE, (height + TILE - 1) // TILE
    starts = np.zeros(columns * rows + 1, np.int64)
    for n in range(len(places)):
        x0, x1 = _tile_range(places[n, 0], extents[n, 0], columns)
        y0, y1 = _tile_range(places[n, 1], extents[n, 1], rows)
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                starts[y * columns + x + 1] += 1
    for tile in range(columns * rows):
        starts[tile + 1] += starts[tile]
    members = np.empty(starts[-1], np.int32)
    ends = starts[:-1].copy()
    for n in range(len(places)):
        x0, x1 = _tile_range(places[n, 0], extents[n, 0], columns)
        y0, y1 = _tile_range(places[n, 1], extents[n, 1], rows)
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                members[ends[y * columns + x]] = n
                ends[y * columns + x] += 1
    return starts, members


@numba.njit(cache=True, nogil=True)
def covered_rows(py, a, b, c, opacity, top, bottom):  # type: ignore[no-untyped-def]
    """Return how far a Gaussian's ellipse reaches, in its own units, and its first and last row of a tile."""
    reach = np.float32(2.0) * np.log(opacity / np.float32(LEAST)) + np.float32(1e-3)
    tall = np.sqrt(max(reach * a / max(a * c - b * b, np.float32(1e-30)), np.float32(0.0)))
    first = max(int(np.floor(py - tall - np.float32(0.5))), top)
    last = min(int(np.ceil(py + tall)), bottom - 1)
    return reach, first, last


@numba.njit(cache=True, nogil=True)
def covered_columns(px, a, b, c, dy, reach, left, right):  # type: ignore[no-untyped-def]
    """Return the first and last column of a tile's row that the ellipse covers; none where last < first."""
    # a dx^2 + 2 b dx dy + c dy^2 <= reach
    inner = b * b * dy * dy - a * (c * dy * dy - reach)
    if inner < 0:
        return 0, -1
    middle, wide = px - b * dy / a, np.sqrt(inner) / a
    first = max(int(np.floor(middle - wide - np.float32(0.5))), left)
    last = min(int(np.ceil(middle + wide)), right - 1)
    return first, last


@numba.njit(parallel=True, cache=True, nogil=True)
def blend_tiles(  # type: ignore[no-untyped-def]
    starts, members, places, conics, opacities, colours, depths, background, rgb, alpha, depth, first_hit
):
    """Blend the Gaussians of every tile front to back.

    A Gaussian at a time, over the pixels that its ellipse covers: small ones touch a few only.

    Args:
        starts, members: Of :func:`bin_tiles`.
        places, conics, opacities, colours, depths: Of the Gaussians, nearest first.
        background: (3,)
        rgb, alpha, depth, first_hit: (H, W, ...), written; depth and first_hit are 0 where there is none.
    """
    height, width = alpha.shape
    columns = (width + TILE - 1) // TILE
    for tile in numba.prange(len(starts) - 1):
        top, left = tile // columns * TILE, tile % columns * TILE
        bottom, right = min(top + TILE, height), min(left + TILE, width)
        light = np.ones((TILE, TILE), np.float32)
        done = np.zeros((TILE, TILE), np.bool_)
        sums = np.zeros((TILE, TILE, 4), np.float32)
        half = np.zeros((TILE, TILE), np.float32)
        open_pixels = (bottom - top) * (right - left)
        for index in range(starts[tile], starts[tile + 1]):
            if open_pixels == 0:
                break
            n = members[index]
            px, py, opacity, z = places[n, 0], places[n, 1], opacities[n], depths[n]
            a, b, c = conics[n, 0], conics[n, 1], conics[n, 2]
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
                    share = min(np.float32(MOST), opacity * np.exp(-power))
                    if power < 0 or share < np.float32(LEAST):
                        continue
                    after = light[i, j] * (np.float32(1.0) - share)
                    if after <= np.float32(CLOSED):
                        done[i, j] = True
                        open_pixels -= 1
                        continue
                    weight = light[i, j] * share
                    for k in range(3):
                        sums[i, j, k] += weight * colours[n, k]
                    sums[i, j, 3] += weight * z
                    if half[i, j] == 0 and after < np.float32(0.5):
                        half[i, j] = z
                    light[i, j] = after
        for y in range(top, bottom):
            for x in range(left, right):
                i, j = y - top, x - left
                alpha[y, x] = np.float32(1.0) - light[i, j]
                depth[y, x] = sums[i, j, 3] / max(alpha[y, x], np.float32(1e-12))
                first_hit[y, x] = half[i, j]
                for k in range(3):
                    rgb[y, x, k] = sums[i, j, k] + light[i, j] * background[k]
