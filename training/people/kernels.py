"""Rasteriser kernels, compiled by numba: triangle setup, visibility and shading.

Each sample sees the nearest triangle. A pixel has SAMPLES x SAMPLES of them; those that see the same triangle are
shaded once, in their middle. All colours are linear until a pixel is done.
"""

from __future__ import annotations

import numba
import numpy as np

from inference.splatting.kernels import TILE

SAMPLES = 3  # along a side; odd, so that one of them is the pixel's centre
INSIDE = -1e-9  # relative: a sample on a shared edge belongs to at least one of its triangles
SHARPEN = 0.4  # levels: the samples of a pixel average what bilinear filtering lets through
SHOULDER = 0.8  # light above it is compressed into the rest, as in a photograph


@numba.njit(cache=True, nogil=True, parallel=True)
def set_up(points, triangles, texel_areas, width, height):  # type: ignore[no-untyped-def]
    """Prepare triangles for one picture.

    Args:
        points: (V, 3) homogeneous pixels: (x z, y z, z).
        triangles: (T, 3).
        texel_areas: (T,) of the triangle in texels of its texture.
        width, height: Of the picture.

    Returns:
        planes (T, 9): for each corner the coefficients of x, y, 1 of its share divided by depth, pixel-edge
        coordinates; boxes (T, 4): first and last column and row of pixels, empty where first > last; levels (T,) of the
        texture pyramid.
    """
    count = len(triangles)
    planes = np.zeros((count, 9))
    boxes = np.empty((count, 4), np.int32)
    levels = np.zeros(count, np.float32)
    for t in numba.prange(count):
        boxes[t, 0], boxes[t, 1], boxes[t, 2], boxes[t, 3] = 1, 0, 1, 0
        a, b, c = points[triangles[t, 0]], points[triangles[t, 1]], points[triangles[t, 2]]
        # Nothing is clipped: what reaches behind the camera is left out.
        if min(a[2], b[2], c[2]) < 1e-2:
            continue
        volume = (
            a[0] * (b[1] * c[2] - b[2] * c[1]) + a[1] * (b[2] * c[0] - b[0] * c[2]) + a[2] * (b[0] * c[1] - b[1] * c[0])
        )
        area = abs(volume) / (2.0 * a[2] * b[2] * c[2])
        if not area > 1e-12:
            continue
        # Rows of the inverse of the matrix of the corners (Olano and Greer 1997, homogeneous rasterisation).
        for corner in range(3):
            p = b if corner == 0 else (c if corner == 1 else a)
            q = c if corner == 0 else (a if corner == 1 else b)
            planes[t, 3 * corner] = (p[1] * q[2] - p[2] * q[1]) / volume
            planes[t, 3 * corner + 1] = (p[2] * q[0] - p[0] * q[2]) / volume
            planes[t, 3 * corner + 2] = (p[0] * q[1] - p[1] * q[0]) / volume
        x0, x1, x2 = a[0] / a[2], b[0] / b[2], c[0] / c[2]
        y0, y1, y2 = a[1] / a[2], b[1] / b[2], c[1] / c[2]
        boxes[t, 0] = int(min(max(np.floor(min(x0, x1, x2)), 0.0), 1.0 * width))
        boxes[t, 1] = int(max(min(np.floor(max(x0, x1, x2)), width - 1.0), -1.0))
        boxes[t, 2] = int(min(max(np.floor(min(y0, y1, y2)), 0.0), 1.0 * height))
        boxes[t, 3] = int(max(min(np.floor(max(y0, y1, y2)), height - 1.0), -1.0))
        levels[t] = max(0.0, 0.5 * np.log2(max(texel_areas[t], 1e-9) / area) - SHARPEN)
    return planes, boxes, levels


