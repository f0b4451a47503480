"""Blender's end of the worker: requests that are polled by a timer or waited for. Standard library and numpy alone.

No thread of this module calls anybody back: everything a caller sees changes inside :meth:`WorkerClient.poll`.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import BackendError, Cancelled, OutputError, SightlineError, from_code
from . import protocol
from .process import WorkerProcess
from .request import Request

__all__ = ["Request", "WorkerClient"]


class WorkerClient:
    """Starts a worker when the first request needs it, and another when that one has died.

    Requests run one at a time in the order of their submission. A request that cannot even be sent is returned as
    failed, so that one place of the caller deals with all errors. May be used from several threads.

    Args:
        python: The interpreter that has torch and the other packages of the worker.
        root: The extension's folder; its package ``inference`` is run.
        cache: Where compiled kernels are kept between sessions.
        environment: Additions to the worker's environment; a ``PYTHONPATH`` among them follows ``root``.
    """

    module = "inference.worker"
    # A worker says something each second; after so many seconds of silence it hangs for good.
    silence_seconds = 60.0
    # Seconds after which a cancelled request is interrupted by a signal, and after which its worker is killed.
    signal_seconds, kill_seconds = 5.0, 10.0

    def __init__(
        self, python: Path, root: Path, *, cache: Path | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        self._python, self._root = Path(python), Path(root)
        self._cache, self._environment = cache, dict(environment or {})
        self._lock = threading.RLock()
        self._worker: WorkerProcess | None = None
        self._killed: list[WorkerProcess] = []
        self._folder: Path | None = None
        self._unremoved: set[Path] = set()
        self._unfinished: dict[int, Request] = {}
        self._next_id = 1
        self._last_poll = self._watched_since = time.monotonic()

    @property
    def pid(self) -> int | None:
        """Process id of the worker, ``None`` where there is none."""
        return self._worker.pid if self._worker is not None else None

    @property
    def alive(self) -> bool:
        """Whether a worker runs."""
        return self._worker is not None and not self._worker.ended

    @property
    def log(self) -> Path | None:
        """What the worker and its libraries print; gone with :meth:`close`."""
        return None if self._folder is None else self._folder / "worker.log"

    def submit(self, method: str, params: dict[str, Any]) -> Request:
        """Send a request (docs/architecture.md, *Worker protocol*), starting the worker if there is none; never blocks.

        ``params`` may hold paths and numpy arrays beside plain values.
        """
        with self._lock:
            self.poll()
            request = Request(self._next_id, method)
            self._next_id += 1
            try:
                folder = self._private_folder()
                stored = protocol.store_arrays(params, folder / f"params-{request.id}")
            except OSError as error:
                place = self._folder or tempfile.gettempdir()
                sentence = f"The request cannot be written to '{place}' ({error}); free some space there and try again."
                self._fail(request, OutputError(sentence))
                return request
            request._line = protocol.encode({"id": request.id, "method": method, "params": stored})
            if not self._unfinished:
                self._watched_since = time.monotonic()
            self._unfinished[request.id] = request
            self._send([request])
            return request

    def poll(self) -> None:
        """Take in what the worker has said and see whether it is well; never blocks. Call it from a timer."""
        with self._lock:
            now = time.monotonic()
            if now - self._last_poll > 5.0:
                # Nobody looked, or the whole machine slept: that is no silence of the worker's.
                self._watched_since = now
            self._last_poll = now
            worker = self._worker
            if worker is None:
                return
            ended = worker.ended  # asked first, so that a dead worker's last messages are all there
            while (message := worker.receive()) is not None:
                self._take(message)
            if ended:
                self._replace(BackendError(worker.epitaph()))
            elif (running := self._running()) is not None:
                self._watch(worker, running, now)

    def wait(
        self,
        request: Request,
        on_event: Callable[[Request], None] | None = None,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """Block until a request is finished and return its data.

        Args:
            request: What :meth:`submit` returned.
            on_event: Called on this thread after every message and at least ten times a second; it may call
                :meth:`cancel`. What it raises cancels the request and is passed on.
            timeout: Seconds after which the request is cancelled.

        Raises:
            SightlineError: The request's error; :class:`Cancelled` where it was cancelled; :class:`BackendError` after
                ``timeout``.
        """
        end = None if timeout is None else time.monotonic() + timeout
        try:
            while True:
                worker = self._worker
                if worker is not None:
                    worker.arrived.clear()
                self.poll()
                if on_event is not None:
                    on_event(request)
                if request.finished:
                    break
                if end is not None and time.monotonic() > end:
                    raise BackendError(f"The request '{request.method}' took longer than {timeout:g} s.")
                if worker is not None:
                    worker.arrived.wait(0.1)
        except BaseException:
            self.cancel(request)
            raise
        if request.error is not None:
            raise request.error
        assert request.data is not None
        return request.data

    def cancel(self, request: Request) -> None:
        """Ask the worker to stop a request; it ends as ``cancelled`` in one of the next polls."""
        with self._lock:
            if request.id not in self._unfinished or request._cancelled_at is not None:
                return
            request._cancelled_at = time.monotonic()
            if self._worker is not None:
                message = {"id": self._next_id, "method": protocol.CANCEL, "params": {"request": request.id}}
                self._next_id += 1
                self._worker.send(protocol.encode(message))

    def release(self, request: Request) -> None:
        """Delete the array files of a finished request; its data keeps the plain values, ``None`` for each array."""
        with self._lock:
            if request.finished:
                request.data = protocol.without_arrays(request.data)
                self._remove_files(request)

    def take(self, request: Request) -> dict[str, Any]:
        """Return what a finished request answered, with arrays of its own, and delete their files.

        Raises:
            SightlineError: The request's error.
        """
        if request.error is not None:
            raise request.error
        assert request.data is not None
        data = {
            name: np.array(value) if isinstance(value, np.ndarray) else value for name, value in request.data.items()
        }
        self.release(request)
        return data

    def close(self) -> None:
        """End the worker, fail what it was doing as cancelled, and remove the private folder.

        A later :meth:`submit` starts anew. Called at the interpreter's end as well.
        """
        with self._lock:
            if self._worker is not None:
                self._worker.end()
            for worker in self._killed:
                worker.end()
            self._worker, self._killed = None, []
            for request in list(self._unfinished.values()):
                self._fail(request, Cancelled("The worker was closed."))
            if self._folder is not None:
                self._unremoved.add(self._folder)
                self._folder = None
            self._remove_leftovers()
            if not self._unremoved:
                atexit.unregister(self.close)

    def _private_folder(self) -> Path:
        """Return the folder that this client alone uses, made when it is not there."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix=protocol.FOLDER_PREFIX)).resolve()
            atexit.register(self.close)
        elif not self._folder.exists():
            # Systems clear old temporary folders; the worker knows this one by name.
            self._folder.mkdir(mode=0o700)
        return self._folder

    def _send(self, requests: list[Request]) -> None:
        """Hand requests to the worker, which is started if there is none; they fail where that is not possible."""
        try:
            if self._worker is None:
                environment = dict(self._environment)
                if self._cache is not None:
                    environment.setdefault("NUMBA_CACHE_DIR", str(self._cache / "numba"))
                self._worker = WorkerProcess(self._python, self.module, self._root, self._private_folder(), environment)
            for request in requests:
                self._worker.send(request._line)
        except SightlineError as error:
            for request in requests:
                self._fail(request, error)

    def _running(self) -> Request | None:
        """The request whose turn it is: the oldest."""
        return next(iter(self._unfinished.values()), None)

    def _take(self, message: dict[str, Any]) -> None:
        """Enter one message into its request."""
        request = self._unfinished.get(message.get("id", 0))
        if request is None:
            return  # a heartbeat, the answer to a cancel, or the end of a request that was given up
        kind = message.get("type")
        if kind == protocol.PROGRESS:
            request.fraction, request.message = message["fraction"], message["message"]
        elif kind == protocol.STATUS:
            request.message = message["message"]
        elif kind == protocol.WARNING:
            request.warnings.append(message["message"])
        elif kind == protocol.RESULT:
            try:
                request.data = protocol.load_arrays(message["data"], self._private_folder())
            except BackendError as error:
                request.error = error
        elif kind == protocol.ERROR:
            request.error = from_code(message["code"], message["message"])
        elif kind == protocol.DONE:
            if request.error is not None:
                self._fail(request, request.error)
            elif request.data is None:
                self._fail(request, BackendError(f"The worker gave no answer to '{request.method}'; try again."))
            else:
                del self._unfinished[request.id]
                request.state, request.fraction = "done", 1.0

    def _fail(self, request: Request, error: SightlineError) -> None:
        self._unfinished.pop(request.id, None)
        request.state = "cancelled" if isinstance(error, Cancelled) else "failed"
        request.error, request.data = error, None
        self._remove_files(request)

    def _watch(self, worker: WorkerProcess, running: Request, now: float) -> None:
        """End a worker that hangs, and a request that does not heed its cancellation."""
        if now - max(worker.last_line, self._watched_since) > self.silence_seconds:
            worker.kill()
            self._replace(
                BackendError(
                    f"The worker gave no sign of life for {self.silence_seconds:g} s and was ended; try again, "
                    "with fewer sources or a smaller picture if it happens anew."
                )
            )
        elif running._cancelled_at is not None:
            waited = now - running._cancelled_at
            if waited > self.kill_seconds:
                worker.kill()
                self._replace(Cancelled())
            elif waited > self.signal_seconds and not running._signalled:
                running._signalled = True
                worker.interrupt()

    def _replace(self, error: SightlineError) -> None:
        """Part from the worker: its running request fails, those that wait go to another worker."""
        if self._worker is not None:
            self._killed = [worker for worker in [*self._killed, self._worker] if not worker.ended]
            self._worker = None
        running = self._running()
        if running is None:
            return
        self._fail(running, Cancelled() if running._cancelled_at is not None else error)
        for request in [request for request in self._unfinished.values() if request._cancelled_at is not None]:
            self._fail(request, Cancelled())
        if self._unfinished:
            self._watched_since = time.monotonic()
            self._send(list(self._unfinished.values()))

    def _remove_files(self, request: Request) -> None:
        if self._folder is not None:
            self._unremoved.update(self._folder / f"{kind}-{request.id}" for kind in ("params", "result"))
            self._remove_leftovers()

    def _remove_leftovers(self) -> None:
        """Remove folders nobody needs; those that Windows holds because they are mapped are tried again next time."""
        for folder in list(self._unremoved):
            shutil.rmtree(folder, ignore_errors=True)
            if not folder.exists():
                self._unremoved.discard(folder)
