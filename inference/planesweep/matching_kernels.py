"""Matching kernels for the CPU, compiled by numba. :mod:`matching` and :mod:`draft` choose between these and torch."""

from __future__ import annotations

import numba
import numpy as np

from .kernels import OUTSIDE


@numba.njit(fastmath=True, cache=True)
def _box_sum(source, radius, rows, out):  # type: ignore[no-untyped-def]
    """Sum (H, W) over (2 radius + 1)^2 windows, cut at the border, into ``out``; ``rows`` (H, W) is scratch."""
    height, width = source.shape
    for y in range(height):
        total = np.float32(0.0)
        for x in range(min(radius, width)):
            total += source[y, x]
        for x in range(width):
            if x + radius < width:
                total += source[y, x + radius]
            if x - radius - 1 >= 0:
                total -= source[y, x - radius - 1]
            rows[y, x] = total
    for x in range(width):
        out[0, x] = 0.0
    for y in range(min(radius + 1, height)):
        for x in range(width):
            out[0, x] += rows[y, x]
    for y in range(1, height):
        for x in range(width):
            value = out[y - 1, x]
            if y + radius < height:
                value += rows[y + radius, x]
            if y - radius - 1 >= 0:
                value -= rows[y - radius - 1, x]
            out[y, x] = value


@numba.njit(fastmath=True, cache=True)
def _window_area(height, width, radius, y, x):  # type: ignore[no-untyped-def]
    """Return the number of pixels of the window around (y, x), cut at the border."""
    rows = min(y + radius, height - 1) - max(y - radius, 0) + 1
    columns = min(x + radius, width - 1) - max(x - radius, 0) + 1
    return np.float32(rows * columns)


@numba.njit(fastmath=True, cache=True)
def _grey_statistics(colours, radius, grey, mean, variance):  # type: ignore[no-untyped-def]
    """Fill (V, H, W) grey values of ``colours`` (V, 3, H, W), their windows' means and variances."""
    views, _, height, width = colours.shape
    scratch = np.empty((height, width), np.float32)
    square = np.empty((height, width), np.float32)
    for v in range(views):
        for y in range(height):
            for x in range(width):
                g = (
                    np.float32(0.299) * colours[v, 0, y, x]
                    + np.float32(0.587) * colours[v, 1, y, x]
                    + np.float32(0.114) * colours[v, 2, y, x]
                )
                grey[v, y, x] = g
                square[y, x] = g * g
        _box_sum(grey[v], radius, scratch, mean[v])
        _box_sum(square, radius, scratch, variance[v])
        for y in range(height):
            for x in range(width):
                area = _window_area(height, width, radius, y, x)
                m = mean[v, y, x] / area
                mean[v, y, x] = m
                variance[v, y, x] = max(variance[v, y, x] / area - m * m, np.float32(0.0))


