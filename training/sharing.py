"""The order in which a run sees its examples, and which of them each process draws.

The order is made of numbers alone and is the same in every process, however many there are; only what falls to a
process is drawn by it.
"""

from __future__ import annotations

import itertools
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import cv2
import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from .distributed import STOPPING, Ranks, processes

E = TypeVar("E")
Colours = NDArray[np.int64]  # (3,) order of the channels


@dataclass(eq=False)
class Draw(Generic[E]):
    """One example of the run, which may be seen several times.

    Args:
        number: What it is drawn by.
        rank: The process that has it; ``None``: no one yet.
        example: It itself, in that process.
    """

    number: int
    rank: int | None = None
    example: E | None = None


Turn = tuple[Draw[E], Colours | None]  # what is seen, and with which colours if not its own


def numbered(first: int) -> Iterator[Draw[E]]:
    """Return fresh draws of all numbers from ``first`` on."""
    return (Draw(number) for number in itertools.count(first))


def shared_out(step: Sequence[Draw[E]], count: int) -> list[int]:
    """Return the rank that each draw of a step falls to; all get equally many.

    What a process has already falls to it as long as it has room, so that little is drawn twice; the others go round.
    """
    room = [len(step) // count] * count
    ranks: dict[int, int] = {}
    for place, draw in enumerate(step):
        if draw.rank is not None and room[draw.rank]:
            ranks[place] = draw.rank
            room[draw.rank] -= 1
    for place in range(len(step)):
        if place not in ranks:
            ranks[place] = max(range(count), key=room.__getitem__)
            room[ranks[place]] -= 1
    return [ranks[place] for place in range(len(step))]


def own_examples(
    turns: Iterator[Turn[E]],
    draw: Callable[[int], E],
    recoloured: Callable[[E, Colours], E],
    batch: int,
    ranks: Ranks,
    workers: int,
) -> Iterator[E]:
    """Return this process's examples of every step, one after the other.

    Args:
        turns: The run's order, the same in every process.
        draw: Makes the example of a number.
        recoloured: Exchanges an example's colours.
        batch: Turns of a step, a multiple of the number of processes.
        ranks: The processes.
        workers: Other processes that draw for this one; 0: it draws itself.
    """
    ahead, now = itertools.tee(_own_turns(turns, batch, ranks))
    examples = drawn(draw, (turn[0].number for turn, fresh in ahead if fresh), workers)
    for (place, colours), fresh in now:
        if fresh:
            place.example = next(examples)
        assert place.example is not None
        yield place.example if colours is None else recoloured(place.example, colours)


def _own_turns(turns: Iterator[Turn[E]], batch: int, ranks: Ranks) -> Iterator[tuple[Turn[E], bool]]:
    """Return this process's turns, and whether it has to draw them first."""
    while True:
        step = list(itertools.islice(turns, batch))
        for turn, rank in zip(step, shared_out([draw for draw, _ in step], ranks.count), strict=True):
            fresh = turn[0].rank != rank
            turn[0].rank = rank
            if rank == ranks.rank:
                yield turn, fresh


def drawn(draw: Callable[[int], E], numbers: Iterable[int], workers: int) -> Iterator[E]:
    """Return the examples of the numbers in their order, made by other processes where there are any."""
    if not workers:
        return map(draw, numbers)
    # numba's threads do not survive a fork.
    loader = DataLoader(
        _Drawn(draw),
        batch_size=None,
        sampler=numbers,
        num_workers=workers,
        prefetch_factor=4,
        worker_init_fn=_begin,
        multiprocessing_context="spawn",
    )
    return iter(loader)


class _Drawn(Dataset[E]):
    """What the loader's processes draw."""

    def __init__(self, draw: Callable[[int], E]) -> None:
        self.draw = draw

    def __getitem__(self, number: int) -> E:
        return self.draw(number)


def one_thread() -> None:
    """Keep a process that draws to one core: there is one for each."""
    torch.set_num_threads(1)
    numba.set_num_threads(1)
    cv2.setNumThreads(1)


def _begin(worker: int) -> None:
    one_thread()
    if processes() > 1:
        # Signals reach these too; they end with the one that they draw for, which first ends its step and saves.
        for number in STOPPING:
            signal.signal(number, signal.SIG_IGN)
