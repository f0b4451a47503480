"""The example capture as a benchmark's input."""

from __future__ import annotations

import json
from pathlib import Path

from inference.camera import Camera
from inference.capture import read_capture
from inference.view import Capture

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "still_life" / "transforms.json"
PERSON = ROOT / "examples" / "person" / "transforms.json"


def example(width: int = 512, height: int = 384) -> tuple[Capture, Camera]:
    """Return the still life without its held-out view, and that view's camera at ``width`` x ``height`` pixels."""
    sources, held_out = sources_of(EXAMPLE)
    return sources, held_out.resized(width, height)


def sources_of(calibration: Path) -> tuple[Capture, Camera]:
    """Return an example without the views that it holds out, and the camera of the first of those."""
    capture = read_capture(calibration)
    held_out = {Path(name).stem for name in json.loads(calibration.read_text(encoding="utf-8"))["test_filenames"]}
    views = [view for view in capture if Path(str(view.image)).stem in held_out]
    return capture.without({view.name for view in views}), views[0].camera
