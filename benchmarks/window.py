"""The rendered viewport and the timeline in a real window: needs Xvfb, and BLENDER, the command of a Blender."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.gui.blender import Blender
from tests.gui.screen import VirtualScreen

from .example import EXAMPLE
from .measure import Row


def run() -> list[Row]:
    """Run the sessions of the window tests that measure."""
    command = shlex.split(os.environ.get("BLENDER", ""))
    if not command or shutil.which("Xvfb") is None:
        print("  left out: name a Blender (BLENDER=/path/to/blender) and install Xvfb", file=sys.stderr)
        return []
    screen = VirtualScreen()
    with tempfile.TemporaryDirectory() as folder:
        try:
            blender = Blender(command, screen, Path(folder))
            facts = {name: _facts(blender, name, Path(folder)) for name in ("viewport", "timeline")}
        finally:
            screen.close()
    view, path = facts["viewport"], facts["timeline"]
    solid = path["played_solid"]["frames_per_second"]
    rows = [
        Row(f"Blender {blender.version}, rendered viewport", "first picture, kept", view["viewport_camera_first"], "s"),
        Row(f"Blender {blender.version}, rendered viewport", "first picture, free", view["viewport_free_first"], "s"),
    ]
    for name, way in (("scrubbed", "scrubbed"), ("played_rendered", "played")):
        subject = f"Blender {blender.version}, kept frames {way}"
        own = path[f"own_{name}"]
        rows += [
            Row(
                subject,
                "shown",
                path[name]["frames_per_second"],
                "1/s",
                path[name]["frames_per_second"] / solid,
                "Solid",
            ),
            Row(subject, "Blender's thread for us, a frame", 1000 * own["each"], "ms"),
            Row(subject, "Blender's thread for us, longest", 1000 * own["longest"], "ms"),
        ]
    return rows


def _facts(blender: Blender, session: str, out: Path) -> dict[str, Any]:
    found: dict[str, Any] = blender.run(session, out / session, EXAMPLE)["facts"]
    return found
