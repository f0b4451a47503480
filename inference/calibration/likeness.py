"""Which pictures of many show the same things, told from a few large features of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..capture.features import Descriptors, mutual_matches
from ..progress import Progress, silent

# So many features of a picture are compared with every other picture's: the largest, which are seen from afar as well.
LARGEST = 250


def alike_pairs(
    descriptors: Sequence[Descriptors],
    partners: int,
    progress: Progress = silent,
    allowed: NDArray[np.bool_] | None = None,
) -> list[tuple[int, int]]:
    """Return the pairs of pictures that are worth matching, from quick matches of all with all.

    Args:
        descriptors: Of every picture, (N, D) with the largest features first; only the first 250 count.
        partners: So many most alike pictures are kept for every picture.
        progress: Told after every picture.
        allowed: (N, N) which pairs count, symmetric; ``None``: all.

    Returns:
        Pairs (first < second) in order. A picture that is like no other one has none.
    """
    few = [each[:LARGEST] for each in descriptors]
    count = len(few)
    votes = np.zeros((count, count), dtype=np.int64)
    for first in range(count):
        progress(first / count, "Comparing the pictures")
        for second in range(first + 1, count):
            if allowed is not None and not allowed[first, second]:
                continue
            if min(len(few[first]), len(few[second])) >= 2:
                votes[first, second] = votes[second, first] = len(mutual_matches(few[first], few[second])[0])
    pairs: set[tuple[int, int]] = set()
    for index in range(count):
        for other in np.argsort(-votes[index], kind="stable")[:partners].tolist():
            if votes[index, other]:
                pairs.add((min(index, other), max(index, other)))
    return sorted(pairs)
