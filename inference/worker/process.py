"""The worker as an operating system's process: started, spoken to, listened to, ended. Knows nothing of requests."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from ..errors import BackendError
from . import protocol

# Seconds a worker has to end by itself after its standard input was closed.
_END_SECONDS = 2.0

# Blender sets these for the Python inside it; another interpreter would look for its library there.
_FOREIGN_VARIABLES = ("PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONEXECUTABLE", "__PYVENV_LAUNCHER__")


class WorkerProcess:
    """One running worker.

    Two daemon threads serve it: one writes its standard input, so that a long request blocks nobody; the other reads
    its standard output into a queue and takes note of its end.

    Args:
        python: The interpreter that has the worker's packages.
        module: What it runs (``-m``).
        root: The extension's folder: working directory and first entry of the module search path.
        folder: The private folder; the log is in it.
        environment: Additions to this process's environment; a ``PYTHONPATH`` among them follows ``root``.

    Raises:
        BackendError: If it cannot be started.
    """

    def __init__(
        self, python: Path, module: str, root: Path, folder: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self._python = python
        self.log = folder / "worker.log"
        self.last_line = time.monotonic()
        self.arrived = threading.Event()
        self._outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._incoming: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._ended = threading.Event()
        try:
            with self.log.open("ab") as log:
                self._log_start = log.tell()
                self._process = subprocess.Popen(
                    [str(python), "-m", module, "--folder", str(folder)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    cwd=root,
                    env=_environment(root, environment or {}),
                    **_detached(),
                )
        except OSError as error:
            if not python.exists():
                sentence = f"There is no Python at '{python}'; choose the one that has the worker's packages."
            else:
                sentence = f"The worker cannot be started with '{python}' ({error}); choose another Python."
            raise BackendError(sentence) from None
        assert self._process.stdin is not None and self._process.stdout is not None
        for target, stream in ((self._write, self._process.stdin), (self._read, self._process.stdout)):
            threading.Thread(target=target, args=(stream,), name=f"sightline{target.__name__}", daemon=True).start()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether it is gone and everything it ever said can be received."""
        return self._ended.is_set()

    def send(self, line: bytes) -> None:
        """Queue one line for its standard input; never blocks."""
        self._outgoing.put(line)

    def receive(self) -> dict[str, Any] | None:
        """Return the next message, or ``None`` where there is none yet; never blocks."""
        try:
            return self._incoming.get_nowait()
        except queue.Empty:
            return None

    def interrupt(self) -> None:
        """Send the signal that makes the worker stop its running request."""
        if sys.platform != "win32":
            self._process.send_signal(signal.SIGINT)
            return
        # Windows refuses the event where the two share no console; the kill that follows an ignored signal needs none.
        with contextlib.suppress(OSError):
            self._process.send_signal(signal.CTRL_BREAK_EVENT)

    def kill(self) -> None:
        """End it at once; never blocks."""
        self._outgoing.put(None)
        self._process.kill()

    def end(self) -> None:
        """End it by closing its standard input, by force after two seconds; returns when it is gone."""
        self._outgoing.put(None)
        if not self._ended.wait(_END_SECONDS):
            self._process.kill()
            self._ended.wait(_END_SECONDS)

    def last_words(self) -> str:
        """Return the line of its log that tells best why it ended, or an empty text."""
        try:
            with self.log.open("rb") as log:
                size = log.seek(0, os.SEEK_END)
                log.seek(max(self._log_start, size - 8192))
                lines = [line.strip() for line in log.read().decode("utf-8", "replace").splitlines() if line.strip()]
        except OSError as error:
            return f"its log cannot be read: {error}"
        telling = [line for line in lines if re.match(r"Fatal Python error|[\w.]*(Error|Exception|Interrupt)\b", line)]
        return (telling or lines or [""])[-1][:300]

    def epitaph(self) -> str:
        """Say in one sentence how it ended."""
        code, words = self._process.returncode, self.last_words()
        if missing := re.search(r"No module named '?([\w.]+)", words):
            name = missing[1]
            if name.partition(".")[0] == "inference":
                return f"The extension's folder is incomplete (no module '{name}'); install it again."
            return (
                f"The package '{name}' is missing in the Python at '{self._python}'; "
                "install the worker's packages there or choose another Python."
            )
        if code == -getattr(signal, "SIGKILL", 9):
            return (
                "The worker was killed by the system, most likely because memory ran out; "
                "use fewer sources or a smaller picture, or close other programs."
            )
        if code is None:
            how = "does not answer any more"
        elif code < 0:
            names = {number.value: number.name for number in signal.Signals}
            how = f"crashed ({names.get(-code, -code)})"
        else:
            how = f"ended unexpectedly (exit code {code if code < 256 else hex(code)})"
        said = f"; its last words were: {words}" if words else ""
        return f"The worker {how}{said}; the next request starts another."

    def _write(self, stream: IO[bytes]) -> None:
        try:
            while (line := self._outgoing.get()) is not None:
                stream.write(line)
                stream.flush()
            stream.close()
        except OSError:
            # It is gone, or going; the other thread sees that as the end of its output.
            return

    def _read(self, stream: IO[bytes]) -> None:
        for line in stream:
            self.last_line = time.monotonic()
            try:
                self._incoming.put(protocol.decode(line))
            except protocol.ProtocolError:
                # Printed by the interpreter's own start-up files before the worker took its output for itself, or the
                # broken last line of a dying worker.
                continue
            self.arrived.set()
        stream.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._outgoing.put(None)
        self._ended.set()
        self.arrived.set()


def _environment(root: Path, additions: Mapping[str, str]) -> dict[str, str]:
    """Return the worker's environment: this process's without what concerns its own Python."""
    environment = {name: value for name, value in os.environ.items() if name not in _FOREIGN_VARIABLES}
    environment.update(additions)
    paths = [str(root), *filter(None, [additions.get("PYTHONPATH")])]
    return environment | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUTF8": "1"}


def _detached() -> dict[str, Any]:
    """Return what keeps the worker apart from this process's console and terminal."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
    # A Ctrl-C in the terminal is Blender's to handle: without a session of its own the worker would get it as well.
    return {"start_new_session": True}
