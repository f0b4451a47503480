"""A virtual screen whose pictures are read from its memory; needs Xvfb and nothing else."""

from __future__ import annotations

import shutil
import struct
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SIZE = 1440, 900


class VirtualScreen:
    """An X server that draws into a file, which is the screen."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="sightline-screen-"))
        command = ["Xvfb", "-displayfd", "1", "-screen", "0", f"{SIZE[0]}x{SIZE[1]}x24", "-nolisten", "tcp"]
        command += ["-nocursor", "+extension", "GLX", "-fbdir", str(self._folder)]
        self._server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._server.stdout is not None
        self.display = f":{int(self._server.stdout.readline())}"

    def picture(self) -> NDArray[np.uint8]:
        """Return what the screen shows, BGR, H x W x 3: an X window dump (XWDFile.h) of 32-bit pixels."""
        dump = (self._folder / "Xvfb_screen0").read_bytes()
        header = struct.unpack(">25I", dump[:100])
        offset, height, stride = header[0] + 12 * header[19], header[5], header[12]
        rows = np.frombuffer(dump, np.uint8, height * stride, offset).reshape(height, stride // 4, 4)
        return rows[:, : header[4], :3]

    def close(self) -> None:
        """End the server."""
        self._server.terminate()
        self._server.wait()
        for _ in range(20):  # the server removes its own file
            if not any(self._folder.iterdir()):
                break
            time.sleep(0.05)
        shutil.rmtree(self._folder, ignore_errors=True)
