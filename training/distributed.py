"""One training run by several processes that ``torchrun`` starts, each on a device of its own, or by one alone.

On a machine with eight GPUs, with the losses and weights of one process (``--batch`` counts the samples of all):

    torchrun --standalone --nproc-per-node 8 -m training convglr --batch 16 --out run --minutes 60
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

WRONG_USAGE = 2  # exit status
STOPPING = (signal.SIGINT, signal.SIGTERM)


@dataclass
class Ranks:
    """The processes of a run as one of them sees them.

    Args:
        device: What this process computes on.
        rank: Its number; the first one, 0, validates, logs and saves.
        count: How many processes there are.
        stopping: Whether this one was told to stop.
    """

    device: torch.device
    rank: int = 0
    count: int = 1
    stopping: bool = False

    @property
    def first(self) -> bool:
        """Whether this process is the one that validates, logs and saves."""
        return self.rank == 0

    def learner(self, module: nn.Module) -> nn.Module:
        """Return the module so that its gradients come out averaged over the processes. What is frozen stays so."""
        return DistributedDataParallel(module) if self.count > 1 else module

    def gathered(self, values: Sequence[float] = ()) -> list[list[float]]:
        """Return everyone's values, equally many, in the order of the ranks. All wait for each other."""
        if self.count == 1:
            return [list(values)]
        mine = torch.tensor(values, dtype=torch.float64)
        everyones = [torch.empty_like(mine) for _ in range(self.count)]
        distributed.all_gather(everyones, mine)
        return [row.tolist() for row in everyones]

    def agreed(self, elapsed: float) -> float:
        """Return the first process's seconds, or infinity once any process was told to stop: all end with one step."""
        clocks = [clock for (clock,) in self.gathered([float("inf") if self.stopping else elapsed])]
        return max(clocks) if float("inf") in clocks else clocks[0]

    def pooled(self, mean: float, size: int) -> tuple[float, float]:
        """Return the mean over all processes' parts, and the factor of this part's mean.

        Means times their factors give the whole mean when they are averaged over the processes, as gradients are.

        Args:
            mean: Over this process's part, 0 where there is nothing in it.
            size: How much is in it.
        """
        if self.count == 1:
            return mean, 1.0
        parts = self.gathered([mean, size])
        whole = max(1.0, sum(size for _, size in parts))
        return sum(mean * size for mean, size in parts) / whole, size * self.count / whole

    def stop(self, *_: Any) -> None:
        """End the run after this step."""
        self.stopping = True


@contextmanager
def joined(device: str, batch: int) -> Iterator[Ranks]:
    """Join the processes that were started together, of which ``torchrun``'s environment tells, if there are any.

    Among several, Ctrl-C and SIGTERM end the run after the step that is under way, as if the time were over.

    Args:
        device: As on the command line; of several GPUs each process takes its own.
        batch: Samples of a step, of all processes together.

    Raises:
        SystemExit: If the batch cannot be shared out, or a process finds no GPU of its own; the sentence is printed.
    """
    count = processes()
    if count == 1:
        yield Ranks(torch.device(device))
        return
    own = torch.device(device)
    if own.type == "cuda":
        own = _own_gpu(int(os.environ["LOCAL_RANK"]))
    # What is agreed upon in passing are CPU's tensors: they wait for no GPU, and a GPU's time limit is not theirs.
    distributed.init_process_group("cpu:gloo,cuda:nccl" if own.type == "cuda" else "gloo")
    ranks = Ranks(own, distributed.get_rank(), count)
    if batch % count:
        if ranks.first:
            print(
                f"a batch of {batch} cannot be shared out equally over {count} processes; "
                f"choose --batch as a multiple of {count}, it counts the samples of all processes together",
                file=sys.stderr,
                flush=True,
            )
        ranks.gathered()  # torchrun ends the others as soon as one leaves
        raise SystemExit(WRONG_USAGE)
    before = {number: signal.signal(number, ranks.stop) for number in STOPPING}
    yield ranks
    # Not in a finally clause: after an error the others may never come, and leaving is enough.
    ranks.gathered()  # the first one saves
    distributed.destroy_process_group()
    for number, handler in before.items():
        signal.signal(number, handler)


def processes() -> int:
    """Return how many processes were started together."""
    return int(os.environ.get("WORLD_SIZE", 1))


def summing(learner: nn.Module, more: bool) -> AbstractContextManager[None]:
    """Around a forward pass: gradients stay this process's own while ``more`` of the same step is to come."""
    return learner.no_sync() if more and isinstance(learner, DistributedDataParallel) else nullcontext()


def _own_gpu(number: int) -> torch.device:
    """Take one GPU of this machine for all that this process does."""
    if number >= torch.cuda.device_count():
        print(
            f"process {number + 1} finds no GPU of its own, for there are {torch.cuda.device_count()}; "
            "start as many as there are GPUs (--nproc-per-node gpu), or choose --device cpu",
            file=sys.stderr,
            flush=True,
        )
        raise SystemExit(WRONG_USAGE)
    own = torch.device("cuda", number)
    torch.cuda.set_device(own)
    return own
