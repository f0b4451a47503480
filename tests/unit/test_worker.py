"""The worker and its client at work: requests, progress, cancel, files, time."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference.errors import BackendError, Cancelled
from inference.worker.client import Request
from tests.unit.worker_support import ROOT, Client, make_client, running, until


@pytest.fixture(scope="module")
def shared() -> Iterator[Client]:
    client = make_client()
    yield client
    client.close()


@pytest.fixture
def client() -> Iterator[Client]:
    client = make_client()
    yield client
    client.close()


def polled_until(client: Client, condition: Callable[[], bool]) -> None:
    """Poll as a timer does."""

    def polled() -> bool:
        client.poll()
        return condition()

    assert until(polled)


def finish(client: Client, request: Request) -> None:
    polled_until(client, lambda: request.finished)


def test_arrays_go_there_and_back_bit_by_bit(shared: Client) -> None:
    picture = np.random.default_rng(1).random((37, 53, 4)).astype(np.float32)
    picture[0, 0] = [np.nan, np.inf, -np.inf, -0.0]
    points = np.random.default_rng(2).random((100, 3))
    request = shared.submit("echo", {"picture": picture, "deep": [{"points": points}], "path": Path("/x"), "n": 3})
    data = shared.wait(request, timeout=10)
    assert (request.state, request.error, request.fraction) == ("done", None, 1.0)
    assert data["picture"].dtype == np.float32 and data["picture"].tobytes() == picture.tobytes()
    assert data["deep"][0]["points"].tobytes() == points.tobytes()
    assert (data["path"], data["n"]) == ("/x", 3)
    assert isinstance(data["picture"], np.memmap) and not data["picture"].flags.writeable


def test_release_deletes_files_and_keeps_values(shared: Client) -> None:
    request = shared.submit("echo", {"picture": np.zeros((4, 4)), "name": "a"})
    picture = shared.wait(request, timeout=10)["picture"]
    assert shared.log is not None
    folders = {path.name for path in shared.log.parent.iterdir()}
    assert f"result-{request.id}" in folders and f"params-{request.id}" in folders
    shared.release(request)
    left = {path.name for path in shared.log.parent.iterdir()}
    assert folders - left == {f"result-{request.id}", f"params-{request.id}"}
    assert request.data == {"picture": None, "name": "a"}
    assert picture.sum() == 0  # still mapped


def test_progress_rises_and_every_stage_is_told(shared: Client) -> None:
    events: list[tuple[float, str]] = []
    request = shared.submit("count", {"steps": 40})
    assert not request.finished and request.data is None
    shared.wait(request, lambda event: events.append((event.fraction, event.message)), timeout=10)
    fractions = [fraction for fraction, _ in events]
    assert fractions == sorted(fractions) and fractions[0] == 0.0 and fractions[-1] == 1.0
    assert len(set(fractions)) > 4
    stages = list(dict.fromkeys(stage for _, stage in events if stage))
    assert stages == [f"stage {index}" for index in range(4)]


def test_requests_keep_their_order(shared: Client) -> None:
    requests = [shared.submit("count", {"steps": 3}) for _ in range(4)]
    seen: list[int] = []

    def all_seen() -> bool:
        seen.extend(request.id for request in requests if request.finished and request.id not in seen)
        return len(seen) == 4

    polled_until(shared, all_seen)
    assert seen == [request.id for request in requests]


def test_cancel_of_a_running_request(shared: Client) -> None:
    request = shared.submit("count", {"steps": 3000})
    polled_until(shared, lambda: request.fraction > 0)
    pid, start = shared.pid, time.monotonic()
    shared.cancel(request)
    with pytest.raises(Cancelled):
        shared.wait(request, timeout=10)
    assert time.monotonic() - start < 0.25, "it took a signal"
    assert request.state == "cancelled" and isinstance(request.error, Cancelled)
    assert shared.wait(shared.submit("echo", {"n": 1}), timeout=10) == {"n": 1}
    assert shared.pid == pid


def test_cancel_of_a_waiting_request(shared: Client) -> None:
    first = shared.submit("count", {"steps": 100})
    second = shared.submit("echo", {"n": 2})
    third = shared.submit("echo", {"n": 3})
    shared.cancel(second)
    finish(shared, second)
    assert second.state == "cancelled" and not first.finished
    assert shared.wait(third, timeout=10) == {"n": 3}
    shared.cancel(first)  # too late, and no harm
    assert shared.wait(first, timeout=10) == {"steps": 100}


def test_a_request_that_never_asks_is_stopped_by_the_signal(client: Client) -> None:
    request = client.submit("deaf", {})
    waiting = client.submit("echo", {"n": 1})
    time.sleep(0.5)  # it runs
    pid = client.pid
    client.cancel(request)
    with pytest.raises(Cancelled):
        client.wait(request, timeout=10)
    assert client.wait(waiting, timeout=10) == {"n": 1}
    assert client.pid == pid, "the signal was enough, the worker should live"


def test_a_request_that_blocks_the_signal_is_killed(client: Client) -> None:
    client.wait(client.submit("echo", {}), timeout=10)
    request = client.submit("deaf", {"hard": True})
    waiting = client.submit("echo", {"n": 1})
    pid = client.pid
    assert pid is not None
    time.sleep(0.3)
    client.cancel(request)
    finish(client, request)
    assert request.state == "cancelled" and isinstance(request.error, Cancelled)
    assert client.wait(waiting, timeout=10) == {"n": 1}, "the one that waited goes to another worker"
    assert client.pid != pid and until(lambda: not running(pid))


def test_on_event_may_stop_the_request(shared: Client) -> None:
    class StopRenderingError(Exception):
        pass

    def stop(request: Request) -> None:
        if request.fraction > 0:
            raise StopRenderingError

    request = shared.submit("count", {"steps": 3000})
    with pytest.raises(StopRenderingError):
        shared.wait(request, stop)
    finish(shared, request)
    assert request.state == "cancelled"


def test_wait_with_a_timeout(shared: Client) -> None:
    request = shared.submit("count", {"steps": 3000})
    with pytest.raises(BackendError, match="took longer than"):
        shared.wait(request, timeout=0.3)
    finish(shared, request)
    assert request.state == "cancelled"


def test_what_libraries_print_does_no_harm(shared: Client) -> None:
    request = shared.submit("talk", {})
    assert shared.wait(request, timeout=10) == {"stdin": ""}
    assert request.warnings == ["that was loud"]
    assert shared.log is not None
    log = shared.log.read_text()
    for text in ("not json", "from C", "to the file descriptor", "from a child"):
        assert text in log


def test_two_clients_do_not_disturb_each_other(shared: Client, client: Client) -> None:
    one, other = shared.submit("count", {"steps": 30}), client.submit("ramp", {"shape": [8, 8], "dtype": "<f4"})
    data = client.wait(other, timeout=10)
    assert shared.pid != client.pid and shared.log != client.log
    client.close()
    assert shared.wait(one, timeout=10) == {"steps": 30}
    assert data["ramp"].sum() == 64 * 63 / 2


def test_close_ends_the_worker_and_removes_the_folder(client: Client) -> None:
    request = client.submit("ramp", {"shape": [100, 100], "dtype": "<f8"})
    client.wait(request, timeout=10)
    busy = client.submit("deaf", {"hard": True})
    assert client.log is not None and client.pid is not None
    folder, pid = client.log.parent, client.pid
    assert folder.stat().st_mode & 0o077 == 0
    start = time.monotonic()
    client.close()
    assert time.monotonic() - start < 1.0 and not folder.exists() and not running(pid)
    assert not client.alive and client.pid is None
    assert busy.state == "cancelled" and isinstance(busy.error, Cancelled)
    client.close()
    assert client.wait(client.submit("echo", {"n": 5}), timeout=10) == {"n": 5}, "a closed client starts anew"


def test_a_private_folder_that_the_system_cleared_is_made_again(client: Client) -> None:
    client.wait(client.submit("echo", {}), timeout=10)
    assert client.log is not None
    folder = client.log.parent
    (folder / "worker.log").unlink()
    folder.rmdir()
    data = client.wait(client.submit("ramp", {"shape": [4], "dtype": "<f4"}), timeout=10)
    assert data["ramp"].tolist() == [0, 1, 2, 3] and folder.stat().st_mode & 0o077 == 0


def test_idle_worker_unloads_once() -> None:
    client = make_client(TEST_IDLE_SECONDS="0.2")
    try:
        assert client.wait(client.submit("about", {}), timeout=10)["unloads"] == 0
        time.sleep(1.0)
        assert client.wait(client.submit("about", {}), timeout=10)["unloads"] == 1
    finally:
        client.close()


def test_environment_is_the_workers_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    client = make_client(OWN="1")
    client._cache = tmp_path
    try:
        data = client.wait(
            client.submit("about", {"names": ["PYTHONHOME", "PYTHONPATH", "OWN", "NUMBA_CACHE_DIR"]}), timeout=10
        )
    finally:
        client.close()
    environment = data["environment"]
    assert environment["PYTHONHOME"] is None and environment["OWN"] == "1"
    assert environment["PYTHONPATH"].startswith(str(ROOT)) and "/nowhere" not in environment["PYTHONPATH"]
    assert environment["NUMBA_CACHE_DIR"] == str(tmp_path / "numba")
    assert data["directory"] == str(ROOT)


def longest_step(client: Client) -> float:
    """Return the seconds of the longest call while a picture of 2048 x 2048 pixels is asked for and taken."""
    longest = 0.0

    def timed(function: Callable[..., Any], *arguments: Any) -> Any:
        nonlocal longest
        start = time.perf_counter()
        result = function(*arguments)
        longest = max(longest, time.perf_counter() - start)
        return result

    request = timed(client.submit, "ramp", {"shape": [2048, 2048, 4], "dtype": "<f4"})

    def polled() -> bool:
        timed(client.poll)
        return bool(request.finished)

    assert until(polled)
    assert request.data["ramp"].nbytes == 67108864
    timed(client.release, request)
    return longest


def test_no_step_of_blenders_takes_over_50_ms(shared: Client) -> None:
    shared.wait(shared.submit("echo", {}), timeout=10)
    # A busy machine may take the processor away for longer, but not each time.
    assert min(longest_step(shared) for _ in range(3)) < 0.05


def test_starting_takes_no_more_than_50_ms(client: Client) -> None:
    def seconds() -> float:
        start = time.perf_counter()
        client.submit("echo", {})
        taken = time.perf_counter() - start
        client.close()
        return taken

    assert min(seconds() for _ in range(3)) < 0.05


def test_client_needs_nothing_but_numpy() -> None:
    code = "import sys, json, inference.worker.client; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True).stdout)
    heavy = {"torch", "cv2", "numba", "pycolmap", "safetensors", "bpy"}
    assert "inference.worker.client" in loaded and not heavy & set(loaded)