@numba.njit(cache=True, nogil=True)
def _see(members, planes, boxes, left, top, right, bottom, nearness, owner):  # type: ignore[no-untyped-def]
    """Find the nearest triangle of every sample of a tile: its inverse depth and number (-1: none)."""
    nearness[:] = 0.0
    owner[:] = -1
    step = 1.0 / SAMPLES
    for m in range(len(members)):
        t = members[m]
        p = planes[t]
        x0, x1 = max(boxes[t, 0], left), min(boxes[t, 1], right - 1)
        y0, y1 = max(boxes[t, 2], top), min(boxes[t, 3], bottom - 1)
        for row in range(SAMPLES * (y0 - top), SAMPLES * (y1 + 1 - top)):
            y = top + (row + 0.5) * step
            a0, b0, c0 = p[1] * y + p[2], p[4] * y + p[5], p[7] * y + p[8]
            for column in range(SAMPLES * (x0 - left), SAMPLES * (x1 + 1 - left)):
                x = left + (column + 0.5) * step
                a, b, c = p[0] * x + a0, p[3] * x + b0, p[6] * x + c0
                near = a + b + c
                least = INSIDE * near
                if near > nearness[row, column] and a >= least and b >= least and c >= least:
                    nearness[row, column] = near
                    owner[row, column] = t


@numba.njit(cache=True, nogil=True)
def _bilinear(texels, start, width, height, u, v, out):  # type: ignore[no-untyped-def]
    """Add to ``out`` the texture at (u, v), which repeats; texel centres at (i + 0.5) / size."""
    x, y = u * width - 0.5, v * height - 0.5
    x0, y0 = int(np.floor(x)), int(np.floor(y))
    sx, sy = x - x0, y - y0
    left, right = x0 % width, (x0 + 1) % width
    top, bottom = (y0 % height) * width + start, ((y0 + 1) % height) * width + start
    for k in range(3):
        above = texels[top + left, k] * (1.0 - sx) + texels[top + right, k] * sx
        below = texels[bottom + left, k] * (1.0 - sx) + texels[bottom + right, k] * sx
        out[k] = above * (1.0 - sy) + below * sy


@numba.njit(cache=True, nogil=True)
def _sample(texels, pyramid, level, u, v, out, spare):  # type: ignore[no-untyped-def]
    """Trilinear look-up into ``out`` (3,); ``pyramid`` (L, 3) has start, width and height of each level."""
    last = len(pyramid) - 1
    level = min(level, 1.0 * last)
    fine = int(level)
    share = level - fine
    _bilinear(texels, pyramid[fine, 0], pyramid[fine, 1], pyramid[fine, 2], u, v, out)
    if share > 0.0:
        coarse = min(fine + 1, last)
        _bilinear(texels, pyramid[coarse, 0], pyramid[coarse, 1], pyramid[coarse, 2], u, v, spare)
        for k in range(3):
            out[k] += share * (spare[k] - out[k])


@numba.njit(cache=True, nogil=True)
def _unit(vector):  # type: ignore[no-untyped-def]
    length = np.sqrt(vector[0] * vector[0] + vector[1] * vector[1] + vector[2] * vector[2])
    for k in range(3):
        vector[k] /= max(length, 1e-12)


@numba.njit(cache=True, nogil=True)
def _side(a, b, c, eye):  # type: ignore[no-untyped-def]
    """Return 1 where the side of a triangle that its normals (of its corners' vertices) point to is seen, else -1.

    The interpolated normal alone would turn over along every silhouette.
    """
    ux, uy, uz = b[2] - a[2], b[3] - a[3], b[4] - a[4]
    vx, vy, vz = c[2] - a[2], c[3] - a[3], c[4] - a[4]
    x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    outwards = x * (a[5] + b[5] + c[5]) + y * (a[6] + b[6] + c[6]) + z * (a[7] + b[7] + c[7])
    towards = x * (eye[0] - a[2]) + y * (eye[1] - a[3]) + z * (eye[2] - a[4])
    return 1.0 if outwards * towards >= 0.0 else -1.0


