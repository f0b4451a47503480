"""Claims on frames, by which processes on one folder share its frames out, wherever they run.

A claim is a small file beside the frame's, made so that only one can make it; its owner renews its time while it lives.
Whether a frame is right does never depend on claims: files are moved into place whole, and their stamps are read.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
import time
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self

from ..inference.errors import OutputError

# A claim's time is renewed so often, and after so long without that, its owner is gone (seconds). Clocks of machines
# differ: the time that counts is that of whoever looks.
_RENEWED, _STALE = 5.0, 60.0


class Claims:
    """The claims of this process. A thread renews them while it is entered; leaving gives up all.

    Args:
        stale: Seconds without a sign of life after which somebody else's claim counts no more.
    """

    def __init__(self, stale: float = _STALE) -> None:
        self._stale = stale
        self._owner = {"host": socket.gethostname(), "process": os.getpid(), "token": uuid.uuid4().hex}
        self._held: set[Path] = set()
        self._seen: dict[Path, tuple[int, float]] = {}  # the time that a file had, and when that was first seen
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="sightline-claims", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        for path in list(self._held):
            self.release(path)

    def take(self, path: Path) -> bool:
        """Claim a frame's file; return whether this process has it now.

        Raises:
            OutputError: If a claim cannot be written.
        """
        self.clear(path)
        claim = _claim_of(path)
        try:
            with claim.open("x", encoding="utf-8") as file:
                json.dump(self._owner, file)
        except FileExistsError:
            return False
        except OSError as error:
            claim.unlink(missing_ok=True)  # a full disk has room for its name
            raise OutputError(f"{claim} cannot be written: {error.strerror or error}.") from None
        with self._lock:
            self._held.add(path)
        return True

    def clear(self, path: Path) -> None:
        """Remove the claim of somebody who is gone, if there is one."""
        claim = _claim_of(path)
        if self._is_stale(claim):
            self._remove_stale(claim)

    def release(self, path: Path) -> None:
        """Give up a claim, if this process has it."""
        with self._lock:
            if path not in self._held:
                return
            self._held.remove(path)
        claim = _claim_of(path)
        if _owner_of(claim) == self._owner:  # whoever took it for stale has it now
            with contextlib.suppress(OSError):
                claim.unlink()

    def owner(self, path: Path) -> str:
        """Return which machine has claimed a frame's file; empty where none has."""
        return str(_owner_of(_claim_of(path)).get("host", ""))

    def _is_stale(self, claim: Path) -> bool:
        """Whether a claim's owner is gone: known to be so on this machine, else by its silence."""
        owner = _owner_of(claim)
        if owner.get("host") == self._owner["host"] and not _runs(owner.get("process")):
            return True
        try:
            renewed = claim.stat().st_mtime_ns
        except OSError:
            self._seen.pop(claim, None)
            return False
        now = time.monotonic()
        if self._seen.get(claim, (None, now))[0] != renewed:
            self._seen[claim] = renewed, now
        return now - self._seen.setdefault(claim, (renewed, now))[1] > self._stale

    def _remove_stale(self, claim: Path) -> None:
        """Remove a claim so that of several who find it stale only one does, and nobody's new one is hit."""
        before = _owner_of(claim)
        aside = claim.with_name(f"{claim.name}.{uuid.uuid4().hex}")
        with contextlib.suppress(OSError):
            claim.rename(aside)
            if _owner_of(aside) != before and not claim.exists():
                aside.rename(claim)
            else:
                aside.unlink()

    def _renew(self) -> None:
        while not self._ended.wait(_RENEWED):
            with self._lock:
                held = list(self._held)
            for path in held:
                with contextlib.suppress(OSError):
                    os.utime(_claim_of(path))


def _claim_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.claim")


def _owner_of(claim: Path) -> dict[str, object]:
    """Return who made a claim; nobody where it is gone, or being written just now."""
    try:
        owner = json.loads(claim.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return owner if isinstance(owner, dict) else {}


def _runs(process: object) -> bool:
    """Whether a process of this machine runs, as far as can be asked without harm."""
    if sys.platform == "win32" or not isinstance(process, int):
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True
