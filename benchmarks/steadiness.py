"""How steady the pictures along a camera's path are, with sources that fade and with ones that come and go at once.

The path leads through the middles between successive cameras of a capture.
"""

from __future__ import annotations

import statistics
import time
from itertools import pairwise
from unittest.mock import patch

import numpy as np

from inference import selection, synthesis
from inference.camera import Camera
from inference.capture import read_capture
from inference.frame import Frame
from inference.steadiness import steadiness, warped_difference
from inference.synthesis import Options, Session
from inference.view import Capture
from tests.shared_data import CAPTURES

from .example import EXAMPLE
from .measure import Row

METHODS = ("plane-sweep", "convglr")
FRAMES = 40
SIDE = 288  # longer side in pixels
FIRST, STRETCH = 2, 4  # cameras that the path leads along
WAYS = {"at once": 0.0, "fading": selection.FADING}  # how sources change: the width of the range in which they fade


def run() -> list[Row]:
    """Measure the example, and the development captures where they are."""
    rows = []
    for path in (EXAMPLE, *(CAPTURES / name for name in ("livingroom", "skull", "maryRose"))):
        if path.exists():
            capture = read_capture(path)
            name = path.parent.name if path.is_file() else path.name
            for method in METHODS:
                rows += measure(capture, method, f"{name}, {method}")
    return rows


def measure(capture: Capture, method: str, subject: str) -> list[Row]:
    """Return the steadiness of a path through a capture, both ways, and the time of a picture."""
    session = Session()
    last: dict[str, Frame] = {}
    steps: dict[str, list[float]] = {way: [] for way in WAYS}
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    for target in camera_path(capture, FIRST):
        for way, fading in WAYS.items():
            started = time.process_time()
            with patch.object(synthesis, "FADING", fading):
                frame = session.synthesize(capture, target, Options(method=method))
            seconds[way].append(time.process_time() - started)
            if way in last:
                steps[way].append(warped_difference(last[way], frame))
            last[way] = frame
    found = {way: steadiness(differences) for way, differences in steps.items()}
    figures = {
        "mean step": ("/255", {way: steady.mean for way, steady in found.items()}),
        "worst step": ("/255", {way: steady.worst for way, steady in found.items()}),
        "worst over median step": ("", {way: steady.jump for way, steady in found.items()}),
        "a picture": ("ms", {way: 1000 * statistics.median(seconds[way]) for way in WAYS}),
    }
    first, second = WAYS
    rows = []
    for figure, (unit, values) in figures.items():
        rows.append(Row(subject, f"{figure}, {first}", values[first], unit))
        rows.append(Row(subject, f"{figure}, {second}", values[second], unit, values[second] / values[first], first))
    return rows


def camera_path(capture: Capture, first: int, frames: int = FRAMES, side: int = SIDE) -> list[Camera]:
    """Return cameras along the middles between the ``STRETCH`` cameras from ``first`` on."""
    cameras = [view.camera.ideal for view in capture.views[first : first + STRETCH]]
    middles = [_between(a, b, 0.5) for a, b in pairwise(cameras)]
    ends = np.cumsum([0.0, *(float(np.linalg.norm(b.centre - a.centre)) for a, b in pairwise(middles))])
    path = []
    for place in np.linspace(0.0, ends[-1], frames):
        leg = min(int(np.searchsorted(ends, place, side="right")) - 1, len(ends) - 2)
        share = (place - ends[leg]) / (ends[leg + 1] - ends[leg])
        path.append(_between(middles[leg], middles[leg + 1], share).fitted(side))
    return path


def _between(a: Camera, b: Camera, share: float) -> Camera:
    """Return ``a`` moved and turned by a share of the way to ``b``."""
    u, _, v = np.linalg.svd((1 - share) * a.rotation + share * b.rotation)
    pose = np.eye(4)
    pose[:3, :3] = u @ v
    pose[:3, 3] = -pose[:3, :3] @ ((1 - share) * a.centre + share * b.centre)
    return Camera(a.width, a.height, a.fx, a.fy, a.cx, a.cy, pose)
