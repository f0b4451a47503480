"""Whatever goes wrong with the worker ends in one sentence, and the next request works."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from inference.errors import BackendError, CaptureError, OutputError, SightlineError
from inference.worker.client import WorkerClient
from tests.unit.worker_support import HERE, ROOT, Client, make_client, running, until


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


def one_sentence(error: SightlineError | None) -> str:
    text = str(error)
    assert error is not None and text.endswith(".") and "\n" not in text and len(text) < 600
    return text


FAILURES = [
    ("capture", CaptureError, "The capture has too little in it."),
    ("exit", SightlineError, "SystemExit: 3"),
    ("memory", SightlineError, "not enough memory"),
    ("package", BackendError, "'package_that_nobody_has' is missing in the Python at"),
    ("json", SightlineError, "object has no JSON form"),
    ("object array", SightlineError, "Object arrays cannot be saved"),
    ("full", OutputError, "/somewhere/result.png' is full"),
    ("other", SightlineError, "ZeroDivisionError: division by zero"),
]


@pytest.mark.parametrize(("kind", "error", "text"), FAILURES)
def test_errors_of_requests(shared: Client, kind: str, error: type[SightlineError], text: str) -> None:
    request = shared.submit("fail", {"kind": kind})
    with pytest.raises(error) as raised:
        shared.wait(request, timeout=10)
    assert text in one_sentence(raised.value)
    assert request.state == "failed" and type(request.error) is error
    pid = shared.pid
    assert shared.wait(shared.submit("echo", {"n": 1}), timeout=10) == {"n": 1}
    assert shared.pid == pid


def test_tracebacks_of_the_unforeseen_are_in_the_log(shared: Client) -> None:
    with pytest.raises(SightlineError):
        shared.wait(shared.submit("fail", {"kind": "other"}), timeout=10)
    assert shared.log is not None
    assert 'raise ZeroDivisionError("division\\nby zero")' in shared.log.read_text()


def test_memory_that_ran_out_is_freed(client: Client) -> None:
    with pytest.raises(SightlineError, match="memory"):
        client.wait(client.submit("fail", {"kind": "memory"}), timeout=10)
    assert client.wait(client.submit("about", {}), timeout=10)["unloads"] == 1


def test_unknown_request(shared: Client) -> None:
    with pytest.raises(BackendError, match="knows no request 'nonsense'"):
        shared.wait(shared.submit("nonsense", {}), timeout=10)


def test_an_array_outside_the_folder_is_refused(shared: Client, tmp_path: Path) -> None:
    np.save(tmp_path / "secret.npy", np.zeros(1))
    request = shared.submit("outside", {"path": str(tmp_path / "secret.npy")})
    with pytest.raises(BackendError, match="outside its own folder"):
        shared.wait(request, timeout=10)
    assert request.data is None


DEATHS = [
    ("SIGKILL", "killed by the system, most likely because memory ran out"),
    ("SIGSEGV", r"crashed \(SIGSEGV\); its last words were: Fatal Python error: Segmentation fault"),
    ("exit", r"exit code 7\); its last words were: Fatal trouble in a library"),
]


@pytest.mark.parametrize(("how", "text"), DEATHS)
def test_a_worker_that_dies(client: Client, how: str, text: str) -> None:
    client.wait(client.submit("echo", {}), timeout=10)
    dying, waiting = client.submit("die", {"how": how}), client.submit("echo", {"n": 2})
    pid = client.pid
    with pytest.raises(BackendError, match=text) as raised:
        client.wait(dying, timeout=10)
    one_sentence(raised.value)
    assert client.wait(waiting, timeout=10) == {"n": 2}
    assert client.alive and client.pid != pid


def test_a_worker_killed_while_it_rests(client: Client) -> None:
    client.wait(client.submit("echo", {}), timeout=10)
    assert client.pid is not None
    os.kill(client.pid, signal.SIGKILL)
    assert until(lambda: not client.alive)
    assert client.wait(client.submit("echo", {"n": 3}), timeout=10) == {"n": 3}


def test_a_partial_result_of_a_killed_worker_is_removed(client: Client) -> None:
    request = client.submit("echo", {"x": np.zeros(10)})
    second = client.submit("die", {"how": "SIGKILL", "x": np.zeros(10)})
    client.wait(request, timeout=10)
    with pytest.raises(BackendError):
        client.wait(second, timeout=10)
    assert client.log is not None
    left = {path.name for path in client.log.parent.iterdir()}
    assert f"params-{second.id}" not in left and f"result-{request.id}" in left


def test_silence(client: Client) -> None:
    client.wait(client.submit("echo", {}), timeout=10)
    assert client.pid is not None
    pid = client.pid
    client.silence_seconds = 1.5
    os.kill(pid, signal.SIGSTOP)
    start = time.monotonic()
    with pytest.raises(BackendError, match=r"no sign of life for 1.5 s") as raised:
        client.wait(client.submit("echo", {}), timeout=20)
    one_sentence(raised.value)
    assert 1.4 < time.monotonic() - start < 4
    assert until(lambda: not running(pid))
    assert client.wait(client.submit("echo", {"n": 4}), timeout=10) == {"n": 4}


def test_a_busy_worker_is_not_taken_for_silent(client: Client) -> None:
    client.silence_seconds = 1.5
    request = client.submit("deaf", {})
    with pytest.raises(BackendError, match="longer than 3 s"):
        client.wait(request, timeout=3)


def test_a_client_that_nobody_polled_is_patient(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.silence_seconds = 1.5
    request = client.submit("count", {"steps": 100})
    client.poll()
    client._last_poll -= 100  # the machine slept
    assert client._worker is not None
    client._worker.last_line -= 100
    client.poll()
    assert client.wait(request, timeout=10) == {"steps": 100}


def test_no_python(tmp_path: Path) -> None:
    client = WorkerClient(tmp_path / "python", ROOT)
    try:
        request = client.submit("info", {})
        assert request.state == "failed" and request.finished
        assert f"There is no Python at '{tmp_path / 'python'}'" in one_sentence(request.error)
        with pytest.raises(BackendError):
            client.wait(request)
    finally:
        client.close()


def test_a_python_that_is_none(tmp_path: Path) -> None:
    text = tmp_path / "python"
    text.write_text("no program")
    client = WorkerClient(text, ROOT)
    try:
        assert "cannot be started" in one_sentence(client.submit("info", {}).error)
    finally:
        client.close()


def test_a_python_without_numpy(tmp_path: Path) -> None:
    # The interpreter behind the environment, isolated from all packages.
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec "{Path(sys.executable).resolve()}" -S "$@"\n')
    bare.chmod(0o755)
    client = WorkerClient(bare, ROOT)
    try:
        with pytest.raises(BackendError, match=f"'numpy' is missing in the Python at '{bare}'") as raised:
            client.wait(client.submit("info", {}), timeout=20)
        one_sentence(raised.value)
    finally:
        client.close()


def test_an_incomplete_extension(tmp_path: Path) -> None:
    client = WorkerClient(Path(sys.executable), tmp_path)
    try:
        with pytest.raises(BackendError, match="incomplete") as raised:
            client.wait(client.submit("info", {}), timeout=20)
        one_sentence(raised.value)
    finally:
        client.close()


def test_a_full_disk_for_results(client: Client) -> None:
    client.wait(client.submit("echo", {}), timeout=10)
    assert client.log is not None
    # A file where the folder of the next result should be: it cannot be written, like on a full disk.
    (client.log.parent / f"result-{client._next_id}").write_bytes(b"")
    with pytest.raises(OutputError, match="The result cannot be written to") as raised:
        client.wait(client.submit("ramp", {"shape": [4], "dtype": "<f4"}), timeout=10)
    one_sentence(raised.value)


def test_a_full_disk_for_requests(client: Client) -> None:
    client.wait(client.submit("echo", {}), timeout=10)
    assert client.log is not None
    (client.log.parent / f"params-{client._next_id}").write_bytes(b"")
    request = client.submit("echo", {"x": np.zeros(4)})
    assert isinstance(request.error, OutputError)
    assert "The request cannot be written to" in one_sentence(request.error)


def test_worker_ends_with_the_process_of_its_client(tmp_path: Path) -> None:
    code = f"""
    import sys
    sys.path.insert(0, {str(ROOT)!r})
    from tests.unit.worker_support import make_client
    client = make_client()
    client.wait(client.submit("echo", {{}}))
    client.submit("deaf", {{"hard": True}})
    print(client.pid, client.log, flush=True)
    while True:
        client.poll()
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        number, log = process.stdout.readline().split()
        pid, folder = int(number), Path(log).parent
        time.sleep(0.3)
        assert running(pid) and folder.exists()
    finally:
        process.kill()
        process.communicate()
    assert until(lambda: not running(pid), 5), "the worker outlived its client"
    assert not folder.exists(), "the private folder was left behind"