@numba.njit(fastmath=True, cache=True)
def _decorrelation(grey, mean, variance, i, j, radius, noise, product, scratch, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` (H, W) with 1 - NCC of the views i and j; ``product`` and ``scratch`` (H, W) are scratch."""
    height, width = out.shape
    for y in range(height):
        for x in range(width):
            product[y, x] = grey[i, y, x] * grey[j, y, x]
    _box_sum(product, radius, scratch, out)
    for y in range(height):
        for x in range(width):
            area = _window_area(height, width, radius, y, x)
            covariance = out[y, x] / area - mean[i, y, x] * mean[j, y, x]
            out[y, x] = np.float32(1.0) - covariance / (np.sqrt(variance[i, y, x] * variance[j, y, x]) + noise)


@numba.njit(fastmath=True, cache=True)
def _difference(colours, i, j, radius, truncation, product, scratch, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` (H, W) with the windows' mean colour difference of the views i and j, in truncations, at most 2."""
    height, width = out.shape
    for y in range(height):
        for x in range(width):
            product[y, x] = (
                abs(colours[i, 0, y, x] - colours[j, 0, y, x])
                + abs(colours[i, 1, y, x] - colours[j, 1, y, x])
                + abs(colours[i, 2, y, x] - colours[j, 2, y, x])
            ) / np.float32(3.0)
    _box_sum(product, radius, scratch, out)
    for y in range(height):
        for x in range(width):
            area = _window_area(height, width, radius, y, x)
            out[y, x] = min(out[y, x] / area / truncation, np.float32(2.0))


@numba.njit(fastmath=True, cache=True)
def _sort(values, weights):  # type: ignore[no-untyped-def]
    """Sort a handful of values in place, and their weights with them."""
    for p in range(1, len(values)):
        value, weight = values[p], weights[p]
        q = p
        while q > 0 and values[q - 1] > value:
            values[q], weights[q] = values[q - 1], weights[q - 1]
            q -= 1
        values[q], weights[q] = value, weight


@numba.njit(fastmath=True, cache=True)
def _mean_between(values, weights, first, last):  # type: ignore[no-untyped-def]
    """Return the weighted mean of sorted ``values`` between the cumulative weights ``first`` and ``last``."""
    total = np.float32(0.0)
    start = np.float32(0.0)
    for p in range(len(values)):
        end = start + weights[p]
        total += values[p] * max(min(end, last) - max(start, first), np.float32(0.0))
        start = end
    return total / (last - first)


@numba.njit(parallel=True, fastmath=True, cache=True, nogil=True)
def matching_cost(colours, state, pairs, pair_weights, radius, better, noise, truncation, mixture, cost):  # type: ignore[no-untyped-def]
    """Fill ``cost`` (D, H, W); see :func:`matching.matching_cost` for what it is.

    Args:
        colours, state: (D, V, 3, H, W) float32 and (D, V, H, W) uint8 of a volume.
        pairs: (P, 2) int64 views to compare.
        pair_weights: (P,) float32 how much each counts.
        radius, better, noise, truncation, mixture: As there.
        cost: Written.
    """
    planes, views, _, height, width = colours.shape
    count = pairs.shape[0]
    for plane in numba.prange(planes):
        grey = np.empty((views, height, width), np.float32)
        mean = np.empty((views, height, width), np.float32)
        variance = np.empty((views, height, width), np.float32)
        scratch = np.empty((height, width), np.float32)
        product = np.empty((height, width), np.float32)
        difference = np.empty((height, width), np.float32)
        costs = np.empty((count, height, width), np.float32)
        _grey_statistics(colours[plane], radius, grey, mean, variance)
        for p in range(count):
            i, j = pairs[p, 0], pairs[p, 1]
            _decorrelation(grey, mean, variance, i, j, radius, noise, product, scratch, costs[p])
            _difference(colours[plane], i, j, radius, truncation, product, scratch, difference)
            for y in range(height):
                for x in range(width):
                    value = (np.float32(1.0) - mixture) * costs[p, y, x] + mixture * difference[y, x]
                    if state[plane, i, y, x] == OUTSIDE or state[plane, j, y, x] == OUTSIDE:
                        value = np.float32(1.0)
                    costs[p, y, x] = value
        chosen, weights = np.empty(count, np.float32), np.empty(count, np.float32)
        last = better * pair_weights.sum()
        for y in range(height):
            for x in range(width):
                chosen[:] = costs[:, y, x]
                weights[:] = pair_weights
                _sort(chosen, weights)
                cost[plane, y, x] = _mean_between(chosen, weights, np.float32(0.0), last)


@numba.njit(fastmath=True, cache=True)
def _aggregate_line(cost, start_y, start_x, step_y, step_x, small, large, total):  # type: ignore[no-untyped-def]
    """Follow one line through (H, W, D) ``cost`` and add its path costs to ``total``."""
    height, width, planes = cost.shape
    previous = np.zeros(planes, np.float32)
    current = np.empty(planes, np.float32)
    least = np.float32(0.0)
    y, x = np.int64(start_y), np.int64(start_x)
    while 0 <= y < height and 0 <= x < width:
        smallest = np.float32(1e9)
        for k in range(planes):
            value = previous[k]
            if k > 0:
                value = min(value, previous[k - 1] + small)
            if k < planes - 1:
                value = min(value, previous[k + 1] + small)
            value = cost[y, x, k] + min(value, least + large) - least
            current[k] = value
            smallest = min(smallest, value)
        for k in range(planes):
            total[y, x, k] += current[k]
            previous[k] = current[k]
        least = smallest
        y += step_y
        x += step_x


@numba.njit(parallel=True, fastmath=True, cache=True, nogil=True)
def aggregate(cost, small, large):  # type: ignore[no-untyped-def]
    """Return the mean path cost over eight directions of ``cost`` (H, W, D); see :func:`matching.aggregate`."""
    height, width = cost.shape[0], cost.shape[1]
    total = np.zeros_like(cost)
    for y in numba.prange(height):
        _aggregate_line(cost, y, 0, 0, 1, small, large, total)
        _aggregate_line(cost, y, width - 1, 0, -1, small, large, total)
    # Lines of one direction never cross, so that no two threads add to the same pixel.
    for direction in range(6):
        step_y = 1 if direction % 2 == 0 else -1
        step_x = direction // 2 - 1
        first = 0 if step_y == 1 else height - 1
        for line in numba.prange(width + height - 1):
            index = np.int64(line)
            if index < width:
                _aggregate_line(cost, first, index, step_y, step_x, small, large, total)
            elif step_x != 0:
                side = 0 if step_x == 1 else width - 1
                row = index - width + 1
                _aggregate_line(
                    cost, row if step_y == 1 else height - 1 - row, side, step_y, step_x, small, large, total
                )
    return total / np.float32(8.0)


@numba.njit(parallel=True, fastmath=True, cache=True, nogil=True)
def colour_variance(colours, state, present, radius, mismatch, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` (D, H, W); see :func:`draft.colour_variance`."""
    planes, views, _, height, width = colours.shape
    for plane in numba.prange(planes):
        variance = np.empty((height, width), np.float32)
        scratch = np.empty((height, width), np.float32)
        weights = np.empty(views, np.float32)
        for y in range(height):
            for x in range(width):
                count = np.float32(0.0)
                most = np.float32(0.0)
                for v in range(views):
                    weights[v] = present[v] if state[plane, v, y, x] != OUTSIDE else np.float32(0.0)
                    count += weights[v]
                    most = max(most, weights[v])
                second = min(count - most, np.float32(1.0))
                total = np.float32(0.0)
                if second > 0:
                    for c in range(3):
                        mean = np.float32(0.0)
                        for v in range(views):
                            mean += weights[v] * colours[plane, v, c, y, x]
                        mean /= count
                        for v in range(views):
                            difference = colours[plane, v, c, y, x] - mean
                            total += weights[v] * difference * difference
                    total /= np.float32(3.0) * count
                variance[y, x] = mismatch + second * (total - mismatch)
        _box_sum(variance, radius, scratch, out[plane])
        for y in range(height):
            rows = min(y + radius, height - 1) - max(y - radius, 0) + 1
            for x in range(width):
                out[plane, y, x] /= np.float32(rows * (min(x + radius, width - 1) - max(x - radius, 0) + 1))


@numba.njit(fastmath=True, cache=True)
def _spread(values, weights, total, parts, step, out, first, y, x):  # type: ignore[no-untyped-def]
    """Sort ``values`` and write the means of every ``step``-th of ``parts`` to ``out`` (C, H, W) from ``first`` on."""
    _sort(values, weights)
    width = total / np.float32(parts)
    channel = first
    for part in range(0, parts, step):
        out[channel, y, x] = _mean_between(values, weights, part * width, (part + 1) * width)
        channel += 1


@numba.njit(parallel=True, fastmath=True, cache=True, nogil=True)
def matching_cues(colours, state, present, pairs, pair_weights, radius, noise, truncation, parts, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` (D, C, H, W) with evidence on every sample; see :func:`matching.matching_cues` for what it is.

    Args:
        colours, state, pairs, pair_weights, radius, noise, truncation: As in :func:`matching_cost`.
        present: (V,) float32 how much each view takes part.
        parts: Q of the sorted pairs; of the smaller window, every other is reported.
        out: Written; C = 2 Q + Q / 2 + 3.
    """
    planes, views, _, height, width = colours.shape
    count = pairs.shape[0]
    many, few = parts, parts // 2
    pairs_total, present_total = pair_weights.sum(), present.sum()
    for plane in numba.prange(planes):
        grey = np.empty((views, height, width), np.float32)
        mean = np.empty((views, height, width), np.float32)
        variance = np.empty((views, height, width), np.float32)
        scratch = np.empty((height, width), np.float32)
        product = np.empty((height, width), np.float32)
        terms = np.empty((3, count, height, width), np.float32)
        inside = np.zeros((height, width), np.float32)
        _grey_statistics(colours[plane], radius - 1, grey, mean, variance)
        for p in range(count):
            i, j = pairs[p, 0], pairs[p, 1]
            _decorrelation(grey, mean, variance, i, j, radius - 1, noise, product, scratch, terms[2, p])
        _grey_statistics(colours[plane], radius, grey, mean, variance)
        for p in range(count):
            i, j = pairs[p, 0], pairs[p, 1]
            _decorrelation(grey, mean, variance, i, j, radius, noise, product, scratch, terms[0, p])
            _difference(colours[plane], i, j, radius, truncation, product, scratch, terms[1, p])
            for y in range(height):
                for x in range(width):
                    if state[plane, i, y, x] == OUTSIDE or state[plane, j, y, x] == OUTSIDE:
                        terms[:, p, y, x] = 1.0
                    else:
                        inside[y, x] += pair_weights[p]
        values, weights = np.empty(count, np.float32), np.empty(count, np.float32)
        for y in range(height):
            for x in range(width):
                for term in range(3):
                    values[:] = terms[term, :, y, x]
                    weights[:] = pair_weights
                    _spread(values, weights, pairs_total, parts, 2 if term == 2 else 1, out[plane], term * many, y, x)
                level = np.float32(0.0)
                texture = np.float32(0.0)
                for v in range(views):
                    level += present[v] * mean[v, y, x]
                    texture += present[v] * variance[v, y, x]
                out[plane, 2 * many + few, y, x] = texture / present_total
                out[plane, 2 * many + few + 1, y, x] = level / present_total
                out[plane, 2 * many + few + 2, y, x] = inside[y, x] / pairs_total
