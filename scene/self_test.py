"""A tiny synthesis with a known answer through the real worker: photographs of a patterned wall, computed exactly."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..inference.camera import Camera
from ..inference.errors import BackendError
from ..inference.view import Capture, View
from . import backend
from .backend import Backend
from .job import Job, Step, Steps, waited

# Size and focal length in pixels, where the wall is, and the depths that are searched (scene units).
WIDTH, HEIGHT, FOCAL = 96, 72, 90.0
WALL, NEAR, FAR = 3.0, 2.0, 5.0
SOURCES, TARGET = (-0.3, -0.1, 0.1, 0.3), 0.03

# Least PSNR in dB, and least share of the picture that must be filled. On a CPU both methods reach 47 dB and all of it;
# half precision on other devices may lose some, a wall at a wrong depth leaves much less.
LEAST_PSNR, LEAST_SHARE = 35.0, 0.98

METHODS = (("plane-sweep", "Plane Sweep"), ("convglr", "ConvGLR"))


class _Last:
    """What the last test found, and what it tested."""

    sentence = ""
    backend: Backend | None = None


def last_result() -> str:
    """Return what this session's last self-test of the backend found, or an empty text."""
    return _Last.sentence if _Last.backend == backend.believed_backend() else ""


def self_test(job: Job) -> Steps:
    """Synthesize a view of the wall by each method and compare it with the truth.

    Raises:
        SightlineError: If the worker fails, or a picture is wrong.
    """
    start = time.perf_counter()
    folder = Path(tempfile.mkdtemp(prefix="sightline-self-test-"))
    device, words = "", []
    _Last.sentence, _Last.backend = "", backend.find_backend()
    try:
        capture = _capture(folder)
        for number, (method, name) in enumerate(METHODS):
            part = Step(number / len(METHODS), f"Testing {name}", waiting=True)
            options = {"method": method, "depth_near": NEAR, "depth_far": FAR}
            params = {"capture": capture.to_json(), "target": camera(TARGET).to_json(), "options": options}
            data = yield from _synthesized(job, params, part)
            words.append(f"{name} {_judged(name, data['rgba'][::-1]):.0f} dB")
            device = data["metadata"]["device"]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _Last.sentence = f"Self-test passed in {time.perf_counter() - start:.1f} s on {device}: {', '.join(words)}"
    return {"sentence": _Last.sentence}


def picture(x: float) -> NDArray[np.float64]:
    """Return what the camera at ``x`` sees of the wall: H x W x 3 in [0, 1]."""
    columns, rows = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    px, py = x + (columns - WIDTH / 2) / FOCAL * WALL, (rows - HEIGHT / 2) / FOCAL * WALL
    waves = [
        0.5 + 0.2 * np.sin(k * px + 1) * np.cos(1.3 * k * py) + 0.15 * np.sin(2.1 * k * py + 1.7 * k * px)
        for k in (5.0, 7.0, 9.0)
    ]
    return np.stack(waves, axis=-1)


def camera(x: float) -> Camera:
    """Return the camera at ``x``, which looks straight at the wall."""
    world_to_camera = np.eye(4)
    world_to_camera[0, 3] = -x
    return Camera(WIDTH, HEIGHT, FOCAL, FOCAL, WIDTH / 2, HEIGHT / 2, world_to_camera)


def _capture(folder: Path) -> Capture:
    """Write the photographs, as PPM: numpy alone can do that."""
    views = []
    for index, x in enumerate(SOURCES):
        path = folder / f"wall_{index}.ppm"
        pixels = (picture(x) * 255 + 0.5).astype(np.uint8)
        path.write_bytes(b"P6\n%d %d\n255\n" % (WIDTH, HEIGHT) + pixels.tobytes())
        views.append(View(path.stem, camera(x), path))
    return Capture(tuple(views))


def _synthesized(job: Job, params: dict[str, Any], part: Step) -> Generator[Step, None, dict[str, Any]]:
    client = backend.client()
    request = client.submit("synthesize", params)
    with closing(waited(client, request)) as steps:
        for step in steps:
            if job.cancelled:
                client.cancel(request)
            fraction = part.fraction + step.fraction / len(METHODS)
            yield Step(fraction, f"{part.message}: {step.message}", waiting=True)
    return client.take(request)


def _judged(name: str, rgba: NDArray[np.float32]) -> float:
    """Return the PSNR of a picture in dB.

    Raises:
        BackendError: If the picture is wrong.
    """
    filled = rgba[..., 3] > 0.99
    error = float(np.mean((rgba[..., :3][filled] - picture(TARGET)[filled]) ** 2)) if filled.any() else np.inf
    psnr = float(-10 * np.log10(max(error, 1e-12)))
    if not (psnr >= LEAST_PSNR and filled.mean() >= LEAST_SHARE):
        raise BackendError(
            f"{name} makes wrong pictures on this machine ({psnr:.0f} dB instead of {LEAST_PSNR:.0f}, "
            f"{filled.mean():.0%} filled); copy the diagnostics and report it."
        )
    return psnr
