"""Which frames are tried again, and when that ends: whole nights of faults in no time."""

import sys
from collections.abc import Callable
from types import ModuleType

import pytest

Scene = Callable[[str], ModuleType]
# Time and frame: the error's class in inference/errors.py, empty where the frame is made.
Fault = Callable[[float, int], str]

SECONDS = 60.0  # a frame takes


def night(scene_module: Scene, frames: int, attempts: int, fault: Fault) -> tuple[dict[int, float], list[int], float]:
    """Make frames one after the other; return when each was made, those that were not, and when all ended."""
    module = scene_module("frame_queue")
    errors = sys.modules[module.SightlineError.__module__]
    queue = module.FrameQueue(range(1, frames + 1), attempts)
    made: dict[int, float] = {}
    lost: list[int] = []
    now = 0.0
    while True:
        while queue.todo and not queue.breaks_off():
            frame = queue.take(lambda _: True)
            assert frame is not None
            if kind := fault(now, frame):
                now += 0.1
                if not queue.failed(frame, getattr(errors, kind)("broken")):
                    lost.append(frame)
                continue
            now += SECONDS
            made[frame] = now
            assert not queue.succeeded(frame, wholly=True)
        seconds = queue.end_round()
        if seconds is None:
            break
        now += seconds
        queue.begin_round()
    lost += queue.given_up()
    assert sorted([*made, *lost]) == list(range(1, frames + 1)), "a frame was lost or made twice"
    return made, sorted(lost), now


def during(*spans: tuple[float, float], kind: str = "PictureError") -> Fault:
    return lambda now, _frame: kind if any(start <= now < end for start, end in spans) else ""


def test_a_night_without_faults(scene_module: Scene) -> None:
    made, lost, end = night(scene_module, 100, 2, during())
    assert list(made) == list(range(1, 101)) and lost == [] and end == 100 * SECONDS


@pytest.mark.parametrize("kind", ["PictureError", "OutputError", "BackendError", "GaussiansError"])
def test_each_fault_that_passes_is_waited_for(scene_module: Scene, kind: str) -> None:
    """Five outages of 30 s in a night: two attempts are one pause of 10 s, three are 40 s."""
    outages = [(1000.0 * n, 1000.0 * n + 30) for n in range(1, 6)]
    _, lost, end = night(scene_module, 100, 3, during(*outages, kind=kind))
    assert lost == [] and end < 100 * SECONDS + 5 * 60


def test_frames_without_pictures_fail_and_all_others_are_made(scene_module: Scene) -> None:
    made, lost, end = night(scene_module, 300, 2, lambda _, frame: "PictureError" if 100 <= frame < 140 else "")
    assert lost == list(range(100, 140)) and len(made) == 260 and end < 260 * SECONDS + 60


def test_a_disk_that_stays_full_ends_it(scene_module: Scene) -> None:
    made, lost, end = night(scene_module, 1000, 3, during((600.0, 1e9), kind="OutputError"))
    assert len(made) == 10 and len(lost) == 990 and end < 600 + 60


def test_what_does_not_pass_is_tried_once(scene_module: Scene) -> None:
    tried: list[int] = []

    def fault(_now: float, frame: int) -> str:
        tried.append(frame)
        return "TargetError"

    assert night(scene_module, 10, 5, fault)[1] == tried == list(range(1, 11))


def test_without_weights_nothing_is_tried(scene_module: Scene) -> None:
    tried: list[int] = []

    def fault(_now: float, frame: int) -> str:
        tried.append(frame)
        return "WeightsError"

    assert len(night(scene_module, 10, 5, fault)[1]) == 10 and tried == [1]


def test_a_frame_waits_for_its_time(scene_module: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    module = scene_module("frame_queue")
    clock = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    queue = module.FrameQueue((1, 2), 1)
    assert queue.take(lambda _: True) == 1
    queue.postpone(1, 5.0)
    assert queue.take(lambda frame: frame == 1) is None and queue.take(lambda _: True) == 2
    clock[0] = 105.0
    assert queue.take(lambda _: True) == 1 and queue.left == 0
