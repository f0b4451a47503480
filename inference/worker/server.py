"""The worker's loop: reads requests, runs them one at a time on the main thread, says how far they are.

Three threads: the main one computes (torch and numba want one calling thread), one reads requests, one writes lines and
the heartbeat between them. The real standard output belongs to the protocol; whatever a library prints goes to the log.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import queue
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, BinaryIO

from ..errors import BackendError, Cancelled, OutputError, SightlineError
from . import protocol
from .failures import Failure, failure

log = logging.getLogger("sightline.worker")

# Models and photographs are dropped after this many seconds without a request.
IDLE_SECONDS = 15 * 60.0

# Progress within one stage is said no more often than this.
PROGRESS_SECONDS = 0.05


@dataclass(eq=False)
class Context:
    """What a handler has of the request it serves, beside the parameters.

    ``progress`` fits :data:`inference.progress.Progress`: it raises :class:`Cancelled` once the user asked to stop.
    """

    id: int
    folder: Path
    _say: Callable[[Mapping[str, Any]], None]
    cancelled: bool = False
    _last: tuple[float, str] = field(default=(0.0, ""))

    def progress(self, fraction: float, stage: str) -> None:
        """Say that ``fraction`` (0..1) is done and ``stage`` is going on."""
        if self.cancelled:
            raise Cancelled
        now = time.monotonic()
        if now - self._last[0] >= PROGRESS_SECONDS or stage != self._last[1] or fraction >= 1.0:
            self._last = (now, stage)
            self._tell(protocol.PROGRESS, stage, fraction=min(max(float(fraction), 0.0), 1.0))

    def status(self, message: str) -> None:
        """Say what is going on where no fraction can be given."""
        self._tell(protocol.STATUS, message)

    def warning(self, message: str) -> None:
        """Say something the user should know; the request goes on."""
        self._tell(protocol.WARNING, message)

    def _tell(self, kind: str, message: str, **more: Any) -> None:
        self._say({"id": self.id, "type": kind, "message": message, **more})


# Takes the parameters of a request and returns its data, both as plain values and arrays.
Handler = Callable[[dict[str, Any], Context], dict[str, Any]]


@dataclass(frozen=True, eq=False)
class _Job:
    method: str
    params: dict[str, Any]
    context: Context


def serve(
    handlers: Mapping[str, Handler],
    folder: Path,
    *,
    unload: Callable[[], None] = lambda: None,
    idle_seconds: float = IDLE_SECONDS,
) -> None:
    """Serve requests from standard input until it ends; then end the whole process.

    Args:
        handlers: What to call for each method, on the thread that called this function.
        folder: The client's private folder, where arrays go. It is removed with the process.
        unload: Drops models and photographs; called after ``idle_seconds`` without a request and when memory ran out.
        idle_seconds: See ``unload``.
    """
    faulthandler.enable()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    requests, replies = _take_standard_streams()
    server = _Server(handlers, folder, unload)
    if sys.platform == "win32":
        signal.signal(signal.SIGBREAK, server.interrupt)
    else:
        signal.signal(signal.SIGINT, server.interrupt)
    threading.Thread(target=server.write, args=(replies,), name="writer", daemon=True).start()
    threading.Thread(target=server.read, args=(requests,), name="reader", daemon=True).start()
    server.work(idle_seconds)


class _Server:
    def __init__(self, handlers: Mapping[str, Handler], folder: Path, unload: Callable[[], None]) -> None:
        self._handlers = handlers
        self._folder = folder
        self._unload = unload
        self._lock = threading.Lock()
        self._unfinished: dict[int, _Job] = {}
        self._waiting: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        # A signal handler that raises does no harm to SimpleQueue.put; it could leave half a line in a stream.
        self._lines: queue.SimpleQueue[bytes | threading.Event] = queue.SimpleQueue()
        self._running: _Job | None = None
        self._interruptible: Context | None = None

    def say(self, message: Mapping[str, Any]) -> None:
        """Queue one message for the client."""
        self._lines.put(protocol.encode(message))

    def write(self, replies: BinaryIO) -> None:
        """Write the queued lines, and a heartbeat each second, for ever."""
        heartbeat = protocol.encode({"id": None, "type": protocol.HEARTBEAT})
        due = time.monotonic()
        try:
            while True:
                try:
                    line = self._lines.get(timeout=max(0.0, due - time.monotonic()))
                except queue.Empty:
                    line = heartbeat
                    due = time.monotonic() + protocol.HEARTBEAT_SECONDS
                if isinstance(line, bytes):
                    replies.write(line)
                if self._lines.empty() or not isinstance(line, bytes):
                    replies.flush()
                if not isinstance(line, bytes):
                    line.set()
        except OSError as error:
            log.error("nobody reads the replies any more: %s", error)
            self._end()

    def read(self, requests: BinaryIO) -> None:
        """Take requests until their stream ends, then end the process, whatever it is doing."""
        for line in requests:
            try:
                self._take(protocol.decode(line))
            except protocol.ProtocolError as error:
                self._refuse(None, f"A request is no message ({error}).")
        self._end()

    def _take(self, request: dict[str, Any]) -> None:
        identity, method, params = request.get("id"), request.get("method"), request.get("params", {})
        if not isinstance(identity, int) or isinstance(identity, bool):
            self._refuse(None, "A request has no number as its id.")
        elif not isinstance(method, str) or not isinstance(params, dict):
            self._refuse(identity, "A request needs a method's name and an object of parameters.")
        elif method == protocol.CANCEL:
            self._cancel(params.get("request"))
            self.say({"id": identity, "type": protocol.RESULT, "data": {}})
            self.say({"id": identity, "type": protocol.DONE})
        else:
            job = _Job(method, params, Context(identity, self._folder / f"result-{identity}", self.say))
            with self._lock:
                if taken := identity not in self._unfinished:
                    self._unfinished[identity] = job
            if taken:
                self._waiting.put(job)
            else:
                self._refuse(None, f"Two requests have the id {identity}.")

    def _refuse(self, identity: int | None, message: str) -> None:
        log.error("%s", message)
        line = _line(identity, Failure(SightlineError.code, message))
        if identity is None:
            self._lines.put(line)
        else:
            self._finish(identity, line)

    def _cancel(self, identity: object) -> None:
        """Cancel a request: a waiting one ends now, a running one at its next progress."""
        with self._lock:
            job = self._unfinished.get(identity) if isinstance(identity, int) else None
            if job is None:
                return
            job.context.cancelled = True
            if job is self._running:
                return
            del self._unfinished[job.context.id]
        self._finish(job.context.id, _line(job.context.id, failure(Cancelled(), job.method)))

    def interrupt(self, number: int, frame: FrameType | None) -> None:
        """Stop the running request wherever its Python code is (signal handler, main thread)."""
        context, self._interruptible = self._interruptible, None
        if context is not None:
            raise Cancelled

    def work(self, idle_seconds: float) -> None:
        """Run requests in their order, for ever."""
        loaded = False
        while True:
            try:
                job = self._waiting.get(timeout=idle_seconds if loaded else None)
            except queue.Empty:
                log.info("nothing to do for %g s: models and photographs are dropped", idle_seconds)
                self._unload()
                loaded = False
                continue
            with self._lock:
                if self._unfinished.get(job.context.id) is not job:
                    continue  # cancelled while it waited
                self._running = job
            self._run(job)
            # What follows may take the process down: this answer should be out before.
            written = threading.Event()
            self._lines.put(written)
            written.wait()
            loaded = True

    def _run(self, job: _Job) -> None:
        """Run one request to its end, whatever that is."""
        problem: Failure | None = None
        try:
            try:
                line = self._answer(job)
            except (Exception, SystemExit) as error:  # a library that gives up must not take the worker along
                problem = self._problem(error, job.method)
            finally:
                self._interruptible = None
        except Cancelled as stop:  # the signal, which comes once at most, while another end was put into words
            problem = failure(stop, job.method)
        with self._lock:
            del self._unfinished[job.context.id]
            self._running = None
        self._finish(job.context.id, line if problem is None else _line(job.context.id, problem))
        if problem is not None and problem.out_of_memory:
            self._unload()

    def _answer(self, job: _Job) -> bytes:
        """Return the RESULT of a request; the signal to stop is heeded from here until its end."""
        self._interruptible = job.context
        handler = self._handlers.get(job.method)
        if handler is None:
            raise BackendError(f"The worker knows no request '{job.method}'; install the extension again.")
        data = handler(protocol.load_arrays(job.params, self._folder), job.context)
        try:
            stored = protocol.store_arrays(data, job.context.folder)
        except OSError as error:
            raise OutputError(
                f"The result cannot be written to '{self._folder}' ({error}); free some space there and try again."
            ) from error
        return protocol.encode({"id": job.context.id, "type": protocol.RESULT, "data": stored})

    def _problem(self, error: BaseException, method: str) -> Failure:
        problem = failure(error, method)
        if problem.unexpected:
            log.error("the request '%s' failed", method, exc_info=error)
        return problem

    def _finish(self, identity: int, answer: bytes) -> None:
        self._lines.put(answer)
        self.say({"id": identity, "type": protocol.DONE})

    def _end(self) -> None:
        if self._folder.name.startswith(protocol.FOLDER_PREFIX):
            shutil.rmtree(self._folder, ignore_errors=True)
        os._exit(0)


def _line(identity: int | None, problem: Failure) -> bytes:
    message = {"id": identity, "type": protocol.ERROR, "code": problem.code, "message": problem.message}
    return protocol.encode(message)


def _take_standard_streams() -> tuple[BinaryIO, BinaryIO]:
    """Return the real standard input and output for the protocol alone.

    File descriptor 0 becomes empty and 1 becomes standard error, also for C libraries and child processes.
    """
    requests, replies = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.stdout.flush()
    os.dup2(2, 1)
    return os.fdopen(requests, "rb"), os.fdopen(replies, "wb")
