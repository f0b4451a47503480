"""Where examples come from: drawn by seed, or read from a folder that was drawn beforehand."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from inference.errors import SightlineError

from ..people.sample import draw_sample
from ..sharing import one_thread
from .example import Example, prepare
from .storage import load_example, save_example

TARGETS = 2  # pictures between the sources and beside them that one pair is judged by
REPLAY = 64  # drawn examples kept to be seen again
REPEATS = 2  # how often each of them is
ATTEMPTS = 20
T = TypeVar("T")
# A drawn seed that fails goes on with others, far from those of the examples beside it.
_STRIDE = 2**24


@dataclass(frozen=True)
class Source:
    """What examples are made of.

    Args:
        size: Longest side of the rectified pictures in pixels.
        people: Folder of avatars; ``None``: procedural bodies alone.
    """

    size: int
    people: Path | None

    def draw(self, seed: int) -> Example:
        """Return the example of a seed.

        Raises:
            SightlineError: If none of many pairs in a row can be rectified.
        """
        for attempt in range(ATTEMPTS):
            try:
                return prepare(draw_sample(seed + attempt * _STRIDE, self.size, self.people, TARGETS), self.size)
            except SightlineError:
                # A pair that shows nothing, say; what is wrong with all of them is told.
                if attempt == ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")


def draw_folder(source: Source, folder: Path, count: int, workers: int, first: int = 0) -> None:
    """Draw examples of ``count`` seeds from ``first`` on into a folder; those that are there already are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    seeds = [seed for seed in range(first, first + count) if not _file(folder, seed).exists()]
    started = time.monotonic()
    # numba's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, one_thread) as pool:
        for done, _ in enumerate(pool.map(partial(_draw_file, source, folder), seeds), start=1):
            if done % 50 == 0 or done == len(seeds):
                print(f"{done} of {len(seeds)}, {(time.monotonic() - started) / done:.2f} s each", flush=True)


@dataclass(frozen=True)
class Folder:
    """Examples that :func:`draw_folder` wrote.

    Args:
        path: The folder.
        seed: Of their order, which is another one each round.
    """

    path: Path
    seed: int

    def read(self, number: int) -> Example:
        """Return the example whose turn it is after ``number`` others.

        Raises:
            ValueError: If there is none.
        """
        files = _files(self.path)
        if not files:
            raise ValueError(f"'{self.path}' holds no examples; draw some with python -m training people-draw")
        turn, place = divmod(number, len(files))
        order = np.random.default_rng([self.seed, turn]).permutation(len(files))
        return load_example(files[order[place]])


def repeated(fresh: Iterator[T], random: np.random.Generator) -> Iterator[T]:
    """Give everything again later: learning costs less than drawing."""
    kept: list[T] = []
    for one in fresh:
        yield one
        kept.append(one)
        for _ in range(REPEATS - 1):
            yield kept[int(random.integers(len(kept)))]
        if len(kept) > REPLAY:
            kept.pop(int(random.integers(len(kept))))


def _draw_file(source: Source, folder: Path, seed: int) -> None:
    save_example(_file(folder, seed), source.draw(seed))


@cache
def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.safetensors"))


def _file(folder: Path, seed: int) -> Path:
    return folder / f"{seed:08d}.safetensors"
