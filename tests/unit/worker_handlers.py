"""A worker whose requests misbehave on demand: ``python -m worker_handlers --folder FOLDER``."""

from __future__ import annotations

import argparse
import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from inference.errors import CaptureError
from inference.worker.server import Context, serve

unloads = 0


def echo(params: dict[str, Any], context: Context) -> dict[str, Any]:
    return params


def ramp(params: dict[str, Any], context: Context) -> dict[str, Any]:
    values = np.arange(np.prod(params["shape"]), dtype=params["dtype"])
    return {"ramp": values.reshape(params["shape"])}


def count(params: dict[str, Any], context: Context) -> dict[str, Any]:
    """Progress in steps of 10 ms; one stage for each ten of them."""
    for index in range(params["steps"]):
        context.progress(index / params["steps"], f"stage {index // 10}")
        time.sleep(0.01)
    return {"steps": params["steps"]}


def deaf(params: dict[str, Any], context: Context) -> dict[str, Any]:
    """Never asks whether it should stop. ``hard``: not even the signal reaches it, as inside a long C function."""
    end = time.monotonic() + 60
    if params.get("hard"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    while time.monotonic() < end:
        time.sleep(0.01)
    return {}


def talk(params: dict[str, Any], context: Context) -> dict[str, Any]:
    context.status("talking")
    print('{"id": 1, "type": "DONE"}')
    print("not json", flush=True)
    ctypes.CDLL(None).puts(b"from C")
    ctypes.CDLL(None).fflush(None)
    os.write(1, b"to the file descriptor\n")
    subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
    context.warning("that was loud")
    return {"stdin": sys.stdin.read()}


def fail(params: dict[str, Any], context: Context) -> dict[str, Any]:
    kind = params["kind"]
    if kind == "capture":
        raise CaptureError("The capture has too little in it.")
    if kind == "exit":
        sys.exit(3)
    if kind == "memory":
        np.empty(1 << 60, dtype=np.uint8)
    if kind == "package":
        import package_that_nobody_has  # type: ignore[import-not-found]  # noqa: F401
    if kind == "json":
        return {"thing": object()}
    if kind == "object array":
        return {"thing": np.array([object()])}
    if kind == "full":
        raise OSError(28, "No space left on device", "/somewhere/result.png")
    raise ZeroDivisionError("division\nby zero")


def die(params: dict[str, Any], context: Context) -> dict[str, Any]:
    if params["how"] == "exit":
        print("Fatal trouble in a library", file=sys.stderr, flush=True)
        os._exit(7)
    os.kill(os.getpid(), getattr(signal, params["how"]))
    time.sleep(60)
    return {}


def outside(params: dict[str, Any], context: Context) -> dict[str, Any]:
    return {"stolen": {"array": params["path"], "shape": [1], "dtype": "<f8"}}


def about(params: dict[str, Any], context: Context) -> dict[str, Any]:
    return {
        "environment": {name: os.environ.get(name) for name in params.get("names", [])},
        "directory": Path.cwd(),
        "unloads": unloads,
    }


def drop() -> None:
    global unloads
    unloads += 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path)
    idle = float(os.environ.get("TEST_IDLE_SECONDS", "900"))
    functions = (echo, ramp, count, deaf, talk, fail, die, outside, about)
    serve({f.__name__: f for f in functions}, parser.parse_args().folder, unload=drop, idle_seconds=idle)
