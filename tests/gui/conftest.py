"""`make test-gui BLENDER="command that starts Blender"`: a real Blender in a window on a virtual screen."""

import os
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gui.blender import ROOT, Blender
from tests.gui.screen import VirtualScreen


@pytest.fixture(scope="session")
def blender(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Blender]:
    """Blender with the built extension installed."""
    command = shlex.split(os.environ.get("BLENDER", "blender"))
    for program, way in ((command[0], "name yours: make test-gui BLENDER=/path/to/blender"), ("Xvfb", "install it")):
        if shutil.which(program) is None:
            pytest.exit(f"There is no {program} on this machine; {way}.", returncode=2)
    screen = VirtualScreen()
    try:
        yield Blender(command, screen, tmp_path_factory.mktemp("blender"))
    finally:
        screen.close()


@pytest.fixture(scope="session")
def out(blender: Blender) -> Path:
    """Where the pictures of this Blender go."""
    return ROOT / "out" / "gui" / blender.version