def test_a_client_that_is_never_closed_cleans_up_at_exit() -> None:
    code = f"""
    import sys
    sys.path.insert(0, {str(ROOT)!r})
    from tests.unit.worker_support import make_client
    client = make_client()
    client.wait(client.submit("ramp", {{"shape": [9], "dtype": "<f4"}}))
    print(client.pid, client.log, flush=True)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )
    number, log = done.stdout.split()
    assert not Path(log).parent.exists() and not running(int(number)) and done.stderr == ""


def test_malformed_lines(tmp_path: Path) -> None:
    folder = tmp_path / "sightline-worker-test"
    folder.mkdir()
    lines = [
        b"nonsense",
        b"[1, 2]",
        b'{"method": "echo"}',
        b'{"id": true, "method": "echo"}',
        b'{"id": 5}',
        b'{"id": 6, "method": "echo", "params": [1]}',
        b'{"id": 7, "method": "cancel", "params": {"request": "x"}}',
        b'{"id": 8, "method": "echo", "params": {"x": {"array": "/etc/passwd", "shape": [1], "dtype": "u1"}}}',
        b"\xff\xfe\x00",
        b'{"id": 9, "method": "echo", "params": {"n": 1}}',
    ]
    process = subprocess.Popen(
        [sys.executable, str(HERE / "worker_handlers.py"), "--folder", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(b"\n".join(lines) + b"\n")
        process.stdin.flush()
        replies: list[dict[str, object]] = []
        while not replies or (replies[-1]["id"], replies[-1]["type"]) != (9, "DONE"):
            replies.append(json.loads(process.stdout.readline()))
    finally:
        process.stdin.close()
        assert process.wait(5) == 0
        process.stdout.close()
    said = [(reply["id"], reply["type"]) for reply in replies if reply["type"] != "HEARTBEAT"]
    assert said.count((None, "ERROR")) == 5
    for identity in (5, 6, 8):
        assert [kind for number, kind in said if number == identity] == ["ERROR", "DONE"]
    for identity in (7, 9):
        assert [kind for number, kind in said if number == identity] == ["RESULT", "DONE"]
    assert not folder.exists()
