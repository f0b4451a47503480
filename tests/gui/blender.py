"""A real Blender: the extension installed from a newly built zip, and sessions run in its window."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2

from .screen import SIZE, VirtualScreen

ROOT = Path(__file__).resolve().parents[2]
DRIVER = Path(__file__).with_name("driver.py")

# Seconds after which a session is given up.
LIMIT = 600.0


class Blender:
    """A Blender with a user folder of its own.

    Args:
        command: What starts Blender; it is given Blender's arguments and must keep the working directory, DISPLAY,
            BLENDER_USER_RESOURCES and SIGHTLINE_PYTHON.
        screen: Where its window opens.
        folder: For the user folder and the zip.
    """

    def __init__(self, command: list[str], screen: VirtualScreen, folder: Path) -> None:
        self._command, self._screen = command, screen
        self._environment = os.environ | {"DISPLAY": screen.display, "BLENDER_USER_RESOURCES": str(folder / "user")}
        self._environment.setdefault("SIGHTLINE_PYTHON", sys.executable)
        self._folder = folder
        self.version = self._install()

    def run(self, session: str, out: Path, *arguments: object) -> dict[str, Any]:
        """Run a session of sessions/, with its pictures in ``out``; return what it found out.

        Raises:
            AssertionError: If a step failed or Blender did not end well.
        """
        out.mkdir(parents=True, exist_ok=True)
        record_file = out / f"{session}.json"
        record_file.unlink(missing_ok=True)
        size = [str(number) for number in SIZE]
        command = [*self._command, "--enable-event-simulate", "--window-geometry", "0", "0", *size]
        command += ["--python", str(DRIVER), "--", session, str(out), *map(str, arguments)]
        log = out / f"{session}.log"
        with log.open("w") as stream:
            process = subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT, env=self._environment)
            deadline = time.monotonic() + LIMIT
            while process.poll() is None and time.monotonic() < deadline:
                self._serve(out)
                time.sleep(0.05)
            if process.poll() is None:
                process.terminate()
        assert record_file.exists(), f"the session ended without a word (status {process.returncode}): {log}"
        record: dict[str, Any] = json.loads(record_file.read_text())
        assert not record["error"], record["error"]
        assert process.wait() == 0, f"Blender ended with status {process.returncode}: {log}"
        return record

    def _serve(self, out: Path) -> None:
        """Take the pictures that the session asks for, each by a file that names the part of the screen."""
        for wanted in out.glob("*.wanted"):
            x, y, width, height = json.loads(wanted.read_text())
            picture = self._screen.picture()
            cv2.imwrite(str(wanted.with_suffix(".png")), picture[y : y + height, x : x + width])
            wanted.unlink()

    def _install(self) -> str:
        """Build the zip with this Blender and install it; return Blender's version.

        The splash screen would cover the window, and a second window has no place without a window manager.
        """
        self._background("--command", "extension", "build", "--source-dir", ROOT, "--output-dir", self._folder)
        archive = next(self._folder.glob("sightline-*.zip"))
        self._background("--command", "extension", "install-file", "-r", "user_default", "-e", archive)
        expression = (
            "import bpy; view = bpy.context.preferences.view; view.show_splash = False; "
            "view.filebrowser_display_type = view.render_display_type = 'SCREEN'; bpy.ops.wm.save_userpref(); "
            "print('version', *bpy.app.version[:2])"
        )
        output = self._background("--python-expr", expression)
        line = next(line for line in output.splitlines() if line.startswith("version "))
        return ".".join(line.split()[1:])

    def _background(self, *arguments: object) -> str:
        command = [*self._command, "-b", *map(str, arguments)]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