@numba.njit(cache=True, nogil=True)
def _shade(surface, side, albedo, bump, eye, lights, sky, gloss, normal, view):  # type: ignore[no-untyped-def]
    """Turn ``albedo`` (3,) into the light that leaves ``surface``: uv, position, normal, tangent, bitangent, open.

    ``side`` is -1 where its back is seen.
    """
    for k in range(3):
        view[k] = eye[k] - surface[2 + k]
        normal[k] = surface[5 + k]
    _unit(view)
    _unit(normal)
    bx, by, bz = bump[0] / 127.5 - 1.0, bump[1] / 127.5 - 1.0, max(bump[2] / 127.5 - 1.0, 0.1)
    for k in range(3):
        normal[k] = side * (bx * surface[8 + k] + by * surface[11 + k] + bz * normal[k])
    _unit(normal)
    up = 0.5 + 0.5 * normal[2]
    red, green, blue = sky[0, 0] * up, sky[0, 1] * up, sky[0, 2] * up
    red += sky[1, 0] * (1.0 - up)
    green += sky[1, 1] * (1.0 - up)
    blue += sky[1, 2] * (1.0 - up)
    openness = surface[14]
    red, green, blue = red * openness, green * openness, blue * openness
    mirror_red, mirror_green, mirror_blue = 0.0, 0.0, 0.0
    half_open = 0.4 + 0.6 * openness
    for n in range(len(lights)):
        lx, ly, lz = lights[n, 0], lights[n, 1], lights[n, 2]
        cosine = normal[0] * lx + normal[1] * ly + normal[2] * lz
        if cosine <= 0.0:
            continue
        hx, hy, hz = lx + view[0], ly + view[1], lz + view[2]
        facing = (normal[0] * hx + normal[1] * hy + normal[2] * hz) / np.sqrt(hx * hx + hy * hy + hz * hz + 1e-12)
        shine = gloss[0] * max(facing, 0.0) ** gloss[1] * cosine * half_open
        cosine *= half_open
        red += lights[n, 3] * cosine
        green += lights[n, 4] * cosine
        blue += lights[n, 5] * cosine
        mirror_red += lights[n, 3] * shine
        mirror_green += lights[n, 4] * shine
        mirror_blue += lights[n, 5] * shine
    albedo[0] = albedo[0] * red + mirror_red
    albedo[1] = albedo[1] * green + mirror_green
    albedo[2] = albedo[2] * blue + mirror_blue


@numba.njit(cache=True, nogil=True)
def _encode(light):  # type: ignore[no-untyped-def]
    """Return the sRGB value (IEC 61966-2-1) of linear light, its brightest part compressed."""
    if light > SHOULDER:
        light = SHOULDER + (1.0 - SHOULDER) * (1.0 - np.exp((SHOULDER - light) / (1.0 - SHOULDER)))
    if light <= 0.0031308:
        return 12.92 * max(light, 0.0)
    return 1.055 * light ** (1.0 / 2.4) - 0.055


