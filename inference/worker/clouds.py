"""Gaussians that stay in the worker's memory between pictures."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..gaussian_ply import read_gaussians
from ..gaussian_transform import transformed
from ..gaussians import Gaussians, joined
from ..progress import Progress

# Bytes of all clouds that are kept beside those of the last picture.
LIMIT = 1 << 30

# Path, time and size of a file.
Identity = tuple[str, int, int]


class ResidentClouds:
    """Clouds as their files hold them, the least recently used dropped first, and the last picture's as one."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._clouds: OrderedDict[Identity, Gaussians] = OrderedDict()
        self._last: tuple[object, Gaussians] | None = None

    def joined(self, clouds: Sequence[Mapping[str, Any]], progress: Progress) -> Gaussians:
        """Return one cloud of several, in scene units.

        Args:
            clouds: Of each its file (``path``) and the 4x4 ``matrix`` from its space to the scene's, row by row.
            progress: Told how far the reading is.

        Raises:
            GaussiansError: If a file cannot be read, or a matrix flattens its cloud.
        """
        paths = [Path(cloud["path"]) for cloud in clouds]
        matrices = [np.asarray(cloud["matrix"], dtype=np.float64) for cloud in clouds]
        identities = [_identity(path) for path in paths]
        key = identities, [matrix.tolist() for matrix in matrices]
        if self._last is not None and self._last[0] == key:
            return self._last[1]
        self._last = None
        placed = []
        for index, (path, identity, matrix) in enumerate(zip(paths, identities, matrices, strict=True)):
            progress(index / len(paths), "Reading the Gaussians")
            placed.append(transformed(self._read(path, identity), matrix))
        whole = placed[0] if len(placed) == 1 else joined(placed)
        self._last = key, whole
        return whole

    def clear(self) -> None:
        """Drop all clouds."""
        self._clouds.clear()
        self._last = None

    def _read(self, path: Path, identity: Identity) -> Gaussians:
        cloud = self._clouds.pop(identity, None)
        if cloud is None:
            cloud = read_gaussians(path)
        self._clouds[identity] = cloud
        while len(self._clouds) > 1 and sum(map(_bytes, self._clouds.values())) > self._limit:
            self._clouds.popitem(last=False)
        return cloud


def _identity(path: Path) -> Identity:
    """Return what tells whether a file is still the one that was read; reading reports a missing one."""
    try:
        stat = path.stat()
    except OSError:
        return str(path), 0, 0
    return str(path), stat.st_mtime_ns, stat.st_size


def _bytes(cloud: Gaussians) -> int:
    arrays = cloud.means, cloud.quaternions, cloud.scales, cloud.opacities, cloud.harmonics
    return sum(array.nbytes for array in arrays)
