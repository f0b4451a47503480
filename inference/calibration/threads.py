"""Long calls into pycolmap that can be stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

WAIT_SECONDS = 0.1


def run_stoppable(work: Callable[[Any], None], tick: Callable[[], None]) -> None:
    """Run a call of pycolmap on a thread of its own, so that this one can be interrupted.

    Args:
        work: Takes the token that stops it (pycolmap.CancellationToken). What it raises is raised here.
        tick: Called ten times a second meanwhile. If it raises, the work is stopped and waited for, then that goes on.
    """
    import pycolmap

    token = pycolmap.CancellationToken()
    raised: list[BaseException] = []

    def body() -> None:
        try:
            work(token)
        except BaseException as error:  # handed over to the thread that waits
            raised.append(error)

    thread = threading.Thread(target=body, name="pycolmap", daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(WAIT_SECONDS)
            tick()
    except BaseException:
        token.cancel()
        thread.join()
        raise
    if raised:
        raise raised[0]
