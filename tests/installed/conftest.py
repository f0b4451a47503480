"""The built zip, installed by Blender into a clean user folder."""

import importlib.util
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.installed.sessions import blender_process, outcome
from wheels.builder import build_thin


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip that `make build` makes."""
    if importlib.util.find_spec("bpy") is None:
        pytest.skip("Blender's module is not here")
    return build_thin(tmp_path_factory.mktemp("build"))


@pytest.fixture(scope="session")
def installed(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user folder into which the zip was installed."""
    folder = tmp_path_factory.mktemp("installed")
    record = outcome(blender_process(folder, "install", archive))
    assert record["installed"]
    return folder


@pytest.fixture
def session(installed: Path) -> Callable[..., "subprocess.Popen[str]"]:
    """Start another Blender with the installed extension."""
    return lambda *arguments: blender_process(installed, *arguments)