@numba.njit(cache=True, nogil=True, parallel=True)
def draw(  # type: ignore[no-untyped-def]
    starts, members, planes, boxes, levels, triangles, materials, vertices,
    colours, colour_pyramids, bumps, bump_pyramids, bump_shift, gloss, eye, lights, sky, rgb, mask, depth,
):  # fmt: skip
    """Fill ``rgb`` (H, W, 3), ``mask`` and ``depth`` (H, W), which hold zeros.

    Args:
        starts, members: Triangles of every tile, of :func:`inference.splatting.kernels.bin_tiles`.
        planes, boxes, levels: Of :func:`set_up`.
        triangles, materials: (T, 3) vertices and (T,) material of each.
        vertices: (V, 15) texture coordinates, position, normal, tangent, bitangent, share of open surroundings.
        colours, colour_pyramids: Texels (N, 3) linear, and (M, L, 3) start, width, height of every material's levels.
        bumps, bump_pyramids: The same of the normal maps, bytes.
        bump_shift: (M,) levels that a normal map is smaller than its colours (log2 of its side's ratio).
        gloss: (M, 2) strength and exponent of highlights.
        eye: (3,) camera centre.
        lights: (K, 6) direction to the light, colour.
        sky: (2, 3) light from above and from below.
    """
    height, width = mask.shape
    columns, rows = (width + TILE - 1) // TILE, (height + TILE - 1) // TILE
    for tile in numba.prange(columns * rows):
        mine = members[starts[tile] : starts[tile + 1]]
        if len(mine) == 0:
            continue
        left, top = (tile % columns) * TILE, (tile // columns) * TILE
        right, bottom = min(left + TILE, width), min(top + TILE, height)
        nearness = np.empty((SAMPLES * TILE, SAMPLES * TILE))
        owner = np.empty((SAMPLES * TILE, SAMPLES * TILE), np.int32)
        _see(mine, planes, boxes, left, top, right, bottom, nearness, owner)
        surface, total = np.empty(15), np.empty(3)
        albedo, bump, spare, normal, view = np.empty(3), np.empty(3), np.empty(3), np.empty(3), np.empty(3)
        for row in range(top, bottom):
            for column in range(left, right):
                y0, x0 = SAMPLES * (row - top), SAMPLES * (column - left)
                covered = 0
                total[:] = 0.0
                for first in range(SAMPLES * SAMPLES):
                    t = owner[y0 + first // SAMPLES, x0 + first % SAMPLES]
                    if t < 0:
                        continue
                    count, sum_x, sum_y = 0, 0.0, 0.0
                    for k in range(first, SAMPLES * SAMPLES):
                        j, i = y0 + k // SAMPLES, x0 + k % SAMPLES
                        if owner[j, i] == t:
                            count += 1
                            sum_x += i
                            sum_y += j
                            owner[j, i] = -1
                    x = left + (sum_x / count + 0.5) / SAMPLES
                    y = top + (sum_y / count + 0.5) / SAMPLES
                    p = planes[t]
                    a, b, c = p[0] * x + p[1] * y + p[2], p[3] * x + p[4] * y + p[5], p[6] * x + p[7] * y + p[8]
                    scale = 1.0 / (a + b + c)
                    a, b, c = a * scale, b * scale, c * scale
                    va, vb, vc = vertices[triangles[t, 0]], vertices[triangles[t, 1]], vertices[triangles[t, 2]]
                    for k in range(15):
                        surface[k] = a * va[k] + b * vb[k] + c * vc[k]
                    m = materials[t]
                    _sample(colours, colour_pyramids[m], levels[t], surface[0], surface[1], albedo, spare)
                    bump_level = max(levels[t] - bump_shift[m], 0.0)
                    _sample(bumps, bump_pyramids[m], bump_level, surface[0], surface[1], bump, spare)
                    side = _side(va, vb, vc, eye)
                    _shade(surface, side, albedo, bump, eye, lights, sky, gloss[m], normal, view)
                    covered += count
                    for k in range(3):
                        total[k] += count * albedo[k]
                centre = nearness[y0 + SAMPLES // 2, x0 + SAMPLES // 2]
                if centre > 0.0:
                    depth[row, column] = 1.0 / centre
                if covered > 0:
                    mask[row, column] = covered / (SAMPLES * SAMPLES)
                    for k in range(3):
                        rgb[row, column, k] = _encode(total[k] / covered)


@numba.njit(cache=True, nogil=True)
def extend(rgb, mask, times):  # type: ignore[no-untyped-def]
    """Give pixels outside the mask the mean colour of their filled neighbours, ``times`` pixels far."""
    height, width = mask.shape
    filled = mask > 0
    for _ in range(times):
        before = filled.copy()
        for y in range(height):
            for x in range(width):
                if before[y, x]:
                    continue
                count = 0
                for j in range(max(y - 1, 0), min(y + 2, height)):
                    for i in range(max(x - 1, 0), min(x + 2, width)):
                        if before[j, i]:
                            count += 1
                            for k in range(3):
                                rgb[y, x, k] += rgb[j, i, k]
                if count > 0:
                    filled[y, x] = True
                    for k in range(3):
                        rgb[y, x, k] /= count
