"""Which frame is next, which are tried again and when, and when that is no use any more."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence

from ..inference.errors import BackendError, GaussiansError, OutputError, PictureError, SightlineError, WeightsError

# So many frames in a row that fail for a reason that others share are enough: those are left for later, or for good.
_ENOUGH = 3

# What may be otherwise a while later: a share that was out of reach, a full disk, a worker that the system killed. Of
# these, no place to write to and no living worker are wrong with all frames.
_COMMON = (BackendError, OutputError)
_PASSING = (*_COMMON, GaussiansError, PictureError)

# Seconds before failed frames are tried again: the first time, and at most; three times as long each time in between
# which no frame was made.
_PAUSE, _LONGEST_PAUSE = 10.0, 300.0


class FrameQueue:
    """The frames that are still to be made. They are taken in rounds, with a pause between two of them.

    Args:
        numbers: The frames, in their order.
        attempts: How often a frame is tried where its error may pass; so many rounds without a frame made end it all.
    """

    def __init__(self, numbers: Sequence[int], attempts: int) -> None:
        self._attempts = attempts
        self._todo = deque(numbers)
        self._again: list[int] = []  # for the next round
        self._errors: dict[int, SightlineError] = {}
        self._tries: Counter[int] = Counter()
        self._not_before: dict[int, float] = {}
        self._failing: list[SightlineError] = []  # since the last frame that was made, and the last pause
        self._barren = 0  # rounds that have ended since the last frame that was made

    @property
    def todo(self) -> Sequence[int]:
        """The frames of this round, the next one first."""
        return self._todo

    @property
    def left(self) -> int:
        """How many frames there are in this round and the next."""
        return len(self._todo) + len(self._again)

    def take(self, suits: Callable[[int], bool]) -> int | None:
        """Take the first frame that suits and need not wait."""
        now = time.monotonic()
        for frame in self._todo:
            if self._not_before.get(frame, now) <= now and suits(frame):
                self._todo.remove(frame)
                return frame
        return None

    def put_back(self, frame: int) -> None:
        """Put back a frame that was taken: it is the next one again."""
        self._todo.appendleft(frame)

    def postpone(self, frame: int, seconds: float) -> None:
        """Put back a frame that is not to be taken for a while."""
        self._not_before[frame] = time.monotonic() + seconds
        self._todo.append(frame)

    def succeeded(self, frame: int, *, wholly: bool) -> bool:
        """Note that a frame is there; return whether it is looked at again, because it was made from less than asked.

        Args:
            frame: The frame.
            wholly: Whether it was made from all that was meant for it.
        """
        self._barren = 0
        self._failing.clear()
        self._tries[frame] += 1
        again = not wholly and self._tries[frame] < self._attempts
        if again:
            self._again.append(frame)
        return again

    def failed(self, frame: int, error: SightlineError) -> bool:
        """Note that a frame failed; return whether it is tried again."""
        self._failing.append(error)
        self._errors[frame] = error
        self._tries[frame] += 1
        again = isinstance(error, _PASSING) and self._tries[frame] < self._attempts
        if again:
            self._again.append(frame)
        return again

    def breaks_off(self) -> bool:
        """Whether the frames that are left had better not be tried in this round."""
        if self._fatal():
            return True
        last = self._failing[-_ENOUGH:]
        if len(last) < _ENOUGH:
            return False
        if any(all(isinstance(error, kind) for error in last) for kind in _COMMON):
            return True
        # What is wrong with three pictures need not be wrong with all: before the end, all are tried.
        return self._barren + 1 < self._attempts and all(isinstance(error, _PASSING) for error in last)

    def end_round(self) -> float | None:
        """End a round; return the seconds to wait before the next one, ``None`` where there is to be none."""
        self._barren += 1
        if not self.left or self._barren >= self._attempts or self._fatal():
            return None
        return float(min(_PAUSE * 3 ** (self._barren - 1), _LONGEST_PAUSE))

    def begin_round(self) -> None:
        """Take in the frames that the last round has left for this one, behind those that were not tried."""
        self._todo.extend(self._again)
        self._again.clear()
        self._failing.clear()

    def given_up(self) -> dict[int, SightlineError]:
        """Return the frames that are left, each with its error; one that was not tried has that of the last one."""
        return {frame: self._errors.get(frame, self._failing[-1]) for frame in (*self._todo, *self._again)}

    def _fatal(self) -> bool:
        """Whether what is wrong is wrong with all frames, and stays so."""
        return bool(self._failing) and isinstance(self._failing[-1], WeightsError)
