"""The example capture as a benchmark's input."""

from __future__ import annotations

import json
from pathlib import Path

from inference.camera import Camera
from inference.capture import read_capture
from inference.view import Capture

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "still_life" / "transforms.json"


def example(width: int = 512, height: int = 384) -> tuple[Capture, Camera]:
    """Return the capture without its held-out view, and that view's camera at ``width`` x ``height`` pixels."""
    capture = read_capture(EXAMPLE)
    held_out = {Path(name).stem for name in json.loads(EXAMPLE.read_text(encoding="utf-8"))["test_filenames"]}
    target = next(view.camera for view in capture if Path(str(view.image)).stem in held_out)
    return capture.without({view.name for view in capture if Path(str(view.image)).stem in held_out}), target.resized(
        width, height
    )
