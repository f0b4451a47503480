"""Inside Blender: runs one session of sessions/ a step at a time, so that Blender draws and listens in between.

A session is a generator; each time that it yields, Blender's event loop turns. What it found out, and the error that
ended it, is written as JSON.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
import traceback
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import bpy

ROOT = Path(__file__).resolve().parents[2]

# Seconds between two steps.
INTERVAL = 0.02

Steps = Generator[None, None, None]


class Session:
    """What steps need: where pictures go, and a place for what is found out."""

    def __init__(self, out: Path, arguments: list[str]) -> None:
        self.out, self.arguments = out, arguments
        self.facts: dict[str, Any] = {}

    @staticmethod
    def pause(seconds: float = 0.5) -> Steps:
        """Let Blender draw and handle events."""
        end = time.monotonic() + seconds
        yield
        while time.monotonic() < end:
            yield

    @staticmethod
    def until(question: Callable[[], bool], seconds: float = 120.0) -> Steps:
        """Wait until the answer is yes.

        Raises:
            AssertionError: If it is no for too long.
        """
        end = time.monotonic() + seconds
        while not question():
            assert time.monotonic() < end, f"nothing for {seconds:.0f} seconds"
            yield

    def picture(self, name: str, part: bpy.types.Region | bpy.types.Area | None = None) -> Steps:
        """Have a picture of the main window or a part of it taken, after what has changed was drawn."""
        for area in bpy.context.window_manager.windows[0].screen.areas:
            area.tag_redraw()
        yield from self.pause(0.8)
        yield from self.snapshot(name, part)

    def snapshot(self, name: str, part: bpy.types.Region | bpy.types.Area | None = None) -> Steps:
        """Have a picture taken of what shows at this moment."""
        main = bpy.context.window_manager.windows[0]
        left, top, shown = (0, 0, main) if part is None else (part.x, main.height - part.y - part.height, part)
        wanted = self.out / f"{name}.wanted"
        half = self.out / f"{name}.half"
        half.write_text(json.dumps([left, top, shown.width, shown.height]))
        half.rename(wanted)
        yield from self.until(lambda: not wanted.exists(), 20)


def main() -> None:
    """Run the session that the command line names."""
    name, out, *arguments = sys.argv[sys.argv.index("--") + 1 :]
    sys.path.insert(0, str(ROOT))
    session = Session(Path(out), arguments)
    steps = _play(name, session)

    def tick() -> float | None:
        return INTERVAL if next(steps, True) is None else None

    bpy.app.timers.register(tick, first_interval=2.0)


def _play(name: str, session: Session) -> Steps:
    """Take a session's steps, write down what came of them, and end Blender."""
    error = ""
    try:
        yield from importlib.import_module(f"tests.gui.sessions.{name}").run(session)
    except Exception:
        error = traceback.format_exc()
        yield from session.picture(f"{name}_failed")
    record = {"session": name, "error": error, "facts": session.facts}
    (session.out / f"{name}.json").write_text(json.dumps(record, indent=2))
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        bpy.ops.wm.quit_blender()


if __name__ == "__main__":
    main()
